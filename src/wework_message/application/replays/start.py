"""Begin and cancel replays of failed messages (ADR 47)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.replays.steps import Cancelled, ReplaySteps
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.failed_messages import CAUSES
from wework_message.domain.ids import ReplayId, TenantId
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.replays import FailedMessageReader
from wework_message.domain.ports.system import Clock, IdGenerator
from wework_message.domain.replay import (
    NOT_FOUND,
    START,
    ItemState,
    Replay,
    ReplayItem,
    Selection,
    rate_in_milli,
)

_READ_AT_ONCE: Final = 200
"""Messages of one query."""


@dataclass(frozen=True, slots=True)
class StartReplay:
    """Replay what `selection` is about, or only count it."""

    tenant_id: TenantId
    selection: Selection
    rate_per_second: float
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class NewReplay:
    """A replay that is to be stored, and the messages that it will not replay."""

    replay: Replay
    skipped: Sequence[ReplayItem]


class StoreReplayJobs:
    """The transaction's part of a start."""

    async def __call__(self, scope: CommitScope, items: Sequence[NewReplay], /) -> Sequence[None]:
        """The only answer is that they are durable."""
        for new in items:
            await scope.unit.replays.add(new.replay, new.skipped)
        return [None] * len(items)


@dataclass(frozen=True, slots=True)
class StartReplayHandler:
    """Store a replay, which some process then does."""

    commits: Commits
    operation: StoreReplayJobs
    failed: FailedMessageReader
    reader: MessageReader
    ids: IdGenerator
    clock: Clock

    async def __call__(self, command: StartReplay) -> NewReplay:
        """Durable when this returns, with the first part of its count. Raises `InvalidValueError`, `UnavailableError`."""
        selection, now = command.selection, self.clock.now()
        if selection.filter.cause is not None and selection.filter.cause not in CAUSES:
            raise InvalidValueError("cause", f"must be one of {', '.join(CAUSES)}")
        replay = Replay(
            self.ids.replay_id(), command.tenant_id, selection, rate_in_milli(command.rate_per_second), command.dry_run,
            created_at=now,
        )  # fmt: skip
        skipped: Sequence[ReplayItem] = ()
        if selection.message_ids:
            skipped = await self._skipped(command.tenant_id, selection)
            replay.start_named({item.message_id for item in skipped}, now=now)
        else:
            counted = await self.failed.count(command.tenant_id, selection, after=START, until=replay.id)
            replay.count(counted, now=now)
        new = NewReplay(replay, skipped)
        await self.commits.submit(self.operation, new)
        return new

    async def _skipped(self, tenant_id: TenantId, selection: Selection) -> Sequence[ReplayItem]:
        """The named messages that cannot be replayed, with why."""
        skipped = []
        for begin in range(0, len(selection.message_ids), _READ_AT_ONCE):
            part = selection.message_ids[begin : begin + _READ_AT_ONCE]
            views = await self.reader.messages(tenant_id, part)
            for message_id in part:
                view = views.get(message_id)
                reason = selection.skipped_because(view.message) if view is not None else NOT_FOUND
                if reason is not None:
                    skipped.append(ReplayItem(message_id, ItemState.SKIPPED, reason))
        return skipped


@dataclass(frozen=True, slots=True)
class CancelReplayHandler:
    """End a replay before it is through."""

    commits: Commits
    steps: ReplaySteps

    async def __call__(self, tenant_id: TenantId, replay_id: ReplayId) -> Replay:
        """The replay afterwards; one that is done stays as it is. Raises `NotFoundError`."""
        return await self.commits.submit(self.steps, Cancelled(replay_id, tenant_id))
