"""Accounts that people register have a version, pools, limits and times; a binding can be removed (ADR 44).

A server commits each change on its own, and the version after all of them. So each looks whether it is there already: a
migration that was interrupted goes on where it ended.

Revision: 0011, after 0010
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEX: Final = "ix_wm_account_registered"


def _columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "wm_account": [
            sa.Column("registered", sa.Boolean(), server_default=sa.text("0"), nullable=False),
            sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
            sa.Column("on_unknown", sa.String(length=32), nullable=True),
            sa.Column("pools", sa.String(length=2_000), nullable=True),
            sa.Column("limits", sa.String(length=1_000), nullable=True),
            sa.Column("created_at", sa.BigInteger(), nullable=True),
            sa.Column("updated_at", sa.BigInteger(), nullable=True),
        ],
        "wm_binding": [sa.Column("removed", sa.Boolean(), server_default=sa.text("0"), nullable=False)],
    }


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run, and nobody changes accounts.

    What they write is implicit. But they use removed bindings, and fail messages of registered accounts that they cannot route.
    """
    for table, columns in _columns().items():
        stored = _stored(table)
        for column in columns:
            if column.name not in stored:
                with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
                    batch_op.add_column(column)
    op.execute("UPDATE wm_account SET registered = 1 WHERE account_id NOT LIKE 'guid:%'")
    if not _has_index():
        op.create_index(INDEX, "wm_account", ["registered", "account_id", "version"], unique=False)


def downgrade() -> None:
    """Back. Accounts keep their bindings; what was removed is bound again."""
    if _has_index():
        op.drop_index(INDEX, table_name="wm_account")
    for table, columns in _columns().items():
        stored = _stored(table)
        for column in columns:
            if column.name in stored:
                with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
                    batch_op.drop_column(str(column.name))


def _stored(table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def _has_index() -> bool:
    return any(index["name"] == INDEX for index in sa.inspect(op.get_bind()).get_indexes("wm_account"))
