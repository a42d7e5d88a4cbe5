"""Test doubles of the application in memory: a notifier, observers, a callback reader, a database connection."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from wework_message.application.callbacks.projector import LocalInboxNotifier
from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import AccountId, BindingId, Guid, MessageId, ProviderCode
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.lifecycle import Moved
from wework_message.domain.media.outcome import MediaOutcome
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.message.sent_message import DELIVERED, SentMessage
from wework_message.domain.ports.gateway import MAX_CALLBACK_RECORDS, CallbackItem
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.notifier import Wakeup
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.standby import StandbyEvent
from wework_message.domain.stream import PullOutcome
from wework_message.domain.trace import TraceContext
from wework_message.domain.webhooks.delivery import DeliveryState


class PatientNotifier:
    """Waits for a wake-up without a limit: code that relies on the idle poll instead of a wake-up hangs."""

    def __init__(self) -> None:
        self._notified = asyncio.Event()
        self.wakeups: list[tuple[MessageId, ...]] = []

    async def notify(
        self, message_ids: Sequence[MessageId], urgency: Urgency = Urgency.NORMAL, traces: Sequence[TraceContext] = ()
    ) -> None:
        self.wakeups.append(tuple(message_ids))
        self._notified.set()

    async def wait(self, timeout_ms: int) -> Wakeup:
        if timeout_ms > 0:
            await self._notified.wait()
        self._notified.clear()
        return Wakeup()

    async def answered(self, wakeup: Wakeup) -> None:
        pass

    def forget(self) -> None:
        """Drop the wake-up that came before."""
        self._notified.clear()


class CountingInboxNotifier(LocalInboxNotifier):
    """Counts how often a projector was notified."""

    def __init__(self) -> None:
        super().__init__()
        self.notifications = 0

    def notify(self) -> None:
        self.notifications += 1
        super().notify()


class NullObserver:
    """An observer that records nothing."""

    def accepted(self, messages: Sequence[Message]) -> None: ...

    def moved(self, message: Message, move: Moved) -> None: ...

    def delivered(self, messages: Sequence[SentMessage]) -> None: ...

    def called(self, report: CallReport) -> None: ...

    def callbacks(self, notify_type: int, result: str, count: int, guid: Guid | None = None) -> None: ...

    def misfits(self, misfit: Misfit, count: int, guid: Guid | None = None) -> None: ...

    def quarantined(self, reason: QuarantineReason, count: int, guid: Guid | None = None) -> None: ...

    def foreign_ids(self, count: int) -> None: ...

    def callbacks_refused(self, refusal: CallbackRefusal, count: int) -> None: ...

    def degraded(self, provider_code: ProviderCode, binding_id: BindingId, *, ended: bool) -> None: ...

    def pulled(
        self, provider_code: ProviderCode, outcome: PullOutcome, *, new: int, known: int, lag_ms: int | None
    ) -> None: ...

    def standby(self, account_id: AccountId, event: StandbyEvent) -> None: ...

    def webhook(self, outcome: OutboundOutcome, state: DeliveryState) -> None: ...

    def media(
        self, provider_code: ProviderCode | None, outcome: MediaOutcome, *, seconds: float, size: int
    ) -> None: ...

    def spooled(self, count: int) -> None: ...

    def unspooled(self, count: int) -> None: ...


class RecordingObserver:
    def __init__(self) -> None:
        self.new: list[MessageId] = []
        self.spooled_answers: list[int] = []
        self.unspooled_answers: list[int] = []
        self.webhook_counts: Counter[tuple[OutboundOutcome, DeliveryState]] = Counter()
        self.media_counts: Counter[tuple[ProviderCode | None, MediaOutcome]] = Counter()
        self.standby_events: list[tuple[AccountId, StandbyEvent]] = []
        self.moves: list[tuple[MessageId, Moved]] = []
        self.calls: list[CallReport] = []
        self.callback_counts: Counter[tuple[int, str]] = Counter()
        self.misfit_counts: Counter[Misfit] = Counter()
        self.quarantined_counts: Counter[QuarantineReason] = Counter()
        self.without_guid: list[object] = []
        self.foreign_id_count = 0
        self.refusals: Counter[CallbackRefusal] = Counter()
        self.pulls: list[tuple[PullOutcome, int, int]] = []
        self.degradations: list[tuple[BindingId, bool]] = []
        self.intake_counts: Counter[tuple[str, str | None]] = Counter()

    def accepted(self, messages: Sequence[Message]) -> None:
        self.new += [message.id for message in messages]

    def moved(self, message: Message, move: Moved) -> None:
        self.moves.append((message.id, move))

    def delivered(self, messages: Sequence[SentMessage]) -> None:
        self.moves += [(message.id, DELIVERED) for message in messages]

    def called(self, report: CallReport) -> None:
        self.calls.append(report)

    def callbacks(self, notify_type: int, result: str, count: int, guid: Guid | None = None) -> None:
        self.callback_counts[notify_type, result] += count
        self._check((notify_type, result), count, guid)

    def misfits(self, misfit: Misfit, count: int, guid: Guid | None = None) -> None:
        self.misfit_counts[misfit] += count
        self._check(misfit, count, guid)

    def quarantined(self, reason: QuarantineReason, count: int, guid: Guid | None = None) -> None:
        self.quarantined_counts[reason] += count
        self._check(reason, count, guid)

    def _check(self, kind: object, count: int, guid: Guid | None) -> None:
        """A line about callbacks names the instance of one of them."""
        if count and guid is None:
            self.without_guid.append(kind)

    def foreign_ids(self, count: int) -> None:
        self.foreign_id_count += count

    def callbacks_refused(self, refusal: CallbackRefusal, count: int) -> None:
        self.refusals[refusal] += count

    def degraded(self, provider_code: ProviderCode, binding_id: BindingId, *, ended: bool) -> None:
        self.degradations.append((binding_id, ended))

    def pulled(
        self,
        provider_code: ProviderCode,
        outcome: PullOutcome,
        *,
        new: int,
        known: int,
        lag_ms: int | None,
    ) -> None:
        self.pulls.append((outcome, new, known))

    def standby(self, account_id: AccountId, event: StandbyEvent) -> None:
        self.standby_events.append((account_id, event))

    def webhook(self, outcome: OutboundOutcome, state: DeliveryState) -> None:
        self.webhook_counts[outcome, state] += 1

    def media(self, provider_code: ProviderCode | None, outcome: MediaOutcome, *, seconds: float, size: int) -> None:
        self.media_counts[provider_code, outcome] += 1

    def spooled(self, count: int) -> None:
        self.spooled_answers.append(count)

    def unspooled(self, count: int) -> None:
        self.unspooled_answers.append(count)

    def intake(self, result: str, reason: str | None) -> None:
        self.intake_counts[result, reason] += 1

    @property
    def new_callbacks(self) -> int:
        return sum(count for (_, result), count in self.callback_counts.items() if result == "new")


class ScriptedReader:
    """Reads callbacks whose body is the key of an item that the test has put here."""

    def __init__(self) -> None:
        self._items: dict[str, CallbackItem] = {}
        self._serial = itertools.count(1)
        self.breaks_on: set[str] = set()

    def body(self, **fields: Any) -> bytes:
        stream_record = fields.get("stream_record")
        named = "" if stream_record is None else f" {' '.join(stream_record.conversations)}"
        raw = f"callback {next(self._serial)}{named}"
        known = {"guid": stream_record.guid, "event_key": stream_record.event_key} if stream_record is not None else {}
        defaults: dict[str, Any] = {"notify_type": 11010, "event_key": raw, "raw": raw}
        item = CallbackItem(**defaults | known | fields)
        self._items[raw] = self._items[item.raw] = item
        return raw.encode()

    def read(self, body: bytes, *, max_records: int = MAX_CALLBACK_RECORDS) -> tuple[CallbackItem, ...]:
        if body.decode() not in self._items:
            raise InvalidValueError("$", "is no callback")
        return (self._items[body.decode()],)

    def reread(self, notify_type: int, raw: str) -> CallbackItem:
        if raw in self.breaks_on:
            raise LookupError(raw)
        return self._items[raw]


class Connection:
    """A process's connection to the database, until the process is killed."""

    def __init__(self, units: UnitOfWorkFactory) -> None:
        self._units = units
        self._cut = False

    def cut(self) -> None:
        """From now on nothing that the process does is stored."""
        self._cut = True

    def restore(self) -> None:
        """It answers again."""
        self._cut = False

    def __call__(self) -> UnitOfWork:
        if self._cut:
            raise UnavailableError("database", "the process is dead")
        return self._units()
