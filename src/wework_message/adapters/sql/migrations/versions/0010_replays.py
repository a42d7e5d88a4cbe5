"""Replays of failed messages are stored jobs, with the messages that they have come to (ADR 47).

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: they know neither table."""
    options = exact_tables(op.get_bind())
    op.create_table(
        "wm_replay",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("selection", _LONG, nullable=False),
        sa.Column("rate_milli", sa.Integer(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("position", sa.String(length=36), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("unconfirmed", sa.Integer(), nullable=False),
        sa.Column("replayed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_replay")),
        **options,
    )
    op.create_index("ix_wm_replay_active", "wm_replay", ["active", "id"])
    op.create_table(
        "wm_replay_item",
        sa.Column("replay_id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("replay_id", "message_id", name=op.f("pk_wm_replay_item")),
        **options,
    )
    op.create_index("ix_wm_replay_item_state", "wm_replay_item", ["replay_id", "state", "message_id"])


def downgrade() -> None:
    """Back."""
    op.drop_table("wm_replay_item")
    op.drop_table("wm_replay")
