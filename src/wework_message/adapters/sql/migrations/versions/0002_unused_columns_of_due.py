"""The due-time table without two columns that no version ever read or wrote.

SQLite drops them in place, which keeps AUTOINCREMENT and its counter: a batch that copies the table would lose both.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: their statements never name the columns."""
    with op.batch_alter_table("wm_due", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("lease_owner")
        batch_op.drop_column("epoch")


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("wm_due", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("lease_owner", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("epoch", sa.Integer(), server_default="0", nullable=False))
