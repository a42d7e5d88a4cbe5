"""What every change of keys and tenants does: its rights, its transaction, and what follows."""

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias, TypeVar

from wework_message.application.errors import ForbiddenError, UnauthenticatedError
from wework_message.application.tries import tried
from wework_message.domain.access.principal import Principal, PrincipalKind
from wework_message.domain.access.scopes import Scope
from wework_message.domain.errors import ConflictError, TryAgainError
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory

Result = TypeVar("Result")
Changed: TypeAlias = Callable[[], Awaitable[None]]
"""Awaited after each change; it raises nothing."""

TRIES: Final = 3
"""How often a transaction is tried where another one is in the way."""


async def nothing() -> None:
    """For a process that knows no keys, and need not know them."""


def require(caller: Principal, scopes: AbstractSet[Scope]) -> None:
    """Raises `ForbiddenError` unless the caller has all of them."""
    missing = caller.first_missing(scopes)
    if missing is not None:
        raise ForbiddenError(missing)


async def require_valid_key(unit: UnitOfWork, caller: Principal, now: int) -> None:
    """Who calls with a key that was revoked or ended meanwhile makes no other one with it.

    Other processes know of that within 5 s only, and a key may outlive them all. Raises `UnauthenticatedError`.
    """
    if caller.kind is not PrincipalKind.KEY:
        return
    key = await unit.api_keys.get(caller.id)
    if key is None or not key.is_valid(now):
        raise UnauthenticatedError


async def changing(
    units: UnitOfWorkFactory, work: Callable[[UnitOfWork], Awaitable[Result]], changed: Changed
) -> Result:
    """Do the work in a transaction. Where its commit had no answer it may count all the same, so `changed` is awaited then too.

    An id that was drawn and exists already (`ConflictError`) is drawn anew.
    """

    async def once() -> Result:
        async with units() as unit:
            result = await work(unit)
            await unit.commit()
            return result

    try:
        return await tried(TRIES, once, ConflictError, TryAgainError)
    finally:
        await changed()
