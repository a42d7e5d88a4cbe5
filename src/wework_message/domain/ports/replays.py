"""Failed messages, and the replays of them: written inside a unit of work, and read as views."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from wework_message.domain.failed_messages import FailureFilter, FailureGroup
from wework_message.domain.ids import MessageId, ReplayId, TenantId
from wework_message.domain.ports.queries import MessageList
from wework_message.domain.replay import Counted, Replay, ReplayItem, Selection


@dataclass(frozen=True, slots=True)
class FailureGroups:
    """The groups of a part of the failed messages."""

    groups: Sequence[FailureGroup]
    """The largest first."""
    following: MessageId | None
    """`before` of the next part, whose groups are to be added to these; None where this is the last one."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The next messages of a replay."""

    message_ids: Sequence[MessageId]
    """Oldest first."""
    reached: MessageId | None
    """The last id that was looked at; None where there are no more."""


class FailedMessageReader(Protocol):
    """Queries about FAILED and EXPIRED messages. They see what is committed, and do not wait for writers.

    Each looks at `MAX_WALKED` failed messages at most, and says how far it came (ADR 32). All raise `UnavailableError`
    where it takes too long.
    """

    async def groups(self, tenant_id: TenantId, filters: FailureFilter, *, before: MessageId | None) -> FailureGroups:
        """By cause, provider and code, of the newest ones with ids below `before`."""
        ...

    async def page(
        self, tenant_id: TenantId, filters: FailureFilter, *, limit: int, before: MessageId | None
    ) -> MessageList:
        """Newest first, with ids below `before`; as `MessageReader.page`."""
        ...

    async def count(self, tenant_id: TenantId, selection: Selection, *, after: MessageId, until: ReplayId) -> Counted:
        """Those that the filter of `selection` takes, with ids between `after` and `until`, the oldest first."""
        ...

    async def select(
        self, tenant_id: TenantId, selection: Selection, *, after: MessageId, until: ReplayId, limit: int
    ) -> Selected:
        """At most `limit` of the same."""
        ...


class Replays(Protocol):
    """Replays, inside a unit of work."""

    async def add(self, replay: Replay, skipped: Sequence[ReplayItem]) -> None:
        """Store a new one, with the messages that it will not replay."""
        ...

    async def get(self, replay_id: ReplayId, *, tenant_id: TenantId | None = None) -> Replay | None:
        """A replay of the tenant (None = of any), locked."""
        ...

    async def save(self, replay: Replay, items: Sequence[ReplayItem], *, now: int) -> None:
        """Write what changes of a replay, and the messages that it has come to.

        Raises `ConflictError` where it has come to one of them before. `now` is epoch ms: see `Replay.is_active`.
        """
        ...

    async def settle(self, replay_id: ReplayId, ended: Collection[ReplayItem]) -> Sequence[ReplayItem]:
        """Write what became of OPEN messages; returns those of `ended` that were OPEN."""
        ...


class ReplayReader(Protocol):
    """Queries. They see what is committed, and do not wait for writers."""

    async def replay(self, tenant_id: TenantId, replay_id: ReplayId) -> Replay | None:
        """A replay of the tenant."""
        ...

    async def replays(self, tenant_id: TenantId, *, limit: int, before: ReplayId | None) -> Sequence[Replay]:
        """The tenant's, newest first, with ids below `before`."""
        ...

    async def skipped(self, tenant_id: TenantId, replay_id: ReplayId, *, limit: int) -> Sequence[ReplayItem]:
        """Messages of a replay of the tenant that were not replayed, in the order of their ids."""
        ...

    async def active(self, *, limit: int) -> Sequence[Replay]:
        """Those that count or replay, of every tenant, oldest first."""
        ...

    async def settling(self, *, after: ReplayId, limit: int) -> Sequence[Replay]:
        """Those that were through when they were saved, with messages that did not rest yet, by id, behind `after`."""
        ...

    async def ended(
        self, replay_id: ReplayId, *, after: MessageId, limit: int
    ) -> tuple[Sequence[ReplayItem], MessageId | None]:
        """Of the next `limit` OPEN messages behind `after` those that are not OPEN any more (`outcome_of`).

        Also the last id that was looked at; None where there are no more.
        """
        ...
