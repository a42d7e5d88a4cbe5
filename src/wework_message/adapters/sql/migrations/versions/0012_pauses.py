"""Operators stop sending: the table of pauses (ADR 46).

MySQL commits the table on its own, and the version after it: a migration that was interrupted finds the table there.

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "wm_pause"


def upgrade() -> None:
    """Forward. Processes of the version before go on sending whatever is paused: they do not know the table."""
    if _has_table():
        return
    op.create_table(
        TABLE,
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=136), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=True),
        sa.Column("paused_by", sa.String(length=64), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "id", name=op.f("pk_wm_pause")),
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. What is paused is sent again."""
    if _has_table():
        op.drop_table(TABLE)


def _has_table() -> bool:
    return TABLE in sa.inspect(op.get_bind()).get_table_names()
