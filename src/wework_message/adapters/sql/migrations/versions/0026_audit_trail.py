"""The audit trail: its table (ADR 70).

MySQL commits the table on its own, and the version after it: a migration that was interrupted finds the table there.

Revision: 0026, after 0025
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mapping.column_types import LONG, SERIAL
from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLE = "wm_audit"


def upgrade() -> None:
    """Forward. Processes of the version before leave no trail."""
    if _has_table():
        return
    op.create_table(
        TABLE,
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor_kind", sa.String(length=32), nullable=False),
        sa.Column("actor_id", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=True),
        sa.Column("request_id", sa.String(length=255), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("details", LONG, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_wm_audit")),
        sa.Index("ix_wm_audit_tenant", "tenant_id", "seq"),
        sa.Index("ix_wm_audit_target", "tenant_id", "target", "seq"),
        sqlite_autoincrement=True,
        **exact_tables(op.get_bind()),
    )


def downgrade() -> None:
    """Back. The trail goes: export it before (`wework-message audit export`)."""
    if _has_table():
        op.drop_table(TABLE)


def _has_table() -> bool:
    return TABLE in sa.inspect(op.get_bind()).get_table_names()
