"""The bodies of requests for API keys and tenants."""

from typing import Annotated

from msgspec import Meta, Struct

from wework_message.domain.access.api_keys import (
    DEFAULT_OVERLAP_S,
    MAX_LIFE_S,
    MAX_NAME,
    MAX_OVERLAP_S,
    MIN_LIFE_S,
)
from wework_message.domain.access.scopes import Scope
from wework_message.domain.access.tenants import MAX_TENANT_NAME
from wework_message.entrypoints.wire.requests.fields import Name


class KeyRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a new key may do."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
    """What people call it; printable characters."""
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=len(Scope))]
    """Of those that the caller has itself."""
    expires_in_seconds: Annotated[int, Meta(ge=MIN_LIFE_S, le=MAX_LIFE_S)] | None = None
    """Absent: it does not expire."""
    tenant_id: Name | None = None
    """Another tenant than the caller's own; that needs `tenants:admin`."""


class KeyRotationRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A new key in the place of another."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=MAX_OVERLAP_S)] = DEFAULT_OVERLAP_S
    """How long the old one stays valid."""


class TenantRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A new tenant."""

    tenant_id: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9_-]{0,63}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=MAX_TENANT_NAME)]
    """What people call it; printable characters."""
