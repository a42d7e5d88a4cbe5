"""Whoever calls: a tenant, what it may do, and the name under which it is remembered."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wework_message.domain.access.scopes import ALL_SCOPES, OPERATOR_SCOPES, Scope
from wework_message.domain.ids import DEFAULT_TENANT, TenantId


class PrincipalKind(StrEnum):
    """How a caller proved itself."""

    NOBODY = "NOBODY"
    """Not at all, where others must: a public route."""
    OPEN = "OPEN"
    """Not at all: `security.mode: open`."""
    KEY = "KEY"
    """By an API key."""
    TOKEN = "TOKEN"  # noqa: S105 -- a kind
    """By a signed token (JWT) of a platform's issuer."""
    COMMAND_LINE = "COMMAND_LINE"
    """By access to the database and its settings."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. Its tenant comes from its proof, never from what it asks for."""

    tenant_id: TenantId
    kind: PrincipalKind
    scopes: AbstractSet[Scope]
    id: str = ""
    """The key's id, or the token's subject; empty where there is none."""

    @property
    def is_operator(self) -> bool:
        """Whether it may see and change what belongs to no tenant, or to all."""
        return self.tenant_id == DEFAULT_TENANT

    def may(self, scope: Scope) -> bool:
        """Whether it has the scope: those that reach beyond one tenant are the operator's, whatever a token says."""
        return scope in self.scopes and (self.is_operator or scope not in OPERATOR_SCOPES)

    def first_missing(self, scopes: AbstractSet[Scope]) -> Scope | None:
        """The first of these scopes, by name, that it has not; None where it has all."""
        return min((scope for scope in scopes if not self.may(scope)), default=None)

    def reaches(self, tenant_id: TenantId) -> bool:
        """Whether it may see and change the keys of this tenant: its own, and all with `tenants:admin`."""
        return tenant_id == self.tenant_id or self.may(Scope.TENANTS_ADMIN)


OPEN_PRINCIPAL: Final = Principal(DEFAULT_TENANT, PrincipalKind.OPEN, ALL_SCOPES)
"""Everybody, in `security.mode: open`."""

NOBODY: Final = Principal(TenantId(""), PrincipalKind.NOBODY, frozenset())
"""Who has not proved anything, with `security.mode: keys`."""

COMMAND_LINE_PRINCIPAL: Final = Principal(DEFAULT_TENANT, PrincipalKind.COMMAND_LINE, ALL_SCOPES)
"""Whoever can read the settings and reach the database: nothing could be kept from him."""
