"""Make, rotate and revoke API keys (ADR 69)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.access.changes import Changed, changing, nothing, require, require_valid_key
from wework_message.application.errors import NotFoundError, UnknownNameError
from wework_message.domain.access.api_keys import (
    DEFAULT_ENVIRONMENT,
    ID_BYTES,
    MAX_KEYS,
    MAX_KEYS_OF_TENANT,
    SECRET_BYTES,
    ApiKey,
    KeyRotatedError,
    NewKey,
    TooManyKeysError,
    check_name,
    check_scopes,
    new_key,
)
from wework_message.domain.access.principal import Principal
from wework_message.domain.access.scopes import Scope
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.api_keys import ApiKeyReader
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.system import Clock

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CreateKey:
    """A new key."""

    tenant_id: TenantId
    name: str
    scopes: frozenset[Scope]
    expires_in_s: int | None = None
    """From `MIN_LIFE_S` to `MAX_LIFE_S`; None = it does not expire."""


@dataclass(frozen=True, slots=True)
class RotateKey:
    """A new key in the place of another, which stays valid for `overlap_s` seconds more."""

    key_id: str
    overlap_s: int


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key."""

    key: ApiKey
    text: str = field(repr=False)
    """Shown once, and kept nowhere."""


@dataclass(frozen=True, slots=True)
class KeyRegistry:
    """The use cases. `caller` is whoever asks; all raise `ForbiddenError` and `UnavailableError`, and then nothing was changed.

    In this process a change holds once the call returns, in the others within 5 s.
    """

    units: UnitOfWorkFactory
    reader: ApiKeyReader
    clock: Clock
    unguessable: Callable[[int], bytes]
    """Makes so many bytes that nobody can guess."""
    environment: str = DEFAULT_ENVIRONMENT
    changed: Changed = nothing
    """Awaited after each change: this process reads the keys again."""

    async def keys_of(self, caller: Principal, tenant_id: TenantId | None) -> Sequence[ApiKey]:
        """The keys of the tenant (None = of all) that are valid, and those that have ended not long ago, the oldest first."""
        _require_reach(caller, tenant_id)
        now = self.clock.now()
        return [key for key in await self.reader.api_keys(tenant_id) if key.is_kept(now)]

    async def create(self, caller: Principal, command: CreateKey) -> IssuedKey:
        """Raises `InvalidValueError`, `UnknownNameError` for a tenant that is not there, `TooManyKeysError`, `UnauthenticatedError`."""
        _require_reach(caller, command.tenant_id)
        check_name(command.name)
        check_scopes(command.tenant_id, command.scopes)
        require(caller, command.scopes)

        async def work(unit: UnitOfWork) -> IssuedKey:
            if not await unit.api_keys.begin_change(command.tenant_id):
                raise UnknownNameError("tenantId", "tenant")
            now = self.clock.now()
            await require_valid_key(unit, caller, now)
            await _make_room(unit, command.tenant_id, now)
            expires_at = None if command.expires_in_s is None else now + command.expires_in_s * 1000
            return await self._issue(
                unit, NewKey(command.tenant_id, command.name, command.scopes, self.environment, expires_at), now
            )

        issued = await changing(self.units, work, self.changed)
        _log.warning("API key is made", extra=_named(caller, issued.key))
        return issued

    async def rotate(self, caller: Principal, command: RotateKey) -> IssuedKey:
        """For the same tenant, with the same name and scopes, and for as long a life.

        The key whose place the old one took ends now, so there are never more than two.
        Raises `NotFoundError`, `KeyRotatedError`, `TooManyKeysError`, `UnauthenticatedError`.
        """

        async def work(unit: UnitOfWork) -> IssuedKey:
            await _begin(unit, caller, command.key_id)
            old, now = await _stored(unit, command.key_id), self.clock.now()
            await require_valid_key(unit, caller, now)
            if not old.is_valid(now):
                raise NotFoundError("API key")
            require(caller, old.scopes)
            keys = await unit.api_keys.all()
            successor = next((key for key in keys if key.rotated_from == old.key_id and key.is_valid(now)), None)
            if successor is not None:
                raise KeyRotatedError(successor.key_id)
            await _make_room(unit, old.tenant_id, now)
            if old.rotated_from is not None:
                await unit.api_keys.delete([old.rotated_from])
            await unit.api_keys.end(old.key_id, old.end_by(now + command.overlap_s * 1000))
            new = NewKey(
                old.tenant_id, old.name, old.scopes, self.environment, old.expiry_of_successor(now), old.key_id
            )
            return await self._issue(unit, new, now)

        issued = await changing(self.units, work, self.changed)
        _log.warning("API key is rotated", extra={**_named(caller, issued.key), "rotated": command.key_id})
        return issued

    async def revoke(self, caller: Principal, key_id: str) -> ApiKey:
        """Delete it; returns what it was. Raises `NotFoundError`."""

        async def work(unit: UnitOfWork) -> ApiKey:
            await _begin(unit, caller, key_id)
            key = await _stored(unit, key_id)
            await unit.api_keys.delete([key_id])
            return key

        key = await changing(self.units, work, self.changed)
        _log.warning("API key is revoked", extra=_named(caller, key))
        return key

    async def _issue(self, unit: UnitOfWork, new: NewKey, now: int) -> IssuedKey:
        text, key = new_key(self.unguessable(ID_BYTES + SECRET_BYTES), new, now)
        await unit.api_keys.add(key)
        return IssuedKey(key, text)


async def _begin(unit: UnitOfWork, caller: Principal, key_id: str) -> None:
    """Nobody else changes the keys of its tenant until the unit of work ends. Raises `NotFoundError`, also where the caller may not see it."""
    key = await unit.api_keys.get(key_id)
    if key is None or not caller.reaches(key.tenant_id) or not await unit.api_keys.begin_change(key.tenant_id):
        raise NotFoundError("API key")


async def _stored(unit: UnitOfWork, key_id: str) -> ApiKey:
    key = await unit.api_keys.get(key_id)
    if key is None:
        raise NotFoundError("API key")
    return key


async def _make_room(unit: UnitOfWork, tenant_id: TenantId, now: int) -> None:
    """For one more key of the tenant. What has ended goes after a while, or where its place is needed: the table does not grow.

    Raises `TooManyKeysError`.
    """
    keys = await unit.api_keys.all()
    kept = [key for key in keys if key.is_kept(now)]
    limit = _reached(kept, tenant_id)
    if limit is not None:
        kept = [key for key in keys if key.is_valid(now)]
        limit = _reached(kept, tenant_id)
    if limit is not None:
        raise TooManyKeysError(limit)
    stay = {key.key_id for key in kept}
    await unit.api_keys.delete([key.key_id for key in keys if key.key_id not in stay])


def _reached(keys: Sequence[ApiKey], tenant_id: TenantId) -> int | None:
    """The limit that leaves no place for one more."""
    if len(keys) >= MAX_KEYS:
        return MAX_KEYS
    of_tenant = sum(key.tenant_id == tenant_id for key in keys)
    return MAX_KEYS_OF_TENANT if of_tenant >= MAX_KEYS_OF_TENANT else None


def _require_reach(caller: Principal, tenant_id: TenantId | None) -> None:
    if tenant_id is None or not caller.reaches(tenant_id):
        require(caller, {Scope.TENANTS_ADMIN})


def _named(caller: Principal, key: ApiKey) -> dict[str, str]:
    return {"key_id": key.key_id, "tenant": key.tenant_id, "caller": caller.id or caller.kind.value}
