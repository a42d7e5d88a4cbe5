"""Callbacks that are kept for people: their number is limited, and an operator may purge them."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.domain.ids import Guid, TenantId
from wework_message.domain.inbox import KEPT_FOR_PEOPLE, InboxLimits, InboxState
from wework_message.domain.ports.repositories import UnitOfWork

STEP: Final = 500
"""Callbacks that one transaction deletes."""

MAX_STEPS: Final = 20
"""Transactions of one purge; the answer says whether there is more."""

_log: Final = logging.getLogger(__name__)


async def discard_oldest_kept(unit: UnitOfWork, guids: Iterable[Guid], limits: InboxLimits) -> None:
    """Make room: the oldest callbacks of these guids that are kept for people, and of all, go beyond the limits."""
    discarded = 0
    for state in KEPT_FOR_PEOPLE:
        for guid in sorted(guids):
            discarded += await unit.inbox.discard(state, limit=STEP, keep=limits.max_kept_per_guid, guid=guid)
        discarded += await unit.inbox.discard(state, limit=STEP, keep=limits.max_kept)
    if discarded:
        _log.warning("the oldest callbacks that were kept for people went beyond their limit: %d", discarded)


@dataclass(frozen=True, slots=True)
class PurgeQuarantine:
    """Delete quarantined callbacks, of one guid or of all, received before an instant (epoch ms) or at any time."""

    tenant_id: TenantId
    """Whose they are."""
    guid: Guid | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did."""

    deleted: int
    more: bool
    """Whether there are more of them: the purge can be repeated."""


class DeleteQuarantined:
    """The transaction's part of a purge."""

    async def __call__(self, scope: CommitScope, items: Sequence[PurgeQuarantine], /) -> Sequence[int]:
        """How many each of them deleted."""
        return [
            await scope.unit.inbox.discard(
                InboxState.QUARANTINED, limit=STEP, guid=item.guid, before=item.before, tenant_id=item.tenant_id
            )
            for item in items
        ]


@dataclass(frozen=True, slots=True)
class PurgeQuarantineHandler:
    """Purge, in short transactions."""

    commits: Commits
    operation: DeleteQuarantined

    async def __call__(self, command: PurgeQuarantine) -> Purged:
        """Durable when this returns. Raises `UnavailableError`; what was deleted until then is gone."""
        deleted = 0
        for _ in range(MAX_STEPS):
            step = await self.commits.submit(self.operation, command)
            deleted += step
            if step < STEP:
                return Purged(deleted, more=False)
        return Purged(deleted, more=True)
