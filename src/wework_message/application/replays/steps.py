"""The steps of a replay, each a part of one transaction: what it does to messages and how far it is are stored together."""

from collections.abc import Sequence
from dataclasses import dataclass

from wework_message.application.commit.scope import CommitScope
from wework_message.application.errors import NotFoundError
from wework_message.application.media.revive import revive_media
from wework_message.domain.ids import MessageId, ReplayId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.ports.system import Clock
from wework_message.domain.replay import NOT_FOUND, Counted, ItemState, Replay, ReplayItem, ReplayState


@dataclass(frozen=True, slots=True)
class PartCounted:
    """A part of what a replay selects was counted, from the position `after` on."""

    replay_id: ReplayId
    after: MessageId
    counted: Counted


@dataclass(frozen=True, slots=True)
class PartSelected:
    """The next messages of a replay, from the position `after` on."""

    replay_id: ReplayId
    after: MessageId
    message_ids: Sequence[MessageId]
    """Oldest first."""
    reached: MessageId | None
    """The last id that was looked at; None where there are no more."""


@dataclass(frozen=True, slots=True)
class PartEnded:
    """Messages that a replay had replayed rest now."""

    replay_id: ReplayId
    ended: Sequence[ReplayItem]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person of this tenant ends a replay."""

    replay_id: ReplayId
    tenant_id: TenantId


Step = PartCounted | PartSelected | PartEnded | Cancelled


class ReplaySteps:
    """The transaction's part of each step. A step that another process has made meanwhile changes nothing."""

    def __init__(self, clock: Clock) -> None:
        """`clock` stamps rounds, and says how many messages the rate allows."""
        self._clock = clock

    async def __call__(self, scope: CommitScope, items: Sequence[Step], /) -> Sequence[Replay | Exception]:
        """The replay after each step; `NotFoundError` where there is none."""
        return [await self._step(scope, item) for item in items]

    async def _step(self, scope: CommitScope, step: Step) -> Replay | Exception:
        tenant_id = step.tenant_id if isinstance(step, Cancelled) else None
        replay = await scope.unit.replays.get(step.replay_id, tenant_id=tenant_id)
        if replay is None:
            return NotFoundError("replay")
        now = self._clock.now()
        changed: Sequence[ReplayItem] = ()
        match step:
            case Cancelled():
                replay.cancel(now=now)
            case PartCounted(after=after, counted=counted):
                if replay.state is ReplayState.COUNTING and replay.position == after:
                    replay.count(counted, now=now)
            case PartSelected(after=after):
                if replay.state is ReplayState.RUNNING and replay.position == after:
                    changed = await self._replay(scope, replay, step.message_ids, now)
                    replay.advance(changed, step.reached, now=now)
            case PartEnded(ended=ended):
                settled = await scope.unit.replays.settle(replay.id, ended)
                failed = sum(item.state is ItemState.FAILED for item in settled)
                replay.settle(ended=len(settled), failed=failed)
        await scope.unit.replays.save(replay, changed, now=now)
        return replay

    async def _replay(
        self, scope: CommitScope, replay: Replay, message_ids: Sequence[MessageId], now: int
    ) -> Sequence[ReplayItem]:
        """Open a new round for each message that still fails, as a retry does (D-40)."""
        messages = await scope.unit.messages.get(message_ids)
        items, replayed = [], []
        for message_id in message_ids:
            message = messages.get(message_id)
            reason = _skipped_because(replay, message)
            if message is None or reason is not None:
                items.append(ReplayItem(message_id, ItemState.SKIPPED, reason or NOT_FOUND))
                continue
            message.replay(force=False, by=f"replay {replay.id}", now=now)
            items.append(ReplayItem(message_id, ItemState.OPEN, round=message.round))
            replayed.append(message)
        await revive_media(scope, replayed)
        await scope.save(replayed)
        return items


def _skipped_because(replay: Replay, message: Message | None) -> str | None:
    if message is None or message.tenant_id != replay.tenant_id:
        return NOT_FOUND
    return replay.selection.skipped_because(message)
