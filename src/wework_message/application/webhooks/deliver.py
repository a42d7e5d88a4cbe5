"""The loop that delivers: each endpoint has slots of its own, so that one that hangs slows no other (ADR 56)."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

from wework_message.application.commit.scope import Commits
from wework_message.application.errors import DrainingError
from wework_message.application.waiting import rounds_until
from wework_message.application.webhooks.attempts import ClaimDeliveries, EndAttempts, GiveBack
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import WebhookId
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundHttp, OutboundOutcome
from wework_message.domain.ports.system import Clock, RandomSource
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.ports.webhooks import WebhookReader
from wework_message.domain.signatures import signed_headers
from wework_message.domain.trace import carried
from wework_message.domain.webhooks.delivery import DEADLINE_MS, Delivery
from wework_message.domain.webhooks.endpoint import Endpoint

SLOTS: Final = 16
"""Attempts that a process makes at one endpoint at a time."""

AHEAD: Final = SLOTS
"""Deliveries of one endpoint that a process claims before there is a slot for them, so that slots need not wait for the database.

Each has a slot once every attempt before it has ended, so within `DEADLINE_MS`; the lease has time for that.
"""

POLL_S: Final = 1.0
"""How soon is seen what another process has recorded, and what a retry waited for."""

DRAIN_S: Final = 5.0
"""How long a process that ends waits for open attempts; what it gives up is tried by the next one after the lease."""

GIVE_BACK_S: Final = 1.0
"""How long a process that ends waits until others may send what it has claimed and not sent."""

_CONTENT_TYPE: Final = ("content-type", "application/json")

_log: Final = logging.getLogger(__name__)


class Slots:
    """The claimed deliveries of one endpoint in this process."""

    def __init__(self) -> None:
        """None yet."""
        self.claimed = 0
        """Those that have no answer yet."""
        self.free = asyncio.Semaphore(SLOTS)

    def pass_all(self) -> None:
        """Let all that wait for a slot go on."""
        for _ in range(self.claimed):
            self.free.release()


class DeliverEvents:
    """Claims due deliveries, makes the requests, and has their ends written. Any number of processes may do it."""

    def __init__(
        self,
        directory: EndpointDirectory,
        reader: WebhookReader,
        commits: Commits,
        claim: ClaimDeliveries,
        end: EndAttempts,
        give_back: GiveBack,
        outbound: OutboundHttp,
        clock: Clock,
        random_source: RandomSource,
        wake: asyncio.Event,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """`wake` is set when something may be due."""
        self._directory = directory
        self._reader = reader
        self._commits = commits
        self._claim = claim
        self._end = end
        self._give_back = give_back
        self._outbound = outbound
        self._clock = clock
        self._random_source = random_source
        self._wake = wake
        self._tracer = tracer
        self._stopped = asyncio.Event()
        self._slots: dict[WebhookId, Slots] = {}
        """Of endpoints with claimed deliveries."""
        self._full: frozenset[WebhookId] = frozenset()
        """Endpoints of which the last claim took as much as it might: there will be more."""
        self._attempts: set[asyncio.Task[None]] = set()
        self._unsent: dict[Delivery, asyncio.Task[None]] = {}
        """Those of them that have sent nothing yet."""

    async def run(self) -> None:
        """Until `stop`. Where the store is away, nothing is delivered and nothing lost."""
        await rounds_until(
            self._stopped,
            self.round,
            wake=self._wake,
            poll_s=POLL_S,
            log=_log,
            what="webhooks",
            failed="webhooks could not be delivered",
        )

    async def stop(self, drain_s: float = 0.0) -> None:
        """Claim nothing more, give back what waits for a slot, and wait a little for open attempts."""
        self._stopped.set()
        self._wake.set()
        for slots in self._slots.values():
            slots.pass_all()
        if self._unsent:
            await asyncio.wait(set(self._unsent.values()), timeout=GIVE_BACK_S)
        if self._attempts:
            _, late = await asyncio.wait(set(self._attempts), timeout=min(drain_s, DRAIN_S))
            for task in late:
                task.cancel()

    async def settled(self) -> None:
        """Wait for the attempts that are open now."""
        if self._attempts:
            await asyncio.wait(set(self._attempts))

    async def round(self) -> bool:
        """Claim what is due and will soon have a slot; whether there was anything. Raises `UnavailableError`."""
        enabled = [endpoint.id for endpoint in await self._directory.current() if endpoint.sends]
        free = {webhook_id: SLOTS + AHEAD - self._claimed(webhook_id) for webhook_id in enabled}
        due = await self._due([webhook_id for webhook_id in enabled if free[webhook_id] > 0])
        if not due or self._stopped.is_set():
            return False
        claimed = await self._commits.submit(self._claim, {webhook_id: free[webhook_id] for webhook_id in due})
        if self._stopped.is_set():
            await asyncio.gather(*(self._commits.submit(self._give_back, delivery) for delivery in claimed))
            return False
        taken = Counter(delivery.endpoint_id for delivery in claimed)
        self._full = (self._full - {*due}).intersection(enabled) | {key for key in due if taken[key] == free[key]}
        for delivery in claimed:
            slots = self._slots.setdefault(delivery.endpoint_id, Slots())
            slots.claimed += 1
            task = asyncio.create_task(self._attempt(delivery, slots), name="webhook")
            self._unsent[delivery] = task
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)
        return bool(claimed)

    async def _due(self, webhook_ids: Sequence[WebhookId]) -> Sequence[WebhookId]:
        """Those for which a claim is worth a transaction; the database is only read for those that the last one emptied."""
        unsure = [webhook_id for webhook_id in webhook_ids if webhook_id not in self._full]
        return [*self._full.intersection(webhook_ids), *await self._reader.due(unsure, now=self._clock.now())]

    def _claimed(self, webhook_id: WebhookId) -> int:
        slots = self._slots.get(webhook_id)
        return 0 if slots is None else slots.claimed

    async def _attempt(self, delivery: Delivery, slots: Slots) -> None:
        try:
            answer = await self._answer(delivery, slots)
            if answer is None:
                await self._commits.submit(self._give_back, delivery)
            else:
                ended = delivery.answered(answer, now=self._clock.now(), fraction=self._random_source.fraction())
                await self._commits.submit(self._end, ended)
        except (UnavailableError, DrainingError) as error:
            _log.info("a webhook is delivered once more, how this attempt ended could not be written: %s", error)
        except Exception:  # noqa: BLE001 -- its lease ends, and another attempt follows
            _log.exception("a webhook's delivery failed")
        finally:
            self._unsent.pop(delivery, None)
            self._wake.set()  # what waited behind it is due

    async def _answer(self, delivery: Delivery, slots: Slots) -> OutboundAnswer | None:
        """Of an attempt in a slot, which is free with the answer: its end is written beside the next claim.

        None where nothing was sent: while this waited for the slot the endpoint was disabled or deleted, the process has
        begun to stop, or the database was so slow that the lease would end before the attempt.
        """
        try:
            async with slots.free:
                endpoint = await self._endpoint(delivery.endpoint_id)
                if endpoint is None or self._stopped.is_set() or not delivery.has_time(self._clock.now()):
                    return None
                del self._unsent[delivery]
                return await self._post(delivery, endpoint)
        finally:
            slots.claimed -= 1
            if not slots.claimed:
                del self._slots[delivery.endpoint_id]
            self._wake.set()

    async def _endpoint(self, webhook_id: WebhookId) -> Endpoint | None:
        """As it is now: a change counts for what has waited, too. Raises `UnavailableError`."""
        endpoints = await self._directory.current()
        return next((endpoint for endpoint in endpoints if endpoint.id == webhook_id and endpoint.sends), None)

    async def _post(self, delivery: Delivery, endpoint: Endpoint) -> OutboundAnswer:
        now, body = self._clock.now(), delivery.body.encode()
        signed = signed_headers(endpoint.secrets(now), delivery.event_id, now, body)
        span = self._tracer.delivering(delivery)
        try:
            answer = await self._outbound.post(
                delivery.callback_url or endpoint.url,
                headers=(_CONTENT_TYPE, *signed, *carried(span.context)),
                body=body,
                deadline_ms=DEADLINE_MS,
            )
        except Exception:  # noqa: BLE001 -- the port promises not to raise; the receiver may have the request
            _log.exception("a request to a webhook failed")
            answer = OutboundAnswer(OutboundOutcome.LOST)
        except BaseException:  # the process ends
            span.end(OutboundOutcome.LOST, failed=True)
            raise
        span.end(answer.outcome, failed=answer.outcome is not OutboundOutcome.DELIVERED)
        return answer
