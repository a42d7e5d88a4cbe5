"""Repositories and units of work: what is committed here happened, and nothing else did.

Ports are set-oriented: one transaction serves many callers (D-31). The docstrings are the contract; the suite in
`tests/contracts` holds every adapter to them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from wework_message.domain.ids import (
    BatchId,
    Guid,
    MessageId,
    ProviderCode,
    ProviderKey,
    TenantId,
)
from wework_message.domain.inbox import InboxState
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Lane, LaneBlock
from wework_message.domain.ports.accounts import AccountRepository
from wework_message.domain.ports.api_keys import ApiKeyRepository, TenantRepository
from wework_message.domain.ports.audit import AuditRepository
from wework_message.domain.ports.callback_tokens import CallbackTokenRepository
from wework_message.domain.ports.control import PauseRepository
from wework_message.domain.ports.dead_letters import DeadLetters
from wework_message.domain.ports.echoes import EchoRepository
from wework_message.domain.ports.erasures import Erasures
from wework_message.domain.ports.idempotency import ERASED_FINGERPRINT, IdempotencyKey, KeyOwner
from wework_message.domain.ports.inbox import CallbackInbox, InboxEntry, InboxVerdict
from wework_message.domain.ports.maintenance import DueTimes, LeaseStore, Pruning
from wework_message.domain.ports.mass import MassRepository
from wework_message.domain.ports.media import MediaRepository
from wework_message.domain.ports.placements import Placements
from wework_message.domain.ports.replays import Replays
from wework_message.domain.ports.streams import StreamPositions
from wework_message.domain.ports.webhooks import WebhookRepository
from wework_message.domain.routing.shares import NOBODY_FIRST, Turn

__all__ = [
    "ERASED_FINGERPRINT", "CallbackInbox", "DueMessage", "IdempotencyKey", "InboxEntry", "InboxState", "InboxVerdict", "KeyOwner", "LaneBlock",
    "MessageRepository", "NewBatch", "UnitOfWork", "UnitOfWorkFactory",
]  # fmt: skip


RECENT_CALLS: Final = 20
"""Calls of a lane among which the newest one is looked for: those of the messages that were accepted last."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch as accepted."""

    id: BatchId
    tenant_id: TenantId
    mode: str
    total: int
    created_at: int


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A due message, locked for this unit of work."""

    message: Message
    blocked: LaneBlock | None
    paced: bool
    """It has its place in its budgets already."""
    paced_for: ProviderCode | None = None
    """The provider in whose budgets that is; None = not known, as of a place that a version before has taken."""


class MessageRepository(Protocol):
    """Messages, their attempts, keys and due times."""

    async def claim_keys(self, keys: Sequence[IdempotencyKey]) -> Sequence[KeyOwner]:
        """One owner per key, in order. Of equal keys in one call the first gets it. Unique per (tenant, key)."""
        ...

    async def add(self, messages: Sequence[Message], batches: Sequence[NewBatch] = ()) -> None:
        """Insert new messages with their attempts, notes and due rows; raises `ConflictError` as `save` does.

        Lanes are first in, first out in the order of insertion.
        """
        ...

    async def busy_lanes(self, lanes: Collection[Lane]) -> frozenset[Lane]:
        """Those of which a message waits, is in flight, uncertain or scheduled, by what is committed and this unit of work."""
        ...

    async def last_starts(self, lanes: Collection[Lane]) -> Mapping[Lane, int]:
        """When the newest call of each lane began, epoch ms; lanes without a call are left out.

        It is exact as long as no more than `RECENT_CALLS` messages of the lane that were accepted later than the one that was
        called last were called before it.
        """
        ...

    async def due(
        self, limit: int, *, among: Collection[MessageId] | None = None, turn: Turn | None = NOBODY_FIRST
    ) -> Sequence[DueMessage]:
        """Up to `limit` messages whose `Due.in_ms` passed since the commit that set it, as `turn` shares them out.

        The most urgent class comes first, then the oldest due; without a `turn` nothing else counts, and `among`, which is
        all that may come, is not given. No two open units of work get the same message; unsaved ones stay due. Of one lane
        at most one comes unblocked: the first waiting one by (urgency class, insertion), none while it is held.
        """
        ...

    async def get(
        self, message_ids: Sequence[MessageId], *, tenant_id: TenantId | None = None
    ) -> Mapping[MessageId, Message]:
        """The messages that exist, of the tenant (None = of any), with all their attempts, locked."""
        ...

    async def group(self, group_id: BatchId) -> Sequence[Message]:
        """The parts of a MIXED group, in order."""
        ...

    async def save(self, messages: Sequence[Message]) -> frozenset[MessageId]:
        """Write changed messages, their attempts, notes and due times; the version goes up by one.

        Returns the ids that were lost: their stored version is not the one that was loaded, and nothing of them was
        written. A released lane wakes its next waiting message if that one waits in its lane (`Due.waits_in_lane`), and
        all such messages if the lane became uncertain (the saved message is HOLDING still). Other waits keep their time.
        Where it woke no message at all, `lane_released` is False afterwards.
        Raises `ConflictError` where an attempt breaks a guard: one unsettled per message, one open per lane, one owner per
        (provider, guid, provider message id).
        """
        ...

    async def pace(self, placed: Mapping[MessageId, ProviderCode]) -> None:
        """Remember that these messages have their place in the budgets of their account and of this provider."""
        ...

    async def unpace(self, message_ids: Sequence[MessageId]) -> None:
        """They have it no more, and wait for the turn of their account."""
        ...

    async def sent_as(
        self, keys: Sequence[ProviderKey], *, latest: bool = False
    ) -> Mapping[ProviderKey, tuple[MessageId, int]]:
        """The attempts that own provider message ids.

        Only committed ids count; with `latest` the call waits for a unit of work that is writing such an id now.
        """
        ...

    async def accepted_sender(self, provider_code: ProviderCode, guid: Guid) -> str | None:
        """The sender in the newest accepted answer of this instance that names one: the account's own user id, proven."""
        ...

    async def uncertain(
        self, provider_code: ProviderCode, guids: Sequence[Guid], *, latest: bool = False
    ) -> Sequence[OpenAttempt]:
        """Attempts with an unproven outcome and no provider id, whether or not they were given up, newest 24 h.

        Unproven are UNCERTAIN ones, and refusals and absences with `confirmed` false (`AttemptOutcome.unproven`). With `latest` the
        call waits for a unit of work that is writing such an outcome now; then absences may be left out.
        """
        ...

    async def unanswered(self, provider_code: ProviderCode, guid: Guid) -> Sequence[OpenAttempt]:
        """Attempts of this instance whose call has not ended, newest 24 h, oldest first; `ended_at` is now, or their start."""
        ...

    async def count(self, sent: Mapping[tuple[ProviderCode, str, str], int]) -> None:
        """Add to the kept counters of finished attempts, by (provider, message type, outcome)."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Without `commit` it has no effect."""

    @property
    def alone(self) -> bool:
        """Whether no other unit of work, of any process, writes before this one ends: then what it reads stays the latest."""
        ...

    @property
    def messages(self) -> MessageRepository:
        """The messages, inside this transaction."""
        ...

    @property
    def echoes(self) -> EchoRepository:
        """The echoes of messages at rest, inside this transaction."""
        ...

    @property
    def inbox(self) -> CallbackInbox:
        """The callback inbox, inside this transaction."""
        ...

    @property
    def accounts(self) -> AccountRepository:
        """The accounts, inside this transaction."""
        ...

    @property
    def leases(self) -> LeaseStore:
        """The leases, inside this transaction."""
        ...

    @property
    def due_times(self) -> DueTimes:
        """The correction of due times, inside this transaction."""
        ...

    @property
    def pruning(self) -> Pruning:
        """The deletion of old rows, inside this transaction."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """The dead letters, inside this transaction."""
        ...

    @property
    def pauses(self) -> PauseRepository:
        """What operators stopped, inside this transaction."""
        ...

    @property
    def placements(self) -> Placements:
        """The instances that are being made, inside this transaction."""
        ...

    @property
    def audit(self) -> AuditRepository:
        """The audit trail, inside this transaction."""
        ...

    @property
    def callback_tokens(self) -> CallbackTokenRepository:
        """The tokens of callback URLs, inside this transaction."""
        ...

    @property
    def api_keys(self) -> ApiKeyRepository:
        """The API keys, inside this transaction."""
        ...

    @property
    def tenants(self) -> TenantRepository:
        """The tenants, inside this transaction."""
        ...

    @property
    def replays(self) -> Replays:
        """The replays of failed messages, inside this transaction."""
        ...

    @property
    def erasures(self) -> Erasures:
        """Erasures of what is held of people, inside this transaction."""
        ...

    @property
    def streams(self) -> StreamPositions:
        """How far the streams of instances were read, inside this transaction."""
        ...

    @property
    def mass(self) -> MassRepository:
        """Native mass sends, inside this transaction."""
        ...

    @property
    def webhooks(self) -> WebhookRepository:
        """The webhooks of clients, inside this transaction."""
        ...

    @property
    def media(self) -> MediaRepository:
        """Media assets and what is made of them, inside this transaction."""
        ...

    async def commit(self) -> None:
        """Make it durable; after it returns, a crash of this process or machine loses nothing of it."""
        ...

    async def __aenter__(self) -> Self:
        """Begin."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""
        ...


class UnitOfWorkFactory(Protocol):
    """Opens units of work."""

    def __call__(self) -> UnitOfWork:
        """A new unit of work, not yet begun."""
        ...
