"""API keys and tenants for tests."""

import dataclasses
from typing import Any

from tests.support.builders.messages import NOW

from wework_message.domain.access.api_keys import ID_BYTES, SECRET_BYTES, ApiKey, NewKey, new_key
from wework_message.domain.access.scopes import Scope
from wework_message.domain.access.tenants import Tenant
from wework_message.domain.ids import DEFAULT_TENANT, TenantId

ACME = TenantId("acme")


def unguessable(number: int) -> bytes:
    """Bytes that a test can guess: id and secret have the number."""
    return number.to_bytes(ID_BYTES, "big") + number.to_bytes(SECRET_BYTES, "big")


def a_new_key(**changes: Any) -> NewKey:
    return dataclasses.replace(NewKey(DEFAULT_TENANT, "shop", frozenset({Scope.MESSAGES_SEND})), **changes)


def key_text(number: int = 1, environment: str = "live") -> str:
    """The text of `an_api_key` with this number."""
    return new_key(unguessable(number), a_new_key(environment=environment), NOW)[0]


def an_api_key(number: int = 1, **changes: Any) -> ApiKey:
    environment = changes.get("environment", "live")
    _, key = new_key(unguessable(number), a_new_key(environment=environment), NOW)
    return dataclasses.replace(key, **changes)


def a_tenant(tenant_id: str = ACME, **changes: Any) -> Tenant:
    return dataclasses.replace(Tenant(TenantId(tenant_id), "Acme Ltd", NOW), **changes)
