"""A message that is traced, and each event about it, knows the span that accepted it (ADR 77).

MySQL commits each column on its own, and the version after them: a migration that was interrupted finds what it did.

Revision: 0030, after 0029
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

TABLES: Final = ("wm_message", "wm_webhook_delivery")
COLUMN: Final = "trace"


def upgrade() -> None:
    """Forward, at once whatever the size. Safe while processes of the version before still run: what they store is not traced."""
    for table in TABLES:
        if not _has_column(table):
            with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
                batch_op.add_column(sa.Column(COLUMN, sa.String(length=568), nullable=True))


def downgrade() -> None:
    """Back."""
    for table in reversed(TABLES):
        if _has_column(table):
            with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
                batch_op.drop_column(COLUMN)


def _has_column(table: str) -> bool:
    return any(column["name"] == COLUMN for column in sa.inspect(op.get_bind()).get_columns(table))
