"""Entries of the audit trail: one is durable before the action begins, another one says how it ended."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.domain.access.principal import Principal
from wework_message.domain.audit import AuditAction, AuditEntry, AuditOutcome, started
from wework_message.domain.ports.system import Clock, IdGenerator

_log: Final = logging.getLogger(__name__)


class AppendEntries:
    """The transaction's part."""

    async def __call__(self, scope: CommitScope, items: Sequence[AuditEntry], /) -> Sequence[None]:
        """All of them at once."""
        await scope.unit.audit.append(items)
        return [None] * len(items)


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Writes the trail."""

    commits: Commits
    operation: AppendEntries
    ids: IdGenerator
    clock: Clock

    async def begin(
        self,
        action: AuditAction,
        actor: Principal,
        *,
        target: str | None = None,
        request_id: str | None = None,
        address: str | None = None,
    ) -> AuditEntry:
        """Durable once it returns: only then may the action begin. Raises `UnavailableError`, `DrainingError`."""
        entry = started(
            self.ids.audit_id(), action, actor, self.clock.now(), target=target, request_id=request_id, address=address
        )
        await self.commits.submit(self.operation, entry)
        return entry

    async def end(
        self,
        begun: AuditEntry,
        outcome: AuditOutcome,
        *,
        target: str | None = None,
        status: int | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        """Say how it ended. It never raises: what was done is done, and the trail has its beginning."""
        entry = begun.ended(outcome, self.clock.now(), target=target, status=status, fields=fields)
        try:
            await self.commits.submit(self.operation, entry)
        except Exception:  # noqa: BLE001 -- see above
            _log.exception("the audit trail does not say how %s of %s ended", begun.action, begun.id)
