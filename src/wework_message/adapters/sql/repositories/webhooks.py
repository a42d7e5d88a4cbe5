"""Webhooks on SQL, inside one transaction."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Later, Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index, updating_by_index
from wework_message.adapters.sql.core.prepared import Change, Query, deleting, inserting, updating
from wework_message.adapters.sql.mapping.secret_columns import CLEAR, SecretColumns
from wework_message.adapters.sql.mapping.webhook_rows import (
    SECRETS,
    delivery_of,
    delivery_row,
    endpoint_of,
    endpoint_row,
    progress,
)
from wework_message.adapters.sql.mapping.webhook_tables import webhook, webhook_delivery
from wework_message.domain.ids import TenantId, WebhookId
from wework_message.domain.ports.webhooks import WebhookRepository
from wework_message.domain.webhooks.delivery import Delivery, DeliveryState, Heads, heads_of, put_off
from wework_message.domain.webhooks.endpoint import Endpoint

MAX_READS: Final = 8
"""Reads of due rows of an endpoint in one claim: where all of them are put off, the next claim goes on."""

_KEYS: Final = {"endpoint_id": "the_endpoint", "event_id": "the_event"}
_MESSAGE_INDEX: Final = "ix_wm_webhook_delivery_message"
_row = webhook_delivery.c

_ALL: Final = Query(select(webhook).order_by(webhook.c.id))
_ALL_OF_TENANT: Final = Query(
    select(webhook).where(webhook.c.tenant_id == bindparam("the_tenant_id")).order_by(webhook.c.id)
)
_LOCKED: Final = Query(
    select(webhook)
    .where(webhook.c.id == bindparam("the_id"), webhook.c.tenant_id == bindparam("the_tenant_id"))
    .with_for_update()
)
_NEW: Final = inserting(webhook)
_FIXED: Final = ("id", "tenant_id", "created_at")
_CHANGE: Final = updating(
    webhook,
    {"id": "the_id"},
    [column.name for column in webhook.c if column.name not in _FIXED],
)
_CHANGE_BUT_SECRETS: Final = updating(
    webhook,
    {"id": "the_id"},
    [column.name for column in webhook.c if column.name not in (*_FIXED, *SECRETS)],
)
_DELETE: Final = deleting(webhook, {"id": "the_id", "tenant_id": "the_tenant_id"})
_DUE: Final = Query(
    by_index(
        select(webhook_delivery)
        .where(_row.endpoint_id == bindparam("the_endpoint"), _row.due_at <= bindparam("now"))
        .order_by(_row.due_at, _row.event_id)
        .limit(bindparam("limit", 0)),
        webhook_delivery,
        "ix_wm_webhook_delivery_due",
    ).with_for_update(skip_locked=True)
)
_WAITING: Final = Query(
    by_index(
        select(_row.message_id, _row.sequence, _row.due_at).where(
            _row.endpoint_id == bindparam("the_endpoint"),
            _row.message_id.in_(bindparam("ids", expanding=True)),
            beside_index(_row.due_at).is_not(None),
        ),
        webhook_delivery,
        _MESSAGE_INDEX,
    )
)
_CLAIM: Final = updating(webhook_delivery, _KEYS, ["attempts", "due_at"])
_PUT_OFF: Final = updating(webhook_delivery, _KEYS, ["due_at"])
_CLAIMED: Final = Query(
    by_index(
        select(_row.event_id, _row.attempts, _row.due_at).where(
            _row.endpoint_id == bindparam("the_endpoint"), _row.event_id.in_(bindparam("ids", expanding=True))
        ),
        webhook_delivery,
    ).with_for_update()
)
_END: Final = updating(webhook_delivery, _KEYS, ["state", "attempts", "due_at", "outcome", "http_status", "ended_at"])
_RELEASE: Final = Change(
    updating_by_index(
        update(webhook_delivery)
        .where(
            _row.endpoint_id == bindparam("the_endpoint"),
            _row.message_id.in_(bindparam("ids", expanding=True)),
            beside_index(_row.due_at) > bindparam("now"),
            _row.attempts == 0,
        )
        .values(due_at=bindparam("now")),
        webhook_delivery,
        _MESSAGE_INDEX,
    )
)
_FAILED: Final = Query(
    by_index(
        select(webhook_delivery)
        .where(
            _row.endpoint_id == bindparam("the_endpoint"),
            _row.state == DeliveryState.FAILED.value,
            _row.created_at >= bindparam("since"),
        )
        .order_by(_row.created_at, _row.event_id)
        .limit(bindparam("limit", 0)),
        webhook_delivery,
        "ix_wm_webhook_delivery_state",
    ).with_for_update()
)
_DELIVERED: Final = Query(
    by_index(
        select(_row.event_id)
        .where(
            _row.endpoint_id == bindparam("the_endpoint"),
            _row.state == DeliveryState.DELIVERED.value,
            _row.created_at >= bindparam("since"),
        )
        .limit(1),
        webhook_delivery,
        "ix_wm_webhook_delivery_state",
    )
)


class SqlWebhooks:
    """Endpoints and deliveries inside one transaction."""

    def __init__(self, run: Run, later: Later, dialect: Dialect, secrets: SecretColumns = CLEAR) -> None:
        """`later` writes with the next step; `dialect` knows the insert that leaves existing rows alone."""
        self._run = run
        self._later = later
        self._dialect = dialect
        self._secrets = secrets

    async def endpoints(self) -> Sequence[Endpoint]:
        """The whole table."""
        return await self._run(read_endpoints, self._secrets)

    async def endpoint(self, tenant_id: TenantId, webhook_id: WebhookId) -> Endpoint | None:
        """By primary key."""
        return await self._run(_locked, self._secrets, tenant_id, webhook_id)

    async def put(self, endpoint: Endpoint) -> None:
        """A read by primary key, then an insert or an update."""
        await self._run(_put, self._secrets, endpoint)

    async def delete(self, tenant_id: TenantId, webhook_id: WebhookId) -> None:
        """By primary key."""
        await self._run(_delete, tenant_id, webhook_id)

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """One insert, with the next step."""
        if deliveries:
            self._later(self._record, deliveries)

    def _record(self, connection: Connection, deliveries: Sequence[Delivery]) -> None:
        # Transactions that insert the same ones in one order cannot deadlock.
        ordered = sorted(deliveries, key=lambda delivery: (delivery.endpoint_id, delivery.event_id))
        self._dialect.new_delivery.many(connection, [delivery_row(delivery) for delivery in ordered])

    async def claim(self, limits: Mapping[WebhookId, int], *, now: int) -> Sequence[Delivery]:
        """The due rows of each endpoint by index, and the waiting ones of the same messages."""
        return await self._run(_claim, limits, now) if limits else ()

    async def end(self, attempted: Sequence[Delivery], *, now: int) -> Sequence[Delivery]:
        """By primary key; then what waits for the same messages, by index."""
        return await self._run(_end, attempted, now) if attempted else ()

    async def give_back(self, claimed: Sequence[Delivery], *, now: int) -> None:
        """By primary key."""
        if claimed:
            await self._run(_give_back, claimed, now)

    async def delivered_since(self, webhook_id: WebhookId, since: int) -> bool:
        """The first one by state and time."""
        return await self._run(_delivered_since, webhook_id, since)

    async def recover(self, webhook_id: WebhookId, *, since: int, limit: int, now: int) -> int:
        """By state and time."""
        return await self._run(_recover, webhook_id, since, limit, now)


def read_endpoints(
    connection: Connection, secrets: SecretColumns, tenant_id: TenantId | None = None
) -> Sequence[Endpoint]:
    """All of them, or those of a tenant, the oldest first."""
    if tenant_id is None:
        return [endpoint_of(row, secrets) for row in _ALL.rows(connection)]
    return [endpoint_of(row, secrets) for row in _ALL_OF_TENANT.rows(connection, the_tenant_id=tenant_id)]


def _locked(
    connection: Connection, secrets: SecretColumns, tenant_id: TenantId, webhook_id: WebhookId
) -> Endpoint | None:
    rows = _LOCKED.rows(connection, the_id=webhook_id, the_tenant_id=tenant_id)
    return next((endpoint_of(row, secrets) for row in rows), None)


def _put(connection: Connection, secrets: SecretColumns, endpoint: Endpoint) -> None:
    row = endpoint_row(endpoint, secrets)
    if _LOCKED.rows(connection, the_id=endpoint.id, the_tenant_id=endpoint.tenant_id):
        change = _CHANGE if endpoint.secret is not None else _CHANGE_BUT_SECRETS
        change.many(connection, [row | {"the_id": endpoint.id}])
    else:
        _NEW.many(connection, [row])


def _delivered_since(connection: Connection, webhook_id: WebhookId, since: int) -> bool:
    return bool(_DELIVERED.rows(connection, the_endpoint=webhook_id, since=since))


def _delete(connection: Connection, tenant_id: TenantId, webhook_id: WebhookId) -> None:
    _DELETE.many(connection, [{"the_id": webhook_id, "the_tenant_id": tenant_id}])


def _claim(connection: Connection, limits: Mapping[WebhookId, int], now: int) -> Sequence[Delivery]:
    return [
        delivery
        for webhook_id, limit in sorted(limits.items())
        for delivery in _claim_of(connection, webhook_id, limit, now)
    ]


def _claim_of(connection: Connection, webhook_id: WebhookId, limit: int, now: int) -> Sequence[Delivery]:
    claimed: list[Delivery] = []
    for _ in range(MAX_READS):
        free = limit - len(claimed)
        rows = _DUE.rows(connection, the_endpoint=webhook_id, now=now, limit=free) if free > 0 else []
        due = [delivery_of(row) for row in rows]
        heads = _heads(connection, webhook_id, due)
        waits = [(delivery, put_off(delivery, heads, now=now)) for delivery in due]
        begun = [delivery.claimed(now) for delivery, until in waits if until is None]
        later = [replace(delivery, due_at=until) for delivery, until in waits if until is not None]
        _CLAIM.many(connection, [_keyed(delivery) for delivery in begun])
        _PUT_OFF.many(connection, [_keyed(delivery) for delivery in later])
        claimed += begun
        if not later:
            break
    return claimed


def _heads(connection: Connection, webhook_id: WebhookId, due: Sequence[Delivery]) -> Heads:
    ids = sorted({delivery.message_id for delivery in due if delivery.message_id is not None})
    rows = _WAITING.rows(connection, the_endpoint=webhook_id, ids=ids) if ids else []
    return heads_of((row["message_id"], row["sequence"], row["due_at"]) for row in rows)


def _keyed(delivery: Delivery) -> dict[str, Any]:
    return {"the_endpoint": delivery.endpoint_id, "the_event": delivery.event_id, **progress(delivery)}


def _end(connection: Connection, attempted: Sequence[Delivery], now: int) -> Sequence[Delivery]:
    written: list[Delivery] = []
    for webhook_id, current in _current(connection, attempted):
        _END.many(connection, [_keyed(delivery) for delivery in current])
        if ended := sorted({row.message_id for row in current if row.due_at is None and row.message_id is not None}):
            _RELEASE.changed(connection, the_endpoint=webhook_id, ids=ended, now=now)
        written += current
    return written


def _give_back(connection: Connection, claimed: Sequence[Delivery], now: int) -> None:
    for _, current in _current(connection, claimed):
        _CLAIM.many(connection, [_keyed(delivery.given_back(now)) for delivery in current])


def _current(connection: Connection, attempted: Sequence[Delivery]) -> Iterator[tuple[WebhookId, Sequence[Delivery]]]:
    """Those that are stored as this process claimed them, locked, endpoint by endpoint."""
    by_endpoint: dict[WebhookId, list[Delivery]] = defaultdict(list)
    for delivery in attempted:
        by_endpoint[delivery.endpoint_id].append(delivery)
    for webhook_id, deliveries in sorted(by_endpoint.items()):
        ids = sorted(delivery.event_id for delivery in deliveries)
        rows = _CLAIMED.rows(connection, the_endpoint=webhook_id, ids=ids)
        stored = {row["event_id"]: row for row in rows}
        yield webhook_id, [own for own in deliveries if _is_current(own, stored.get(own.event_id))]


def _is_current(delivery: Delivery, row: Mapping[str, Any] | None) -> bool:
    """Whether it did not end before, and was not claimed anew; a success counts also then."""
    if row is None or row["due_at"] is None:
        return False
    return delivery.state is DeliveryState.DELIVERED or bool(row["attempts"] == delivery.attempts)


def _recover(connection: Connection, webhook_id: WebhookId, since: int, limit: int, now: int) -> int:
    failed = [delivery_of(row) for row in _FAILED.rows(connection, the_endpoint=webhook_id, since=since, limit=limit)]
    _END.many(connection, [_keyed(delivery.recovered(now)) for delivery in failed])
    return len(failed)


def _conforms(webhooks: SqlWebhooks) -> WebhookRepository:
    return webhooks
