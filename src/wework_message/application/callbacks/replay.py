"""Replay stored callbacks: what was not applied is judged again, as of its own arrival (ADR 61)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.domain.inbox import InboxLimits, InboxState
from wework_message.domain.ports.inbox import ReplayedEntries, ReplaySelection

STEP: Final = 500
"""Callbacks that one transaction examines."""

_NEWEST: Final = 10**18 - 1
"""Greater than any id: a step that finds no room at the start has not begun."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplayCallbacks:
    """Make callbacks PENDING again, a step of them."""

    selection: ReplaySelection
    before: int | None = None
    """`following` of the step before; None = from the newest one on."""
    dry_run: bool = False


class ReopenCallbacks:
    """The transaction's part of a replay."""

    def __init__(self, limits: InboxLimits) -> None:
        """`limits` say how many may wait meanwhile."""
        self._room = limits.replay_room

    async def __call__(self, scope: CommitScope, items: Sequence[ReplayCallbacks], /) -> Sequence[ReplayedEntries]:
        """What each of them did; nothing where too many wait."""
        return [await self._step(scope, item) for item in items]

    async def _step(self, scope: CommitScope, item: ReplayCallbacks) -> ReplayedEntries:
        inbox = scope.unit.inbox
        limit = STEP
        if not item.dry_run:
            limit = min(STEP, self._room - await inbox.count(InboxState.PENDING, limit=self._room))
        if limit <= 0:
            return ReplayedEntries(0, _NEWEST if item.before is None else item.before)
        step = await inbox.replay(item.selection, limit=limit, before=item.before, dry_run=item.dry_run)
        scope.inbox |= step.entries > 0 and not item.dry_run
        return step


@dataclass(frozen=True, slots=True)
class ReplayCallbacksHandler:
    """One step of a replay, in one short transaction."""

    commits: Commits
    operation: ReopenCallbacks

    async def __call__(self, command: ReplayCallbacks) -> ReplayedEntries:
        """Durable when this returns. Raises `UnavailableError`."""
        step = await self.commits.submit(self.operation, command)
        if step.entries and not command.dry_run:
            _log.info("callbacks are replayed: %d", step.entries)
        return step
