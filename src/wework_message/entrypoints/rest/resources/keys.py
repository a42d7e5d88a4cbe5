"""API keys: make, list, rotate and revoke (ADR 69)."""

from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from litestar import Request
from litestar.params import QueryParameter

from wework_message.application.access.keys import CreateKey, IssuedKey, RotateKey
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import TenantId
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.auditing import note_target
from wework_message.entrypoints.rest.http.envelope import NO_STORE, Enveloped
from wework_message.entrypoints.rest.http.query_parameters import NO_PARAMETERS, TEXT_SCHEMA, Name, checked_text
from wework_message.entrypoints.rest.http.routing import delete, errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import KEY, KEY_ROTATION
from wework_message.entrypoints.rest.resources.settings_body import read_settings_body
from wework_message.entrypoints.wire.answers.keys import (
    IssuedKeyAnswer,
    KeyList,
    RevokedKeyAnswer,
    issued_key_answer,
    key_list,
)
from wework_message.entrypoints.wire.requests.keys import KeyRequest, KeyRotationRequest

Tenant: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        name="tenantId",
        description="Keys of this tenant instead of the caller's own; that needs `tenants:admin`.",
        schema_extra=TEXT_SCHEMA,
    ),
]


@post(
    "/api/keys",
    scope=Scope.KEYS_ADMIN,
    audit=AuditAction.KEY_CREATE,
    status_code=HTTPStatus.CREATED,
    summary="Make an API key with scopes that the caller has itself; it is shown once",
    operation_class=reading(KEY, lambda: {"shop": {"name": "shop", "scopes": ["messages:send", "messages:read"]}}),
    opt=NO_PARAMETERS,
    responses=errors(400, 409, 413, 415, 422),
)
async def create_key(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[IssuedKeyAnswer]:
    """Valid in this process at once, in all within 5 s."""
    requested = await read_settings_body(api, request, KeyRequest)
    tenant_id = api.tenant_id if requested.tenant_id is None else TenantId(requested.tenant_id)
    command = CreateKey(tenant_id, requested.name, frozenset(requested.scopes), requested.expires_in_seconds)
    issued = await api.application.keys.create(api.caller, command)
    note_target(request, tenant_id, issued.key.key_id)
    return _issued(issued)


@get(
    "/api/keys",
    scope=Scope.KEYS_ADMIN,
    summary="The API keys of a tenant, the oldest first; without their texts, which are kept nowhere",
    responses=errors(422),
)
async def list_keys(api: ApiDependency, tenant: Tenant = None) -> KeyList:
    """As they are stored now; when they were used is up to a minute old."""
    named = checked_text("tenantId", tenant)
    tenant_id = api.tenant_id if named is None else TenantId(named)
    return key_list(await api.application.keys.keys_of(api.caller, tenant_id), api.config.now())


@post(
    "/api/keys/{key_id:str}/rotate",
    scope=Scope.KEYS_ADMIN,
    audit=AuditAction.KEY_ROTATE,
    status_code=HTTPStatus.CREATED,
    summary="Make an API key in the place of another, which stays valid for a while; it is shown once",
    operation_class=reading(KEY_ROTATION, lambda: {"a week": {"overlapSeconds": 604_800}}),
    opt=NO_PARAMETERS,
    responses=errors(400, 404, 409, 413, 415, 422),
)
async def rotate_key(api: ApiDependency, key_id: Name, request: Request[Any, Any, Any]) -> Enveloped[IssuedKeyAnswer]:
    """With the same name and scopes, and for as long a life; the old one ends after `overlapSeconds`, or when it would have ended before."""
    requested = await read_settings_body(api, request, KeyRotationRequest)
    issued = await api.application.keys.rotate(api.caller, RotateKey(key_id, requested.overlap_seconds))
    note_target(request, key_id, issued.key.key_id)
    return _issued(issued)


@delete(
    "/api/keys/{key_id:str}",
    scope=Scope.KEYS_ADMIN,
    audit=AuditAction.KEY_REVOKE,
    summary="Revoke an API key",
    opt=NO_PARAMETERS,
    responses=errors(404, 422),
)
async def revoke_key(api: ApiDependency, key_id: Name) -> RevokedKeyAnswer:
    """Refused in this process at once, in all within 5 s."""
    await api.application.keys.revoke(api.caller, key_id)
    return RevokedKeyAnswer(key_id=key_id)


def _issued(issued: IssuedKey) -> Enveloped[IssuedKeyAnswer]:
    return Enveloped(issued_key_answer(issued), headers=NO_STORE)
