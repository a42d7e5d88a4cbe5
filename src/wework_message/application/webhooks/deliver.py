"""The loop that delivers: each endpoint has slots of its own, so that one that hangs slows no other (ADR 56)."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final

from wework_message.application.commit.scope import Commits
from wework_message.application.errors import DrainingError
from wework_message.application.waiting import set_within
from wework_message.application.webhooks.attempts import ClaimDeliveries, EndAttempts
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import WebhookId
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundHttp, OutboundOutcome
from wework_message.domain.ports.system import Clock, RandomSource
from wework_message.domain.ports.webhooks import WebhookReader
from wework_message.domain.signatures import signed_headers
from wework_message.domain.webhooks.delivery import DEADLINE_MS, Delivery
from wework_message.domain.webhooks.endpoint import Endpoint

SLOTS: Final = 16
"""Attempts that a process makes at one endpoint at a time."""

POLL_S: Final = 1.0
"""How soon is seen what another process has recorded, and what a retry waited for."""

DRAIN_S: Final = 5.0
"""How long a process that ends waits for open attempts; what it gives up is tried by the next one after the lease."""

_CONTENT_TYPE: Final = ("content-type", "application/json")

_log: Final = logging.getLogger(__name__)


class DeliverEvents:
    """Claims due deliveries, makes the requests, and has their ends written. Any number of processes may do it."""

    def __init__(
        self,
        directory: EndpointDirectory,
        reader: WebhookReader,
        commits: Commits,
        claim: ClaimDeliveries,
        end: EndAttempts,
        outbound: OutboundHttp,
        clock: Clock,
        random_source: RandomSource,
        wake: asyncio.Event,
    ) -> None:
        """`wake` is set when something may be due."""
        self._directory = directory
        self._reader = reader
        self._commits = commits
        self._claim = claim
        self._end = end
        self._outbound = outbound
        self._clock = clock
        self._random_source = random_source
        self._wake = wake
        self._stopped = False
        self._open: Counter[WebhookId] = Counter()
        self._attempts: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until `stop`. Where the store is away, nothing is delivered and nothing lost."""
        while not self._stopped:
            self._wake.clear()
            more = False
            try:
                more = await self.round()
            except UnavailableError as error:
                _log.info("webhooks wait for the database: %s", error)
            except DrainingError:
                return
            except Exception:  # noqa: BLE001 -- a defect here must not end the loop
                _log.exception("webhooks could not be delivered")
            if not more and not self._stopped:
                await set_within(self._wake, POLL_S)

    async def stop(self, drain_s: float = 0.0) -> None:
        """Claim nothing more, and wait a little for open attempts."""
        self._stopped = True
        self._wake.set()
        if self._attempts:
            _, late = await asyncio.wait(set(self._attempts), timeout=min(drain_s, DRAIN_S))
            for task in late:
                task.cancel()

    async def settled(self) -> None:
        """Wait for the attempts that are open now."""
        if self._attempts:
            await asyncio.wait(set(self._attempts))

    async def round(self) -> bool:
        """Begin the attempts that are due and have a slot; whether there were any. Raises `UnavailableError`."""
        enabled = {endpoint.id: endpoint for endpoint in await self._directory.current() if endpoint.enabled}
        free = {webhook_id: SLOTS - self._open[webhook_id] for webhook_id in enabled}
        due = await self._reader.due([key for key, slots in free.items() if slots > 0], now=self._clock.now())
        if not due or self._stopped:
            return False
        claimed = await self._commits.submit(self._claim, {webhook_id: free[webhook_id] for webhook_id in due})
        for delivery in claimed:
            self._begin(delivery, enabled)
        return bool(claimed)

    def _begin(self, delivery: Delivery, endpoints: Mapping[WebhookId, Endpoint]) -> None:
        self._open[delivery.endpoint_id] += 1
        task = asyncio.create_task(self._attempt(delivery, endpoints[delivery.endpoint_id]), name="webhook")
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)

    async def _attempt(self, delivery: Delivery, endpoint: Endpoint) -> None:
        try:
            answer = await self._post(delivery, endpoint)
            ended = delivery.answered(answer, now=self._clock.now(), fraction=self._random_source.fraction())
            await self._commits.submit(self._end, ended)
        except (UnavailableError, DrainingError) as error:
            _log.info("the end of a webhook's delivery could not be written, it is tried once more: %s", error)
        except Exception:  # noqa: BLE001 -- its lease ends, and another attempt follows
            _log.exception("a webhook's delivery failed")
        finally:
            self._open[delivery.endpoint_id] -= 1
            self._wake.set()  # a slot is free, and what waited behind it is due

    async def _post(self, delivery: Delivery, endpoint: Endpoint) -> OutboundAnswer:
        now, body = self._clock.now(), delivery.body.encode()
        signed = signed_headers(endpoint.secrets(now), delivery.event_id, now, body)
        try:
            return await self._outbound.post(
                delivery.callback_url or endpoint.url,
                headers=(_CONTENT_TYPE, *signed),
                body=body,
                deadline_ms=DEADLINE_MS,
            )
        except Exception:  # noqa: BLE001 -- the port promises not to raise; the receiver may have the request
            _log.exception("a request to a webhook failed")
            return OutboundAnswer(OutboundOutcome.LOST)
