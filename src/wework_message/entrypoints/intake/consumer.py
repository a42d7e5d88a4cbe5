"""Takes queued sends: each one is stored, or refused for good as a dead letter, and only then acknowledged."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Literal, TypeAlias

from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.big_work import computed
from wework_message.application.errors import ApplicationError, DrainingError
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.consumer import DeliveredT, Subscribed
from wework_message.domain.ports.dead_letters import DeadLetter, Fault
from wework_message.domain.ports.observers import IntakeObserver
from wework_message.domain.ports.system import Clock
from wework_message.entrypoints.intake.translating import (
    EXHAUSTED,
    POISON,
    command_of,
    dead_letter,
    faults_of,
    stored_names,
)
from wework_message.entrypoints.wire.problems import RequestRejected
from wework_message.entrypoints.wire.requests.body import Limits

MAX_BATCH: Final = 200
"""Messages that are handled at once: they share a transaction."""
MAX_CONCURRENT: Final = 32
"""Messages of one `receive`; brokers give no more."""
RETRY_DELAY_S: Final = 1.0
"""Pause while the store, or the queue's client, is away."""
MAX_TRIES_WITH_STORE_UP: Final = 3
"""Times that storing a message may fail while the store answers, before it is left for redelivery."""
MAX_HANDLING_FAILURES: Final = 3
"""Times that handling a message may raise, in one process, before it is a dead letter."""
MAX_DELIVERIES: Final = 10
"""Deliveries of a message that could neither be stored nor refused; brokers give up later (16 redeliveries by default)."""
MAX_COUNTED_MESSAGES: Final = 10_000
"""Messages whose failures are counted."""

Result: TypeAlias = Literal["stored", "duplicate", "dead"]

_log: Final = logging.getLogger(__name__)


class _LeftError(Exception):
    """The message is not acknowledged: the broker delivers it again."""


class IntakeConsumer(Generic[DeliveredT]):
    """One topic's consumer in this process."""

    def __init__(
        self,
        subscription: Subscribed[DeliveredT],
        accept: Callable[[AcceptMessage], Awaitable[Accepted]],
        keep: Callable[[DeadLetter], Awaitable[None]],
        store_answers: Callable[[], Awaitable[bool]],
        observer: IntakeObserver,
        clock: Clock,
        limits: Limits,
    ) -> None:
        """`accept` and `keep` are durable when they return; `store_answers` probes the store with a trivial query."""
        self._subscription = subscription
        self._accept = accept
        self._keep = keep
        self._store_answers = store_answers
        self._observer = observer
        self._clock = clock
        self._limits = limits
        self._open: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._raised: OrderedDict[str, int] = OrderedDict()
        self._stop = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """Take nothing more; begun messages are finished, or left for redelivery where the store is away."""
        self._stop.set()

    async def run(self) -> None:
        """Take messages until `stop`. While the store is away nothing more is received."""
        while not self._stop.is_set():
            if (free := await self._capacity()) == 0:
                continue
            try:
                deliveries = await self._subscription.receive(min(free, MAX_CONCURRENT))
            except Exception:  # noqa: BLE001 -- one defect must not end the intake
                _log.exception("intake could not receive")
                await set_within(self._stop, RETRY_DELAY_S)
                continue
            for delivery in deliveries:
                task = asyncio.create_task(self._take(delivery))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
        if self._open:
            await asyncio.wait(self._open)

    async def _capacity(self) -> int:
        """How many more messages may be handled; 0 after a wait for one of them to end."""
        free = 0 if self._waiting else MAX_BATCH - len(self._open)
        if free <= 0:
            await asyncio.wait(self._open, return_when=asyncio.FIRST_COMPLETED)
            return 0
        return free

    async def _take(self, delivery: DeliveredT) -> None:
        try:
            result, reason = await self._settle(delivery)
        except _LeftError:
            return
        except Exception:  # noqa: BLE001 -- left for redelivery; the others go on
            _log.exception("intake could not settle a message")
            return
        self._raised.pop(delivery.message_id, None)
        await self._subscription.ack(delivery)
        self._observer.intake(result, reason)

    async def _settle(self, delivery: DeliveredT) -> tuple[Result, str | None]:
        """Store or refuse the message durably. Waits for a store that is away; raises `_LeftError` where it gives up."""
        failures_with_store_up = 0
        while True:
            try:
                return await self._accept_or_refuse(delivery)
            except UnavailableError:
                self._observer.intake("unavailable", None)
            except DrainingError:
                raise _LeftError from None
            if failures_with_store_up >= MAX_TRIES_WITH_STORE_UP or self._stop.is_set():
                raise _LeftError
            self._waiting += 1
            if self._waiting == 1:
                _log.warning("intake waits: the store does not take messages")
            try:
                await set_within(self._stop, RETRY_DELAY_S)
                failures_with_store_up += await self._store_answers()
            finally:
                self._waiting -= 1

    async def _accept_or_refuse(self, delivery: DeliveredT) -> tuple[Result, str | None]:
        if delivery.attempt > MAX_DELIVERIES:
            return await self._refuse(delivery, EXHAUSTED)
        key, source_id = stored_names(delivery)
        now = self._clock.now()
        try:
            body = delivery.body
            command = await computed(len(body), command_of, body, key, source_id, limits=self._limits, now=now)
            accepted = await self._accept(command)
        except RequestRejected as rejected:
            return await self._refuse(delivery, rejected.error, faults_of(rejected))
        except (UnavailableError, DrainingError):
            raise
        except ApplicationError as error:
            return await self._refuse(delivery, error.code, faults_of(error))
        except Exception:  # noqa: BLE001 -- counted: after `MAX_HANDLING_FAILURES` it is a dead letter
            _log.exception("intake could not handle a message")
            if self._count(delivery.message_id) < MAX_HANDLING_FAILURES:
                raise _LeftError from None
            return await self._refuse(delivery, POISON)
        return ("duplicate" if accepted.duplicate else "stored"), None

    async def _refuse(
        self, delivery: DeliveredT, reason: str, faults: tuple[Fault, ...] = ()
    ) -> tuple[Result, str | None]:
        await self._keep(dead_letter(delivery, reason, faults, now=self._clock.now()))
        return "dead", reason

    def _count(self, message_id: str) -> int:
        """Count one more failure of our own code; a store that is away does not count."""
        failures = self._raised.pop(message_id, 0) + 1
        self._raised[message_id] = failures
        if len(self._raised) > MAX_COUNTED_MESSAGES:
            self._raised.popitem(last=False)
        return failures
