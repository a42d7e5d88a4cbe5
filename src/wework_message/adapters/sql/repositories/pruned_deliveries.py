"""Deliveries to clients' webhooks go endpoint by endpoint: by state and time, and of failed ones the oldest of too many."""

from typing import Final

from sqlalchemy import BindParameter, Connection, bindparam, select, true

from wework_message.adapters.sql.core.dialect import literal_number
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting
from wework_message.adapters.sql.mapping.webhook_tables import webhook, webhook_delivery
from wework_message.domain.ports.maintenance import Pruned
from wework_message.domain.webhooks.delivery import DeliveryState

_LIMIT: Final[BindParameter[int]] = bindparam("limit", 0)
_DELIVERY = webhook_delivery.c
_NEXT_ENDPOINT = Query(
    by_index(
        select(_DELIVERY.endpoint_id)
        .where(_DELIVERY.endpoint_id > bindparam("after"))
        .order_by(_DELIVERY.endpoint_id)
        .limit(literal_number(1)),
        webhook_delivery,
    )
)
_ENABLED = Query(select(webhook.c.id).where(webhook.c.id == bindparam("the_endpoint"), webhook.c.enabled == true()))
_OLD_DELIVERIES = Query(
    by_index(
        select(_DELIVERY.endpoint_id, _DELIVERY.event_id)
        .where(
            _DELIVERY.endpoint_id == bindparam("the_endpoint"),
            _DELIVERY.state == bindparam("the_state"),
            _DELIVERY.created_at < bindparam("before", 0),
        )
        .order_by(_DELIVERY.created_at)
        .limit(_LIMIT),
        webhook_delivery,
        "ix_wm_webhook_delivery_state",
    )
)
_OLDEST_KEPT = Query(
    by_index(
        select(_DELIVERY.created_at)
        .where(_DELIVERY.endpoint_id == bindparam("the_endpoint"), _DELIVERY.state == DeliveryState.FAILED.value)
        .order_by(_DELIVERY.created_at.desc(), _DELIVERY.event_id.desc())
        .limit(literal_number(1))
        .offset(bindparam("beyond", 0)),
        webhook_delivery,
        "ix_wm_webhook_delivery_state",
    )
)
_DELETE_DELIVERY = deleting(webhook_delivery, {"endpoint_id": "endpoint_id", "event_id": "event_id"})


def prune_deliveries(connection: Connection, *, before: int, limit: int, after: str, beyond: int | None) -> Pruned:
    """What `Pruning.deliveries` does with those that were recorded before `before` (epoch ms)."""
    endpoints = _NEXT_ENDPOINT.rows(connection, after=after)
    if not endpoints:
        return Pruned(0, None)
    webhook_id = endpoints[0]["endpoint_id"]
    deleted = 0
    enabled = bool(_ENABLED.rows(connection, the_endpoint=webhook_id))
    for state in DeliveryState:
        if enabled and state is DeliveryState.WAITING:
            continue
        deleted += _prune(connection, webhook_id, state, before, limit - deleted)
        if deleted == limit:
            return Pruned(deleted, after)
    if beyond is None:
        return Pruned(deleted, webhook_id)
    # Last, as it counts: once for an endpoint that has no more of them.
    for oldest_kept in _OLDEST_KEPT.rows(connection, the_endpoint=webhook_id, beyond=beyond - 1):
        deleted += _prune(connection, webhook_id, DeliveryState.FAILED, oldest_kept["created_at"], limit - deleted)
    return Pruned(deleted, after if deleted == limit else webhook_id)


def _prune(connection: Connection, webhook_id: str, state: DeliveryState, before: int, limit: int) -> int:
    old = _OLD_DELIVERIES.rows(connection, the_endpoint=webhook_id, the_state=state.value, before=before, limit=limit)
    _DELETE_DELIVERY.many(connection, old)
    return len(old)
