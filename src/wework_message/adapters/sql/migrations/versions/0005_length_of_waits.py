"""Due rows and leases know how long they were when they were set: a clock that is set back makes none longer (ADR 27).

MySQL commits each change on its own, and the version after them. So each looks whether its column is there already.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


LENGTHS = {"wm_due": "in_ms", "wm_duty": "lease_ms"}


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: their rows have no length, and keep their time."""
    for table, column in LENGTHS.items():
        if not _has_column(table, column):
            with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
                batch_op.add_column(sa.Column(column, sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Back."""
    for table, column in LENGTHS.items():
        if _has_column(table, column):
            with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
                batch_op.drop_column(column)


def _has_column(table: str, column: str) -> bool:
    return any(known["name"] == column for known in sa.inspect(op.get_bind()).get_columns(table))
