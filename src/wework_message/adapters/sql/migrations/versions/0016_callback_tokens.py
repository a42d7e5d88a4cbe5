"""Tokens of callback URLs: their table (ADR 57).

MySQL commits the table on its own, and the version after it: a migration that was interrupted finds the table there.

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE = "wm_callback_token"


def upgrade() -> None:
    """Forward. Processes of the version before answer 404 to a path with a token: no provider has its name."""
    if _has_table():
        return
    op.create_table(
        TABLE,
        sa.Column("token_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("guid", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_wm_callback_token")),
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. Callbacks that come with a token are refused: their providers need another URL before."""
    if _has_table():
        op.drop_table(TABLE)


def _has_table() -> bool:
    return TABLE in sa.inspect(op.get_bind()).get_table_names()
