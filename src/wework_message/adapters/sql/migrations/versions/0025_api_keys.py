"""API keys: their table; tenants can be disabled, and count the changes of their keys (ADR 69).

MySQL commits each change on its own, and the version after all: a migration that was interrupted goes on where it ended.

Revision: 0025, after 0024
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

KEYS = "wm_api_key"
TENANTS = "wm_tenant"


def upgrade() -> None:
    """Forward. Processes of the version before know no keys: everybody who reaches them may do everything, as before."""
    if not _has_table():
        op.create_table(
            KEYS,
            sa.Column("key_id", sa.String(length=32), nullable=False),
            sa.Column("digest", sa.String(length=64), nullable=False),
            sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
            sa.Column("name", sa.String(length=64), nullable=False),
            sa.Column("scopes", sa.String(length=512), nullable=False),
            sa.Column("environment", sa.String(length=32), nullable=False),
            sa.Column("created_at", sa.BigInteger(), nullable=False),
            sa.Column("expires_at", sa.BigInteger(), nullable=True),
            sa.Column("ends_at", sa.BigInteger(), nullable=True),
            sa.Column("rotated_from", sa.String(length=32), nullable=True),
            sa.Column("last_used_at", sa.BigInteger(), nullable=True),
            sa.PrimaryKeyConstraint("key_id", name=op.f("pk_wm_api_key")),
            **exact_tables(op.get_bind()),
        )
    for column in _new_columns():
        if not _has_column(column.name):
            with op.batch_alter_table(TENANTS, schema=None, recreate="never") as batch_op:
                batch_op.add_column(column)


def downgrade() -> None:
    """Back. No key is known any more, and no tenant is disabled."""
    for column in _new_columns():
        if _has_column(column.name):
            with op.batch_alter_table(TENANTS, schema=None, recreate="never") as batch_op:
                batch_op.drop_column(column.name)
    if _has_table():
        op.drop_table(KEYS)


def _new_columns() -> list[sa.Column[int]]:
    return [
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("key_changes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    ]


def _has_table() -> bool:
    return KEYS in sa.inspect(op.get_bind()).get_table_names()


def _has_column(name: str) -> bool:
    return any(column["name"] == name for column in sa.inspect(op.get_bind()).get_columns(TENANTS))
