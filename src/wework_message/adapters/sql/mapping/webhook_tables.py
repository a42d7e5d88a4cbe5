"""The tables of webhooks: endpoints of clients, and what is sent to each (ADR 56)."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from wework_message.adapters.sql.mapping.column_types import CODE, ID, LONG, NAME, SECRET, TRACE, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

webhook: Final = Table(
    "wm_webhook",
    metadata,
    Column("id", ID, primary_key=True),
    tenant_column(),
    Column("url", String(2048), nullable=False),
    Column("events", String(255), nullable=False),
    Column("secret", SECRET, nullable=False),
    Column("previous_secret", SECRET),
    Column("previous_until", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", CODE),
    Column("failing_since", BigInteger),
    Column("failed_at", BigInteger),
)
"""Endpoints. `events` are the types with commas; secrets are encrypted where there is a key (ADR 72)."""

webhook_delivery: Final = Table(
    "wm_webhook_delivery",
    metadata,
    Column("endpoint_id", ID, primary_key=True),
    Column("event_id", ID, primary_key=True),
    tenant_column(),
    Column("event_type", NAME, nullable=False),
    Column("message_id", ID),
    Column("sequence", Integer),
    Column("body", LONG, nullable=False),
    Column("callback_url", String(2048)),
    Column("created_at", BigInteger, nullable=False),
    Column("state", CODE, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("outcome", CODE),
    Column("http_status", Integer),
    Column("ended_at", BigInteger),
    Column("trace", TRACE),
    Index("ix_wm_webhook_delivery_due", "endpoint_id", "due_at", "event_id"),
    Index("ix_wm_webhook_delivery_message", "endpoint_id", "message_id"),
    Index("ix_wm_webhook_delivery_state", "endpoint_id", "state", "created_at", "event_id"),
)
"""An event for an endpoint. `due_at` is NULL once it has ended; a claim moves it to the end of its lease."""
