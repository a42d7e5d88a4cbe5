"""Instances that are being made for accounts which do not exist yet: the table of open placements (ADR 51).

MySQL commits the table on its own, and the version after it: a migration that was interrupted finds the table there.

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE = "wm_placement"


def upgrade() -> None:
    """Forward. Processes of the version before place no accounts."""
    if _has_table():
        return
    op.create_table(
        TABLE,
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_wm_placement")),
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. What an open placement has made is not known any more: close them first (`doctor` names them)."""
    if _has_table():
        op.drop_table(TABLE)


def _has_table() -> bool:
    return TABLE in sa.inspect(op.get_bind()).get_table_names()
