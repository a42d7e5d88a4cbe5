"""How far the message streams of instances were pulled: a table of its own (ADR 58).

MySQL commits the table on its own, and the version after it: a migration that was interrupted finds the table there.

Revision: 0017, after 0016
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLE = "wm_stream"


def upgrade() -> None:
    """Forward. Processes of the version before pull nothing."""
    if _has_table():
        return
    op.create_table(
        TABLE,
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("guid", sa.String(length=128), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("position", sa.String(length=64), nullable=False),
        sa.Column("whole_since", sa.BigInteger(), nullable=True),
        sa.Column("reached_at", sa.BigInteger(), nullable=True),
        sa.Column("pulled_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("provider_code", "guid", name=op.f("pk_wm_stream")),
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. Streams are pulled from a new beginning later."""
    if _has_table():
        op.drop_table(TABLE)


def _has_table() -> bool:
    return TABLE in sa.inspect(op.get_bind()).get_table_names()
