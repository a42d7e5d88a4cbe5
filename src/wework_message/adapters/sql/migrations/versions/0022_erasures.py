"""What is held of a person is erased by a stored job: its table (ADR 63).

MySQL commits each change on its own, and the version after all: a migration that was interrupted goes on where it ended.

Revision: 0022, after 0021
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ERASURES = "wm_erasure"


def upgrade() -> None:
    """Forward. Processes of the version before erase nothing, and read what was erased as a conversation without a name."""
    if _has_table():
        return
    op.create_table(
        ERASURES,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("part", sa.String(length=32), nullable=False),
        sa.Column("position", sa.String(length=300), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("erased", sa.String(length=255), nullable=False),
        sa.Column("left_over", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_erasure")),
        sa.Index("ix_wm_erasure_active", "active", "next_at", "id", sqlite_where=sa.column("active").is_not(None)),
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. Erasures that are not done are forgotten; what was erased stays erased."""
    if _has_table():
        op.drop_table(ERASURES)


def _has_table() -> bool:
    return ERASURES in sa.inspect(op.get_bind()).get_table_names()
