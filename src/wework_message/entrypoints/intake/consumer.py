"""Takes queued sends: each one is stored, or refused for good as a dead letter, and only then acknowledged."""

import asyncio
import dataclasses
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Literal, TypeAlias

from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.big_work import computed
from wework_message.application.errors import ApplicationError, DrainingError
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.domain.ports.consumer import DeliveredT, Subscribed
from wework_message.domain.ports.dead_letters import DeadLetter, Fault
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.observers import IntakeObserver
from wework_message.domain.ports.system import Clock
from wework_message.domain.ports.tracer import Span, Tracer
from wework_message.entrypoints.intake.translating import (
    EXHAUSTED,
    POISON,
    UNREADABLE,
    by_key,
    by_part,
    command_of,
    dead_letter,
    faults_of,
    producer_key,
)
from wework_message.entrypoints.wire.problems import ProblemCode, RequestRejected
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
"""Messages whose failures are counted, and parts of batches that are known to be stored."""

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
        keep: Callable[[DeadLetter], Awaitable[bool]],
        store_answers: Callable[[], Awaitable[bool]],
        observer: IntakeObserver,
        clock: Clock,
        limits: Limits,
        *,
        tenant_id: TenantId = DEFAULT_TENANT,
        unique_keys: bool = False,
        topic: str = "",
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """What comes is sent for `tenant_id`. `accept` and `keep` are durable when they return; `store_answers` probes the store with a trivial query.

        With `unique_keys`, two messages of a producer with one key are one message.
        """
        self._subscription = subscription
        self._accept = accept
        self._keep = keep
        self._store_answers = store_answers
        self._observer = observer
        self._clock = clock
        self._limits = limits
        self._tenant_id = tenant_id
        self._unique_keys = unique_keys
        self._topic = topic
        self._tracer = tracer
        self._open: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._raised: OrderedDict[str, int] = OrderedDict()
        self._taken: OrderedDict[str, None] = OrderedDict()
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
        self._observer.intake("received", None)
        span = self._tracer.taking(self._topic, delivery.trace)
        try:
            result, reason = await self._settle(delivery)
        except _LeftError:
            self._leave(span)
            return
        except Exception:  # noqa: BLE001 -- left for redelivery; the others go on
            _log.exception("intake could not settle a message")
            self._leave(span)
            return
        await self._subscription.ack(delivery)
        self._observer.intake(result, reason)
        span.end(result, failed=result == "dead")

    def _leave(self, span: Span) -> None:
        self._observer.intake("left", None)
        span.end("left", failed=True)

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
        if delivery.unreadable is not None:
            return await self._refuse(
                delivery, UNREADABLE, (Fault("body", ProblemCode.INVALID_VALUE, delivery.unreadable),)
            )
        try:
            is_new = await self._accept_once(delivery)
        except RequestRejected as rejected:
            return await self._refuse(delivery, rejected.error, faults_of(rejected))
        except (UnavailableError, DrainingError, _LeftError):
            raise
        except ApplicationError as error:
            return await self._refuse(delivery, error.code, faults_of(error))
        except Exception:  # noqa: BLE001 -- counted: after `MAX_HANDLING_FAILURES` it is a dead letter
            _log.exception("intake could not handle a message")
            if self._count(await self._first_part_id(delivery)) < MAX_HANDLING_FAILURES:
                raise _LeftError from None
            return await self._refuse(delivery, POISON)
        return ("stored" if is_new else "duplicate"), None

    async def _accept_once(self, delivery: DeliveredT) -> bool:
        """Accept it under the first of its keys that is free; whether one was. Raises what `accept` does, and `_LeftError`."""
        body, now = delivery.body, self._clock.now()
        command = await computed(len(body), command_of, body, tenant_id=self._tenant_id, limits=self._limits, now=now)
        key = producer_key(delivery) if self._unique_keys else None
        if command.key is None and key is not None:
            command = dataclasses.replace(command, key=by_key(key))
        if command.key is not None:
            return not (await self._accept(command)).duplicate
        part_ids = await self._subscription.part_ids(delivery)
        if not part_ids:
            _log.warning("intake leaves a message: the broker does not tell of which one it is a copy")
            raise _LeftError
        for part_id in part_ids:
            if part_id in self._taken:
                continue
            accepted = await self._accept(dataclasses.replace(command, key=by_part(part_id)))
            if len(part_ids) > 1:
                self._remember(part_id)
            if not accepted.duplicate:
                return True
        return False

    def _remember(self, part_id: str) -> None:
        """Of a batch of equal messages, which are stored already: each copy would otherwise ask for all of them."""
        self._taken[part_id] = None
        if len(self._taken) > MAX_COUNTED_MESSAGES:
            self._taken.popitem(last=False)

    async def _refuse(
        self, delivery: DeliveredT, reason: str, faults: tuple[Fault, ...] = ()
    ) -> tuple[Result, str | None]:
        """Keep a dead letter of this part alone; what is kept already is a duplicate."""
        for part_id in await self._subscription.part_ids(delivery) or (delivery.part_id,):
            now = self._clock.now()
            letter = dead_letter(delivery, part_id, reason, faults, tenant_id=self._tenant_id, now=now)
            if await self._keep(letter):
                return "dead", reason
        return "duplicate", reason

    async def _first_part_id(self, delivery: DeliveredT) -> str:
        return next(iter(await self._subscription.part_ids(delivery)), delivery.part_id)

    def _count(self, part_id: str) -> int:
        """Count one more failure of our own code; a store that is away does not count."""
        failures = self._raised.pop(part_id, 0) + 1
        self._raised[part_id] = failures
        if len(self._raised) > MAX_COUNTED_MESSAGES:
            self._raised.popitem(last=False)
        return failures
