"""Tenants: the owners of everything stored, which cannot see each other (ADR 69)."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from wework_message.domain.errors import DomainError, InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId

MAX_TENANTS: Final = 1_000
"""Tenants of a service: every process knows all of them."""

MAX_TENANT_NAME: Final = 255
"""Characters of a tenant's name."""

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class TooManyTenantsError(DomainError):
    """There are `MAX_TENANTS` of them."""

    code: ClassVar[str] = "CONFLICT"

    def __init__(self) -> None:
        """The number is no secret."""
        super().__init__(f"there are {MAX_TENANTS} tenants")


class TenantExistsError(DomainError):
    """There is a tenant with this id already; nothing was changed."""

    code: ClassVar[str] = "CONFLICT"

    def __init__(self) -> None:
        """The caller knows the id."""
        super().__init__("there is a tenant with this id already")


class OperatorTenantError(DomainError):
    """The tenant `default` is the operator's: it cannot be disabled."""

    code: ClassVar[str] = "ILLEGAL_STATE"

    def __init__(self) -> None:
        """The text is always the same."""
        super().__init__(f"the tenant {DEFAULT_TENANT} is the operator's and cannot be disabled")


@dataclass(frozen=True, slots=True)
class Tenant:
    """An owner of rows."""

    tenant_id: TenantId
    name: str
    """What people call it."""
    created_at: int
    """Epoch ms."""
    disabled_at: int | None = None
    """Epoch ms; since then its keys are refused. None = it is not disabled."""


def check_tenant(tenant_id: str, name: str) -> None:
    """Raises `InvalidValueError` for an id or a name that no tenant may have."""
    if _ID.fullmatch(tenant_id) is None:
        raise InvalidValueError("tenantId", "must be 1-64 lower-case letters, digits, - and _, a letter or digit first")
    if not 1 <= len(name) <= MAX_TENANT_NAME or not name.isprintable():
        raise InvalidValueError("name", f"must be 1-{MAX_TENANT_NAME} printable characters")
