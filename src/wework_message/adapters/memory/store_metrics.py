"""The state of a `MemoryDatabase` as numbers."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.mass_sends import chunk_due_at
from wework_message.domain.ids import ProviderCode
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.media.asset import MediaState
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import LanePosition
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.store_metrics import (
    LEASE_OVERDUE_MS,
    OPEN,
    RECENT_MS,
    Invariant,
    MediaWork,
    StoreMetrics,
)
from wework_message.domain.ports.system import Clock

_SENT = (MessageStatus.SENT, MessageStatus.DELIVERED)


class MemoryStoreMetrics:
    """Reads what is committed."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own."""
        self._db = database
        self._clock = clock

    async def oldest_due_ms(self) -> int:
        self._db.check_available()
        now = self._clock.now()
        due = [row.due_at for row in self._db.due.committed_rows()]
        due += [row.due_at for row in self._db.mass_chunks.committed_rows() if row.due_at is not None]
        return max((now - due_at for due_at in due if due_at <= now), default=0)

    def _is_never_due(self, message: Message) -> bool:
        return self._db.due.committed(message.id) is None and chunk_due_at(self._db, message) is None

    async def oldest_open_ms(self) -> Mapping[MessageStatus, int]:
        self._db.check_available()
        now = self._clock.now()
        messages = list(self._db.messages.committed_rows())
        ages = [(message.status, max(0, now - message.accepted_at)) for message in messages]
        return {status: max((age for of, age in ages if of is status), default=0) for status in OPEN}

    async def webhook_overdue_ms(self) -> int:
        self._db.check_available()
        now = self._clock.now()
        enabled = {endpoint.id for endpoint in self._db.webhooks.committed_rows() if endpoint.enabled}
        waits = [
            now - delivery.due_at
            for delivery in self._db.webhook_deliveries.committed_rows()
            if delivery.due_at is not None and delivery.endpoint_id in enabled
        ]
        return max((0, *waits))

    async def inbox_lag_ms(self) -> int:
        self._db.check_available()
        waiting = [row for row in self._db.callbacks.committed_rows() if row.state is InboxState.PENDING]
        oldest = min(waiting, key=lambda row: row.id, default=None)
        return 0 if oldest is None else max(0, self._clock.now() - oldest.received_at)

    async def unknown_open(self) -> Mapping[ProviderCode, int]:
        self._db.check_available()
        unknown = [row for row in self._db.messages.committed_rows() if row.status is MessageStatus.UNKNOWN]
        return Counter(last.provider_code for message in unknown if (last := message.attempts.last) is not None)

    async def media_jobs(self) -> Mapping[MediaWork, int]:
        self._db.check_available()
        kinds = [row.job.kind for row in self._db.media_jobs.committed_rows()]
        return Counter(MediaWork.FETCH if kind is None else MediaWork.UPLOAD for kind in kinds)

    async def media_overdue_ms(self) -> int:
        self._db.check_available()
        now = self._clock.now()
        return max((0, *(now - row.due_at for row in self._db.media_jobs.committed_rows())))

    async def media_assets(self) -> Mapping[MediaState, int]:
        self._db.check_available()
        return Counter(row.asset.state for row in self._db.media.committed_rows())

    async def violations(self) -> Mapping[Invariant, int]:
        self._db.check_available()
        now = self._clock.now()
        messages = list(self._db.messages.committed_rows())
        recent = [message for message in messages if message.accepted_at > now - RECENT_MS]
        overdue = [row for row in self._db.due.committed_rows() if row.due_at < now - LEASE_OVERDUE_MS]
        return {
            Invariant.STRANDED: _count(
                messages, lambda message: message.status not in RESTING and self._is_never_due(message)
            ),
            Invariant.SENDING_WITHOUT_INTENT: _count(
                messages, lambda message: message.status is MessageStatus.SENDING and message.attempts.open is None
            ),
            Invariant.SENT_WITHOUT_PROOF: _count(recent, _sent_without_proof),
            Invariant.FAILED_UNPROVEN: _count(recent, _failed_unproven),
            Invariant.LEASE_OVERDUE: sum(row.place is LanePosition.HOLDING for row in overdue),
        }


def _count(messages: Iterable[Message], wrong: Callable[[Message], bool]) -> int:
    return sum(wrong(message) for message in messages)


def _proven(message: Message) -> bool:
    return any(
        attempt.facts or (attempt.outcome is not None and attempt.outcome.kind is OutcomeClass.ACCEPTED)
        for attempt in message.attempts
    )


def _sent_without_proof(message: Message) -> bool:
    return message.status in _SENT and not _proven(message)


def _failed_unproven(message: Message) -> bool:
    uncertain = any(
        attempt.unsettled and attempt.outcome is not None and attempt.outcome.kind is OutcomeClass.UNCERTAIN
        for attempt in message.attempts
    )
    return message.status is MessageStatus.FAILED and message.confirmed is not False and uncertain


def _conforms(store_metrics: MemoryStoreMetrics) -> StoreMetrics:
    return store_metrics
