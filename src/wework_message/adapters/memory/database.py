"""The state behind the memory adapters: tables that know what is committed and what the open unit of work has changed.

Rows are never changed in place. A row is replaced, and readers see the old one until the commit.
"""

import asyncio
import dataclasses
import itertools
from dataclasses import dataclass
from typing import NamedTuple

from wework_message.adapters.memory.access_tables import AccessTables
from wework_message.adapters.memory.dead_letter_rows import DeadLetterRow
from wework_message.adapters.memory.mass_rows import ChunkRow
from wework_message.adapters.memory.media_rows import BytesRow, JobKey, MediaJobRow, MediaRow
from wework_message.adapters.memory.table import Table
from wework_message.domain.account import Account, Binding
from wework_message.domain.audit import AuditEntry
from wework_message.domain.callback_tokens import CallbackToken
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.erasure import Erasure
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import (
    AccountId,
    BatchId,
    BindingId,
    ErasureId,
    EventId,
    Guid,
    MediaId,
    MessageId,
    ProviderCode,
    ProviderKey,
    ProviderMessageId,
    ReplayId,
    TenantId,
    WebhookId,
)
from wework_message.domain.inbox import CallbackSource
from wework_message.domain.mass.confirmation import Confirmation
from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.media.handles import Handle, HandleKey
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Lane, LanePosition, Urgency
from wework_message.domain.message.snapshot import snapshot
from wework_message.domain.message.timeline import Note
from wework_message.domain.placement import Placement
from wework_message.domain.ports.dead_letters import DeadLetterSource
from wework_message.domain.ports.media import MediaUse
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.repositories import InboxState, NewBatch
from wework_message.domain.replay import Replay, ReplayItem
from wework_message.domain.stream import StreamPosition
from wework_message.domain.webhooks.delivery import Delivery
from wework_message.domain.webhooks.endpoint import Endpoint

AttemptKey = tuple[MessageId, int]


class ChoiceRow(NamedTuple):
    """The account that has a conversation of a pool."""

    account_id: AccountId
    chosen_at: int


@dataclass(frozen=True, slots=True)
class DueRow:
    """When a message is handled next, and its place in its lane."""

    message_id: MessageId
    lane: Lane
    urgency: Urgency
    seq: int
    """Order of insertion; a message that comes back after it rested goes to the end of its lane."""
    due_at: int
    """Epoch ms by the database's clock."""
    in_ms: int
    """How long the wait was when it was set."""
    place: LanePosition
    scheduled: bool
    """True: it blocks no other before `due_at`, and keeps its place from then on."""
    parked: bool
    paced: bool
    paced_for: ProviderCode | None

    def in_line(self, now: int) -> bool:
        """Whether later messages of the lane stay behind it."""
        return self.place is LanePosition.WAITING or (self.scheduled and self.due_at <= now)


@dataclass(frozen=True, slots=True)
class CallbackRow:
    """A stored callback."""

    id: int
    provider_code: ProviderCode
    guid: Guid
    notify_type: int
    raw: str
    received_at: int
    state: InboxState
    tries: int = 0
    message_id: MessageId | None = None
    waits_for: ProviderMessageId | None = None
    source: CallbackSource = CallbackSource.CALLBACK


