"""Each claim writes a token of its own into the attempt (ADR 64).

MySQL commits each change on its own, and the version after all: a migration that was interrupted finds what it did.

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLE = "wm_attempt"
COLUMN = "holder"


def upgrade() -> None:
    """Forward, at once whatever the size. Processes of the version before write no token: their lost claims become UNKNOWN."""
    if not _has_column():
        with op.batch_alter_table(TABLE, schema=None, recreate="never") as batch_op:
            batch_op.add_column(sa.Column(COLUMN, sa.String(length=16), nullable=True))


def downgrade() -> None:
    """Back."""
    if _has_column():
        with op.batch_alter_table(TABLE, schema=None, recreate="never") as batch_op:
            batch_op.drop_column(COLUMN)


def _has_column() -> bool:
    return any(column["name"] == COLUMN for column in sa.inspect(op.get_bind()).get_columns(TABLE))
