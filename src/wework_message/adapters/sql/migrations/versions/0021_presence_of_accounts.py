"""Accounts count how often they came online or went offline, so that events of it have an order (ADR 65).

MySQL commits the column on its own, and the version after it: a migration that was interrupted finds the column there.

Revision: 0021, after 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE = "wm_account"
COLUMN = "presence_sequence"


def upgrade() -> None:
    """Forward. Processes of the version before change states of bindings without an event."""
    if not _has_column():
        with op.batch_alter_table(TABLE, schema=None, recreate="never") as batch_op:
            batch_op.add_column(sa.Column(COLUMN, sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    """Back. The numbers begin anew with the next upgrade: a receiver that keeps the largest one skips events then."""
    if _has_column():
        with op.batch_alter_table(TABLE, schema=None, recreate="never") as batch_op:
            batch_op.drop_column(COLUMN)


def _has_column() -> bool:
    return any(column["name"] == COLUMN for column in sa.inspect(op.get_bind()).get_columns(TABLE))
