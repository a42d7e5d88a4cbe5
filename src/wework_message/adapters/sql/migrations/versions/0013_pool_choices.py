"""Conversations of pools keep their account: the table of choices (ADR 50).

MySQL commits the table on its own, and the version after it: a migration that was interrupted finds the table there.

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "wm_pool_choice"


def upgrade() -> None:
    """Forward. Processes of the version before accept nothing for a pool."""
    if _has_table():
        return
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("pool", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("chosen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "pool", "conversation_id", name=op.f("pk_wm_pool_choice")),
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. Conversations of pools forget their account."""
    if _has_table():
        op.drop_table(TABLE)


def _has_table() -> bool:
    return TABLE in sa.inspect(op.get_bind()).get_table_names()
