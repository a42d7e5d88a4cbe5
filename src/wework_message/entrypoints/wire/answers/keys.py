"""The `data` of answers about API keys and tenants."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from wework_message.application.access.keys import IssuedKey
from wework_message.domain.access.api_keys import ApiKey
from wework_message.domain.access.scopes import Scope
from wework_message.domain.access.tenants import Tenant
from wework_message.entrypoints.wire.instants import iso


class KeyAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known of a key; its text is kept nowhere."""

    key_id: str
    """A part of the text, which opens nothing: it names the key in these routes and in the log."""
    tenant_id: str
    name: str
    scopes: tuple[Scope, ...]
    environment: str
    """Keys are valid where `security.environment` is the same."""
    created_at: str
    expires_at: str | None
    """From then on it is refused; null = it does not expire."""
    ends_at: str | None
    """The same, because it was rotated; null = it was not."""
    rotated_from: str | None
    """The key in whose place it is."""
    last_used_at: str | None
    """To the minute; null = never."""
    valid: bool


class IssuedKeyAnswer(KeyAnswer, frozen=True, kw_only=True, rename="camel"):
    """A new key, with its text: this answer is the only one that ever has it."""

    key: str


class KeyList(Struct, frozen=True, kw_only=True, rename="camel"):
    """The keys of a tenant, the oldest first; those that have ended, for a week."""

    items: tuple[KeyAnswer, ...]
    next_cursor: str | None = None
    """Always null: a tenant has at most a thousand."""


class RevokedKeyAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The end of a key."""

    key_id: str
    revoked: bool = True


class TenantAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An owner of everything that is stored."""

    tenant_id: str
    name: str
    created_at: str
    disabled_at: str | None
    """Since then its keys are refused; null = it is not disabled."""


class TenantList(Struct, frozen=True, kw_only=True, rename="camel"):
    """All tenants by id."""

    items: tuple[TenantAnswer, ...]
    next_cursor: str | None = None
    """Always null: there are at most a thousand."""


def issued_key_answer(issued: IssuedKey) -> IssuedKeyAnswer:
    """A new key."""
    return IssuedKeyAnswer(**msgspec.structs.asdict(_key_answer(issued.key, issued.key.created_at)), key=issued.text)


def key_list(keys: Sequence[ApiKey], now: int) -> KeyList:
    """As they are at `now` (epoch ms)."""
    return KeyList(items=tuple(_key_answer(key, now) for key in keys))


def _key_answer(key: ApiKey, now: int) -> KeyAnswer:
    """As it is at `now` (epoch ms)."""
    return KeyAnswer(
        key_id=key.key_id,
        tenant_id=key.tenant_id,
        name=key.name,
        scopes=tuple(sorted(key.scopes)),
        environment=key.environment,
        created_at=iso(key.created_at),
        expires_at=iso(key.expires_at),
        ends_at=iso(key.ends_at),
        rotated_from=key.rotated_from,
        last_used_at=iso(key.last_used_at),
        valid=key.is_valid(now),
    )


def tenant_list(tenants: Sequence[Tenant]) -> TenantList:
    """All of them."""
    return TenantList(items=tuple(tenant_answer(tenant) for tenant in tenants))


def tenant_answer(tenant: Tenant) -> TenantAnswer:
    """One of them."""
    return TenantAnswer(
        tenant_id=tenant.tenant_id,
        name=tenant.name,
        created_at=iso(tenant.created_at),
        disabled_at=iso(tenant.disabled_at),
    )
