"""Due rows and leases know how long they were when they were set: a clock that is set back makes none longer (ADR 27).

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
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            batch_op.add_column(sa.Column(column, sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Back."""
    for table, column in LENGTHS.items():
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            batch_op.drop_column(column)
