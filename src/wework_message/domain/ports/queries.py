"""Queries for answers: they return views, not aggregates; every method is one or two indexed queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from wework_message.domain.ids import BatchId, Guid, MessageId, ProviderCode, ProviderMessageId, TenantId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message.timeline import Note
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.outcomes import OutcomeClass


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message with its attempts as stored, and when it is due next."""

    message: Message
    next_attempt_at: int | None
    """Epoch ms; None where nothing is due. Of a recipient of a mass send that waits it is that of its chunk."""


@dataclass(frozen=True, slots=True)
class MessageList:
    """One page of messages."""

    messages: Sequence[MessageView]
    """May be none although others follow."""
    following: MessageId | None
    """`before` of the next page; None where this is the last one."""


@dataclass(frozen=True, slots=True)
class StatusView:
    """The status of a message: the fields of a status answer, without content and personal data."""

    id: MessageId
    status: MessageStatus
    reason: str | None
    confirmed: bool | None
    possible_duplicate: bool
    recall_confirmed: bool | None
    version: int
    updated_at: int
    next_attempt_at: int | None
    attempts: int
    provider_code: ProviderCode | None
    """Of the reported attempt, else as requested."""
    provider_message_id: ProviderMessageId | None
    outcome: OutcomeClass | None
    """Of the reported attempt (`Attempts.reported`)."""
    error_code: int | None
    """The provider's integer."""
    error_message: str | None
    """The provider's text."""

    @classmethod
    def of(cls, view: MessageView, *, paused: bool = False) -> Self:
        """The status of a whole message; `paused` is the reason of one that waits because an operator stopped it."""
        message = view.message
        attempt = message.attempts.reported
        outcome = attempt.outcome if attempt is not None else None
        return cls(
            message.id, message.status, HoldReason.PAUSED.value if paused else message.reason, message.confirmed, message.possible_duplicate,
            message.recall.confirmed, message.version, message.lifecycle.updated_at, view.next_attempt_at, len(message.attempts),
            attempt.provider_code if attempt is not None else message.options.provider_code,
            attempt.provider_message_id if attempt is not None else None,
            outcome.kind if outcome is not None else None,
            outcome.error_code if outcome is not None else None,
            outcome.error_message if outcome is not None else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChunkView:
    """A chunk of a mass send."""

    number: int
    recipients: int
    are_rooms: bool
    due_at: int | None
    """When its waiting messages are looked at, epoch ms; None where none waits, or the call is open."""
    task_id: str | None
    """As the provider named the last call, where it did."""


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch and its progress."""

    id: BatchId
    mode: str
    total: int
    by_status: Mapping[MessageStatus, int]
    created_at: int
    finished_at: int | None
    """Epoch ms of the last change, once every item rests."""
    chunks: Sequence[ChunkView] = ()
    """Of a mass send, in order."""


@dataclass(frozen=True, slots=True)
class CallbackView:
    """A stored callback."""

    id: int
    provider_code: ProviderCode
    guid: Guid
    notify_type: int
    raw: str | None
    """None where the page has no room for it (`PAGE_BYTES`)."""
    received_at: int
    state: str
    message_id: MessageId | None


@dataclass(frozen=True, slots=True)
class CallbackKind:
    """What stored callbacks are counted by."""

    provider_code: ProviderCode
    notify_type: int
    state: InboxState


@dataclass(frozen=True, slots=True)
class CallbackCounts:
    """How many callbacks are stored, counted no further than a limit."""

    states: Mapping[InboxState, int]
    """Every state; the limit + 1 where there are more than it."""
    newest: Mapping[CallbackKind, int]
    """Of the newest ones, as many as the limit."""
    since: int | None
    """When the oldest of these arrived (epoch ms); None where nothing is stored."""


class StatusReader(Protocol):
    """Statuses for clients that poll: at most 5 s older than what is committed."""

    async def statuses(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, StatusView]:
        """The messages that exist and belong to the tenant."""
        ...


class MessageReader(Protocol):
    """Queries. They see what is committed, and do not wait for writers."""

    async def messages(
        self, tenant_id: TenantId | None, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, MessageView]:
        """The messages that exist and belong to the tenant; None = to any."""
        ...

    async def versions(self, message_ids: Sequence[MessageId]) -> Mapping[MessageId, int]:
        """Versions of the messages that exist, of any tenant: a cheap way to learn which of many have changed."""
        ...

    async def timeline(self, tenant_id: TenantId | None, message_id: MessageId) -> Sequence[Note]:
        """Notes and facts about a message of the tenant (None = of any), oldest first."""
        ...

    async def sent_as(
        self, tenant_id: TenantId, guid: Guid, provider_message_id: ProviderMessageId
    ) -> MessageId | None:
        """The message that has this provider id at this guid."""
        ...

    async def page(
        self, tenant_id: TenantId | None, filters: MessageFilter, *, limit: int, before: MessageId | None
    ) -> MessageList:
        """The tenant's (None = of every tenant), newest first, ids smaller than `before`; keyset, never OFFSET. Raises `UnavailableError` where it takes too long.

        Fewer than `limit` where they are long (`PAGE_BYTES`), or where the page ends after `MAX_WALKED` messages of which
        few pass: only `following` tells whether there are more.
        """
        ...

    async def batch(self, tenant_id: TenantId, batch_id: BatchId) -> BatchView | None:
        """A batch, or None."""
        ...

    async def batch_items(
        self, tenant_id: TenantId | None, batch_id: BatchId, *, limit: int, after: int
    ) -> Sequence[MessageView]:
        """Items of a batch or MIXED group of the tenant (None = of any) with an index greater than `after`, in order."""
        ...

    async def callbacks(
        self,
        tenant_id: TenantId | None,
        guid: Guid | None,
        *,
        notify_type: int | None,
        limit: int,
        before: int | None,
        state: InboxState | None = None,
    ) -> Sequence[CallbackView]:
        """Stored callbacks, newest first, ids smaller than `before`; `guid` None = of every guid, which needs a `state`.

        A callback is the tenant's that has, or had, its instance; of an instance that nobody has had, the operator's
        (`is_operator`). Without a `tenant_id` those of every tenant.

        Fewer than `limit` where they are long (`PAGE_BYTES`): the last one has no `raw` then, and says that there are more.
        """
        ...

    async def callback(self, tenant_id: TenantId | None, callback_id: int) -> CallbackView | None:
        """One stored callback of the tenant (None = of any), with its `raw`."""
        ...

    async def callback_counts(self, tenant_id: TenantId | None, *, limit: int) -> CallbackCounts:
        """Stored callbacks by state, and the newest `limit` by provider, type and state; None = of every tenant.

        With a `tenant_id` its own are counted among the newest of all.
        """
        ...

    async def counts(self) -> Mapping[tuple[ProviderCode, str, str], int]:
        """Finished attempts by (provider, message type, outcome)."""
        ...

    async def ping(self) -> None:
        """One trivial read; raises `UnavailableError` if the store does not answer."""
        ...
