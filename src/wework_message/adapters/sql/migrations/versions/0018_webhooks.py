"""Clients are told of events: the tables of endpoints and deliveries, and the callback URL of a message (ADR 56).

MySQL commits each change on its own, and the version after all: a migration that was interrupted goes on where it ended.

Revision: 0018, after 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ENDPOINTS = "wm_webhook"
DELIVERIES = "wm_webhook_delivery"
COLUMN = "status_callback_url"

_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """Forward. Processes of the version before record no events, and accept no callback URL."""
    if not _has_column():
        with op.batch_alter_table("wm_message", schema=None, recreate="never") as batch_op:
            batch_op.add_column(sa.Column(COLUMN, sa.String(length=2048), nullable=True))
    if not _has_table(ENDPOINTS):
        _create_endpoints()
    if not _has_table(DELIVERIES):
        _create_deliveries()


def _create_endpoints() -> None:
    op.create_table(
        ENDPOINTS,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("events", sa.String(length=255), nullable=False),
        sa.Column("secret", sa.String(length=128), nullable=False),
        sa.Column("previous_secret", sa.String(length=128), nullable=True),
        sa.Column("previous_until", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(length=32), nullable=True),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_webhook")),
        **exact_tables(op.get_bind()),
    )


def _create_deliveries() -> None:
    op.create_table(
        DELIVERIES,
        sa.Column("endpoint_id", sa.String(length=36), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("event_type", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("body", _LONG, nullable=False),
        sa.Column("callback_url", sa.String(length=2048), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("endpoint_id", "event_id", name=op.f("pk_wm_webhook_delivery")),
        sa.Index("ix_wm_webhook_delivery_due", "endpoint_id", "due_at", "event_id"),
        sa.Index("ix_wm_webhook_delivery_message", "endpoint_id", "message_id"),
        sa.Index("ix_wm_webhook_delivery_state", "endpoint_id", "state", "created_at", "event_id"),
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. Endpoints, and events that were not sent yet, are forgotten."""
    for table in (DELIVERIES, ENDPOINTS):
        if _has_table(table):
            op.drop_table(table)
    if _has_column():
        with op.batch_alter_table("wm_message", schema=None, recreate="never") as batch_op:
            batch_op.drop_column(COLUMN)


def _has_column() -> bool:
    return any(column["name"] == COLUMN for column in sa.inspect(op.get_bind()).get_columns("wm_message"))


def _has_table(name: str) -> bool:
    return name in sa.inspect(op.get_bind()).get_table_names()
