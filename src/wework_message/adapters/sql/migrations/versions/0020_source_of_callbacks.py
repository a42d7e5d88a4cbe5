"""Callbacks that a pull of the stream brought say so.

MySQL commits the column on its own, and the version after it: a migration that was interrupted finds the column there.

Revision: 0020, after 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE = "wm_callback"
COLUMN = "source"


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: without a value, the provider has sent it."""
    if not _has_column():
        with op.batch_alter_table(TABLE, schema=None, recreate="never") as batch_op:
            batch_op.add_column(sa.Column(COLUMN, sa.String(length=32), nullable=True))


def downgrade() -> None:
    """Back."""
    if _has_column():
        with op.batch_alter_table(TABLE, schema=None, recreate="never") as batch_op:
            batch_op.drop_column(COLUMN)


def _has_column() -> bool:
    return any(column["name"] == COLUMN for column in sa.inspect(op.get_bind()).get_columns(TABLE))
