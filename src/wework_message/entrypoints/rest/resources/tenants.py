"""Tenants: create, list, disable and enable (ADR 69)."""

from http import HTTPStatus
from typing import Any

from litestar import Request

from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import TenantId
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.auditing import note_target
from wework_message.entrypoints.rest.http.envelope import Enveloped
from wework_message.entrypoints.rest.http.query_parameters import NO_PARAMETERS, Name
from wework_message.entrypoints.rest.http.routing import errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import TENANT
from wework_message.entrypoints.rest.resources.settings_body import read_settings_body
from wework_message.entrypoints.wire.answers.keys import TenantAnswer, TenantList, tenant_answer, tenant_list
from wework_message.entrypoints.wire.requests.keys import TenantRequest


@post(
    "/api/tenants",
    scope=Scope.TENANTS_ADMIN,
    audit=AuditAction.TENANT_CREATE,
    status_code=HTTPStatus.CREATED,
    summary="Create a tenant; make keys for it afterwards",
    operation_class=reading(TENANT, lambda: {"acme": {"tenantId": "acme", "name": "Acme Ltd"}}),
    opt=NO_PARAMETERS,
    responses=errors(400, 409, 413, 415, 422),
)
async def create_tenant(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[TenantAnswer]:
    """Its id is in every row of it, and never changes."""
    requested = await read_settings_body(api, request, TenantRequest)
    created = await api.application.tenants.create(TenantId(requested.tenant_id), requested.name)
    note_target(request, created.tenant_id)
    return Enveloped(tenant_answer(created))


@get("/api/tenants", scope=Scope.TENANTS_ADMIN, summary="All tenants, by id", opt=NO_PARAMETERS, responses=errors(422))
async def list_tenants(api: ApiDependency) -> TenantList:
    """As they are stored now."""
    return tenant_list(await api.application.tenants.tenants())


@post(
    "/api/tenants/{tenant_id:str}/disable",
    scope=Scope.TENANTS_ADMIN,
    audit=AuditAction.TENANT_DISABLE,
    summary="Refuse all keys of a tenant; what it has stored stays, and what was accepted is sent",
    opt=NO_PARAMETERS,
    responses=errors(404, 409, 422),
)
async def disable_tenant(api: ApiDependency, tenant_id: Name) -> TenantAnswer:
    """In this process at once, in all within 5 s; a repetition changes nothing."""
    return tenant_answer(await api.application.tenants.disable(TenantId(tenant_id)))


@post(
    "/api/tenants/{tenant_id:str}/enable",
    scope=Scope.TENANTS_ADMIN,
    audit=AuditAction.TENANT_ENABLE,
    summary="Let the keys of a tenant in again",
    opt=NO_PARAMETERS,
    responses=errors(404, 422),
)
async def enable_tenant(api: ApiDependency, tenant_id: Name) -> TenantAnswer:
    """In this process at once, in all within 5 s; a repetition changes nothing."""
    return tenant_answer(await api.application.tenants.enable(TenantId(tenant_id)))
