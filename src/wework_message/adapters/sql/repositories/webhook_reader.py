"""Webhooks on SQL: what is committed."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.secret_columns import CLEAR, SecretColumns
from wework_message.adapters.sql.mapping.webhook_rows import delivery_of
from wework_message.adapters.sql.mapping.webhook_tables import webhook, webhook_delivery
from wework_message.adapters.sql.repositories.webhooks import read_endpoints
from wework_message.domain.ids import EventId, TenantId, WebhookId
from wework_message.domain.ports.webhooks import WebhookReader
from wework_message.domain.webhooks.delivery import Delivery
from wework_message.domain.webhooks.endpoint import Endpoint

_row = webhook_delivery.c
_FIRST_DUE: Final = Query(
    by_index(
        select(_row.due_at)
        .where(_row.endpoint_id == bindparam("the_endpoint"), _row.due_at.is_not(None))
        .order_by(_row.due_at)
        .limit(1),
        webhook_delivery,
        "ix_wm_webhook_delivery_due",
    )
)
_NEWEST: Final = Query(
    by_index(
        select(webhook_delivery)
        .where(
            _row.endpoint_id == bindparam("the_endpoint"),
            _row.event_id < bindparam("before"),
            beside_index(_row.tenant_id) == bindparam("the_tenant_id"),
        )
        .order_by(_row.event_id.desc())
        .limit(bindparam("limit", 0)),
        webhook_delivery,
    )
)
_ENABLED: Final = Query(select(webhook.c.id).where(webhook.c.enabled))
_END: Final = "~"
"""Behind every id."""


class SqlWebhookReader:
    """Reads what is committed."""

    def __init__(self, read: Run, secrets: SecretColumns = CLEAR) -> None:
        """`read` runs a query on what is committed."""
        self._read = read
        self._secrets = secrets

    async def endpoints(self, tenant_id: TenantId | None = None) -> Sequence[Endpoint]:
        """The whole table."""
        return await self._read(read_endpoints, self._secrets, tenant_id)

    async def due(self, webhook_ids: Sequence[WebhookId], *, now: int) -> Sequence[WebhookId]:
        """The first entry of each endpoint in an index."""
        return await self._read(_due, webhook_ids, now) if webhook_ids else ()

    async def deliveries(
        self, tenant_id: TenantId, webhook_id: WebhookId, *, limit: int, before: EventId | None
    ) -> Sequence[Delivery]:
        """By primary key, from its end."""
        return await self._read(_newest, tenant_id, webhook_id, limit, before)


def _first_due(connection: Connection, webhook_id: WebhookId) -> int | None:
    rows = _FIRST_DUE.rows(connection, the_endpoint=webhook_id)
    return int(rows[0]["due_at"]) if rows else None


def _due(connection: Connection, webhook_ids: Sequence[WebhookId], now: int) -> Sequence[WebhookId]:
    first = {webhook_id: _first_due(connection, webhook_id) for webhook_id in webhook_ids}
    return [webhook_id for webhook_id, due_at in first.items() if due_at is not None and due_at <= now]


def _newest(
    connection: Connection, tenant_id: TenantId, webhook_id: WebhookId, limit: int, before: EventId | None
) -> Sequence[Delivery]:
    names = {"the_endpoint": webhook_id, "the_tenant_id": tenant_id}
    rows = _NEWEST.rows(connection, **names, before=before or _END, limit=limit)
    return [delivery_of(row) for row in rows]


def overdue_since(connection: Connection) -> int | None:
    """Since when the delivery is due that is due for longest at an enabled endpoint, epoch ms; None where none waits."""
    enabled = [WebhookId(row["id"]) for row in _ENABLED.rows(connection)]
    first = [_first_due(connection, webhook_id) for webhook_id in enabled]
    return min((due_at for due_at in first if due_at is not None), default=None)


def _conforms(reader: SqlWebhookReader) -> WebhookReader:
    return reader
