"""Pause and resume: what an operator stops, and what goes on."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.errors import UnknownNameError
from wework_message.application.policy import Policy
from wework_message.domain.access.ownership import is_operator
from wework_message.domain.access.tenants import Tenant
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import AccountId, BatchId, ProviderCode, TenantId
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PausePlace:
    """Stop what is named; `id` is empty for the service."""

    tenant_id: TenantId
    scope: PauseScope
    id: str
    reason: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ResumePlace:
    """Take its pause back."""

    tenant_id: TenantId
    scope: PauseScope
    id: str


@dataclass(frozen=True, slots=True)
class StorePauses:
    """The transaction's part of pausing: an account must exist, an earlier pause stays as it is."""

    clock: Clock

    async def __call__(self, scope: CommitScope, items: Sequence[PausePlace], /) -> Sequence[Pause | Exception]:
        """The stored pause, or `UnknownNameError`."""
        return [await self._pause(scope.unit, item) for item in items]

    async def _pause(self, unit: UnitOfWork, item: PausePlace) -> Pause | Exception:
        if item.scope is PauseScope.ACCOUNT and not await _has_account(unit, item):
            return UnknownNameError("id", "account")
        pause = Pause(item.scope, item.id, self.clock.now(), item.reason, item.by, item.tenant_id)
        return await unit.pauses.pause(pause)


class DeletePauses:
    """The transaction's part of resuming."""

    async def __call__(self, scope: CommitScope, items: Sequence[ResumePlace], /) -> Sequence[bool]:
        """Whether it was paused."""
        return [await scope.unit.pauses.resume(item.tenant_id, item.scope, item.id) for item in items]


@dataclass(frozen=True, slots=True)
class PauseHandler:
    """Pause. In this process it holds once the call returns, in the others within 5 s."""

    commits: Commits
    operation: StorePauses
    board: PauseBoard
    reader: MessageReader
    policy: Policy
    tenants: Callable[[], Awaitable[Sequence[Tenant]]]
    """All tenants; raises `UnavailableError`."""
    decided: Callable[[], Awaitable[None]]
    """Returns once what was decided on before it was called has begun its calls."""

    async def __call__(self, command: PausePlace) -> Pause:
        """Raises `UnknownNameError`, and `InvalidValueError` for what only the operator stops.

        What is paused already stays paused as it was.
        """
        _check_scope(command.scope, command.tenant_id)
        if command.scope is PauseScope.TENANT and not await self._has_tenant(TenantId(command.id)):
            raise UnknownNameError("id", "tenant")
        if command.scope is PauseScope.PROVIDER and ProviderCode(command.id) not in self.policy.providers:
            raise UnknownNameError("id", "provider")
        if command.scope is PauseScope.BATCH and not await self._has_batch(command):
            raise UnknownNameError("id", "batch")
        pause = await self.commits.submit(self.operation, command)
        _log.warning("sendMessage is paused", extra={"scope": pause.scope.value, "scope_id": pause.id})
        await _read(self.board)
        await self.decided()
        return pause

    async def _has_tenant(self, tenant_id: TenantId) -> bool:
        """Whether there is such a tenant. It need not have an account: it may register one the moment after."""
        return is_operator(tenant_id) or any(tenant.tenant_id == tenant_id for tenant in await self.tenants())

    async def _has_batch(self, command: PausePlace) -> bool:
        return await self.reader.batch(command.tenant_id, BatchId(command.id)) is not None


@dataclass(frozen=True, slots=True)
class ResumeHandler:
    """Resume. What waited is due again, in the order in which it came and at the usual pace."""

    commits: Commits
    operation: DeletePauses
    board: PauseBoard

    async def __call__(self, command: ResumePlace) -> bool:
        """Whether it was paused. Raises `InvalidValueError` as pausing does."""
        _check_scope(command.scope, command.tenant_id)
        resumed = await self.commits.submit(self.operation, command)
        if resumed:
            _log.warning("sendMessage is resumed", extra={"scope": command.scope.value, "scope_id": command.id})
        await _read(self.board)
        return resumed


def _check_scope(scope: PauseScope, tenant_id: TenantId) -> None:
    if scope.is_operators and not is_operator(tenant_id):
        raise InvalidValueError("scope", "only the operator stops this: a tenant stops its accounts and batches")


async def _has_account(unit: UnitOfWork, item: PausePlace) -> bool:
    account_id = AccountId(item.id)
    stored = (await unit.accounts.accounts([account_id])).get(account_id)
    return stored is not None and stored[0].tenant_id == item.tenant_id


async def _read(board: PauseBoard) -> None:
    """The change is stored: that it cannot be read now is no error of the request."""
    try:
        await board.read()
    except UnavailableError as error:
        _log.warning("pauses could not be read: %s", error)
