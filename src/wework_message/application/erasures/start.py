"""Begin an erasure of what is held of a person or a room (ADR 63)."""

from collections.abc import Sequence
from dataclasses import dataclass

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.domain.erasure import Erasure, Subject
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.system import Clock, IdGenerator


@dataclass(frozen=True, slots=True)
class StartErasure:
    """Erase what is held of `subject`, or only count it."""

    tenant_id: TenantId
    subject: Subject
    dry_run: bool = False
    note: str | None = None
    """Why; at most `MAX_NOTE` characters."""


class StoreErasures:
    """The transaction's part of a start."""

    async def __call__(self, scope: CommitScope, items: Sequence[Erasure], /) -> Sequence[None]:
        """The only answer is that they are durable."""
        for erasure in items:
            await scope.unit.erasures.add(erasure)
        return [None] * len(items)


@dataclass(frozen=True, slots=True)
class StartErasureHandler:
    """Store an erasure, which some process then does."""

    commits: Commits
    operation: StoreErasures
    ids: IdGenerator
    clock: Clock

    async def __call__(self, command: StartErasure) -> Erasure:
        """Durable when this returns. Raises `UnavailableError`."""
        now = self.clock.now()
        erasure = Erasure(
            self.ids.erasure_id(), command.tenant_id, command.subject, command.dry_run, command.note, now, next_at=now
        )
        await self.commits.submit(self.operation, erasure)
        return erasure
