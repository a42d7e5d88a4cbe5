"""Native mass sends: their chunks, the days of their recipients, and what waits for a confirmation (ADR 67).

MySQL commits each change on its own, and the version after all: a migration that was interrupted goes on where it ended.

Revision: 0024, after 0023
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

CHUNKS = "wm_mass_chunk"
DAYS = "wm_mass_day"
CONFIRMATIONS = "wm_mass_confirmation"


def _digest() -> sa.types.TypeEngine[bytes]:
    return sa.LargeBinary(length=32).with_variant(mysql.VARBINARY(32), "mysql")


def upgrade() -> None:
    """Forward. Processes of the version before make no mass sends, and call none that wait."""
    for table, create in ((CHUNKS, _chunks), (DAYS, _days), (CONFIRMATIONS, _confirmations)):
        if not _has(table):
            create()


def _chunks() -> None:
    op.create_table(
        CHUNKS,
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("are_rooms", sa.Boolean(), nullable=False),
        sa.Column("first_index", sa.Integer(), nullable=False),
        sa.Column("last_index", sa.Integer(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("in_ms", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("paced_for", sa.String(length=32), nullable=True),
        sa.Column("placed_at", sa.BigInteger(), nullable=True),
        sa.Column("task_id", sa.String(length=128), nullable=True),
        sa.Column("provider_code", sa.String(length=32), nullable=True),
        sa.Column("guid", sa.String(length=128), nullable=True),
        sa.Column("called_at", sa.BigInteger(), nullable=True),
        sa.Column("checks", sa.Integer(), nullable=True),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_wm_mass_chunk")),
        sa.Index("ix_wm_mass_chunk_due", "due_at", sqlite_where=sa.column("due_at").is_not(None)),
        sa.Index("ix_wm_mass_chunk_check", "check_at", sqlite_where=sa.column("check_at").is_not(None)),
        sa.Index("ix_wm_mass_chunk_account", "account_id", "due_at"),
        **exact_tables(op.get_bind()),
    )


def _days() -> None:
    op.create_table(
        DAYS,
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "day", "conversation_id", name=op.f("pk_wm_mass_day")),
        sa.Index("ix_wm_mass_day_message", "message_id"),
        sa.Index("ix_wm_mass_day_day", "day"),
        **exact_tables(op.get_bind()),
    )


def _confirmations() -> None:
    op.create_table(
        CONFIRMATIONS,
        sa.Column("digest", _digest(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("fingerprint", _digest(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_wm_mass_confirmation")),
        sa.Index("ix_wm_mass_confirmation_expires", "expires_at"),
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. What waits in a chunk is stranded; end it first (`wework-message batches cancel`)."""
    for table in (CONFIRMATIONS, DAYS, CHUNKS):
        if _has(table):
            op.drop_table(table)


def _has(table: str) -> bool:
    return table in sa.inspect(op.get_bind()).get_table_names()
