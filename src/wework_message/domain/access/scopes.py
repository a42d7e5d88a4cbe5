"""What a caller may do: one scope for each kind of work (ADR 69)."""

from enum import StrEnum
from typing import Final

from wework_message.domain.ids import DEFAULT_TENANT, TenantId


class Scope(StrEnum):
    """The scopes of a key or a token. A route needs exactly one of them, or is public."""

    MESSAGES_SEND = "messages:send"
    """Send, also batches and mass sends; cancel, retry and recall; take files in."""
    MESSAGES_READ = "messages:read"
    """Read messages, statuses, batches and media."""
    MESSAGES_FORCE = "messages:force"
    """Say what became of uncertain messages; replay failed messages and dead letters."""
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_ADMIN = "accounts:admin"
    """Register and change accounts and bindings, log instances in."""
    CALLBACKS_READ = "callbacks:read"
    CALLBACKS_ADMIN = "callbacks:admin"
    """Tokens of callback paths, replay and purge of callbacks."""
    WEBHOOKS_ADMIN = "webhooks:admin"
    """Endpoints of a client, and their secrets."""
    ERASURES_ADMIN = "erasures:admin"
    """Erase what is held of a person."""
    CONTROL_ADMIN = "control:admin"
    """Pause and resume what the tenant owns; everything, with an operator's key."""
    KEYS_ADMIN = "keys:admin"
    """Make and revoke keys of the tenant, with scopes that the caller has itself."""
    AUDIT_READ = "audit:read"
    PROVIDERS_READ = "providers:read"
    """State and health of the configured providers."""
    PROVIDERS_ADMIN = "providers:admin"
    """What providers hold beyond our accounts: their clients, instances without an owner."""
    TENANTS_ADMIN = "tenants:admin"
    METRICS = "metrics"


ALL_SCOPES: Final = frozenset(Scope)

OPERATOR_SCOPES: Final = frozenset({Scope.PROVIDERS_ADMIN, Scope.TENANTS_ADMIN, Scope.METRICS})
"""They reach beyond one tenant, so only keys of the tenant `default`, which is the operator's, may have them."""


def scopes_of(tenant_id: TenantId) -> frozenset[Scope]:
    """All that a key of the tenant may have."""
    return ALL_SCOPES if tenant_id == DEFAULT_TENANT else ALL_SCOPES - OPERATOR_SCOPES