@dataclass(frozen=True, slots=True)
class KeyRow:
    """The owner of an idempotency key."""

    target: str
    fingerprint: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The holder of a lease, until when (epoch ms), and how long it was when it was taken."""

    holder: str
    epoch: int
    held_until: int
    lease_ms: int


class MemoryDatabase(AccessTables):
    """Everything that is stored. One unit of work at a time, as on SQLite; readers never wait."""

    def __init__(self) -> None:
        """An empty one; several factories and readers may share it, as processes share a database."""
        super().__init__()
        self.messages: Table[MessageId, Message] = Table()
        self.notes: Table[MessageId, tuple[Note, ...]] = Table()
        self.due: Table[MessageId, DueRow] = Table()
        self.holders: Table[Lane, AttemptKey] = Table()
        """Guard: one open attempt per lane."""
        self.provider_keys: Table[ProviderKey, AttemptKey] = Table()
        """Guard: one owner per provider message id and guid."""
        self.uncertain: Table[AttemptKey, tuple[ProviderCode, OpenAttempt]] = Table()
        self.keys: Table[tuple[TenantId, str], KeyRow] = Table()
        self.batches: Table[BatchId, NewBatch] = Table()
        self.members: Table[BatchId, tuple[MessageId, ...]] = Table()
        """Messages of a batch or group, in order of insertion."""
        self.callbacks: Table[int, CallbackRow] = Table()
        self.callback_keys: Table[tuple[ProviderCode, Guid, int, str], int] = Table()
        self.dead_letters: Table[int, DeadLetterRow] = Table()
        self.dead_letter_keys: Table[tuple[DeadLetterSource, str], int] = Table()
        self.replays: Table[ReplayId, Replay] = Table()
        self.active_replays: Table[ReplayId, bool] = Table()
        self.replay_items: Table[tuple[ReplayId, MessageId], ReplayItem] = Table()
        self.erasures: Table[ErasureId, Erasure] = Table()
        self.accounts: Table[AccountId, Account] = Table()
        self.bindings: Table[BindingId, Binding] = Table()
        self.presence_sequences: Table[AccountId, int] = Table()
        self.pool_choices: Table[tuple[TenantId, str, str], ChoiceRow] = Table()
        self.placements: Table[AccountId, Placement] = Table()
        self.pauses: Table[tuple[PauseScope, str], Pause] = Table()
        self.audit: Table[int, AuditEntry] = Table()
        self.callback_tokens: Table[str, CallbackToken] = Table()
        self.streams: Table[tuple[ProviderCode, Guid], StreamPosition] = Table()
        self.webhooks: Table[WebhookId, Endpoint] = Table()
        self.webhook_deliveries: Table[tuple[WebhookId, EventId], Delivery] = Table()
        self.mass_chunks: Table[tuple[BatchId, int], ChunkRow] = Table()
        self.mass_days: Table[tuple[AccountId, str, str], MessageId] = Table()
        self.mass_confirmations: Table[bytes, Confirmation] = Table()
        self.media: Table[MediaId, MediaRow] = Table()
        self.media_handles: Table[HandleKey, tuple[Handle | MediaFailure, int]] = Table()
        self.media_jobs: Table[JobKey, MediaJobRow] = Table()
        self.media_uses: Table[tuple[MessageId, MediaId], MediaUse] = Table()
        self.media_bytes: Table[BlobKey, BytesRow] = Table()
        self.leases: Table[str, LeaseRow] = Table()
        self.finished: Table[tuple[ProviderCode, str, str], int] = Table()
        self.serial = itertools.count(1)
        self.away = False
        """True: the database does not answer."""
        self.failing_commits = 0
        """How many of the next commits fail, with nothing kept."""
        self._writer = asyncio.Lock()

    @property
    def _tables(self) -> tuple[Table[object, object], ...]:
        return tuple(value for value in vars(self).values() if isinstance(value, Table))

    @property
    def busy(self) -> bool:
        """Whether a unit of work is open."""
        return self._writer.locked()

    async def begin(self) -> None:
        """Become the writer; waits for the previous one. Raises `UnavailableError` while `away`."""
        self.check_available()
        await self._writer.acquire()

    def check_available(self) -> None:
        """Raises `UnavailableError` while `away`."""
        if self.away:
            raise UnavailableError("database")

    def commit(self) -> None:
        """Keep what the open unit of work has changed. Raises `UnavailableError` while `away`, and for `failing_commits`."""
        self.check_available()
        if self.failing_commits > 0:
            self.failing_commits -= 1
            raise UnavailableError("database", "the commit failed")
        for table in self._tables:
            table.commit()

    def end(self) -> None:
        """Forget what is not committed, and let the next writer in."""
        for table in self._tables:
            table.rollback()
        self._writer.release()

    def drop_callbacks(self, row_ids: frozenset[int]) -> None:
        """Delete them, in the open unit of work."""
        for row_id in row_ids:
            self.callbacks.drop(row_id)
        for key, owner in list(self.callback_keys.items()):
            if owner in row_ids:
                self.callback_keys.drop(key)

    def bare_notes(self, message_id: MessageId) -> None:
        """Forget the keys of the events that the notes are about, in the open unit of work: they have a digest of the content."""
        notes = self.notes.get(message_id) or ()
        self.notes.put(message_id, tuple([dataclasses.replace(note, event_key=None) for note in notes]))

    def register(self, account: Account, *bindings: Binding) -> None:
        """Add an account with its bindings, committed at once; for the set-up of a test or an example."""
        self.accounts.put(account.account_id, account)
        self.accounts.commit()
        for binding in bindings:
            self.bindings.put(binding.binding_id, binding)
        self.bindings.commit()


def as_stored(message: Message) -> Message:
    """A copy without what a transition only hands to `save`."""
    stored = snapshot(message)
    stored.written()
    return stored
