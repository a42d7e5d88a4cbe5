"""The audit trail (ADR 70)."""

from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

from wework_message.application.errors import ForbiddenError
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction, AuditFilter
from wework_message.domain.ids import TenantId
from wework_message.entrypoints.rest.api import Api, ApiDependency
from wework_message.entrypoints.rest.http.query_parameters import (
    INSTANT_SCHEMA,
    TEXT_SCHEMA,
    Cursor,
    Limit,
    checked_text,
    cursor_number,
    instant_parameter,
    next_cursor,
)
from wework_message.entrypoints.rest.http.routing import errors, get
from wework_message.entrypoints.wire.answers.audit import AuditPage, audit_item

Action: TypeAlias = Annotated[
    AuditAction | None, QueryParameter(name="action", description="Only this action, such as `key.create`.")
]
OfActor: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="actorId", description="Only of this key, subject or user.", schema_extra=TEXT_SCHEMA),
]
OfTarget: TypeAlias = Annotated[
    str | None, QueryParameter(name="target", description="Only about this id.", schema_extra=TEXT_SCHEMA)
]
Since: TypeAlias = Annotated[
    str | None, QueryParameter(name="from", description="Only from this time on.", schema_extra=INSTANT_SCHEMA)
]
Until: TypeAlias = Annotated[
    str | None, QueryParameter(name="to", description="Only before this time.", schema_extra=INSTANT_SCHEMA)
]
OfTenant: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        name="tenantId",
        description="The trail of this tenant instead of the caller's own; for operators.",
        schema_extra=TEXT_SCHEMA,
    ),
]


@get(
    "/api/audit",
    scope=Scope.AUDIT_READ,
    summary="Who did what, from where, and how it ended; newest first",
    responses=errors(422),
)
async def list_audit_entries(
    api: ApiDependency,
    action: Action = None,
    actor_id: OfActor = None,
    target: OfTarget = None,
    since: Since = None,
    until: Until = None,
    tenant_id: OfTenant = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AuditPage:
    """A page of the trail of the caller's tenant."""
    filters = AuditFilter(
        action,
        checked_text("actorId", actor_id),
        checked_text("target", target),
        _instant(api, "from", since),
        _instant(api, "to", until),
    )
    entries = await api.application.audit.reader.audit_entries(
        _tenant(api, checked_text("tenantId", tenant_id)), filters, limit=limit + 1, before=cursor_number(cursor)
    )
    items = tuple(map(audit_item, entries[:limit]))
    return AuditPage(items, next_cursor(items[-1].seq) if len(entries) > limit else None)


def _tenant(api: Api, requested: str | None) -> TenantId:
    if requested is None or requested == api.tenant_id:
        return api.tenant_id
    if not api.caller.is_operator:
        raise ForbiddenError(Scope.TENANTS_ADMIN)
    api.require(Scope.TENANTS_ADMIN)
    return TenantId(requested)


def _instant(api: Api, name: str, text: str | None) -> int | None:
    return None if text is None else instant_parameter(name, text, api.config.limits.at(api.config.now()).instants)
