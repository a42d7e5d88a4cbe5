"""Dead letters have the producer's id of their message beside the broker's name of what it stored (ADR 23).

The parts of a batch share a message id, so it no longer is what makes a dead letter unique. Letters of the version before
have no message id here: theirs is the source id.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run."""
    with op.batch_alter_table("wm_dead_letter", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("message_id", sa.String(length=255), nullable=True))


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("wm_dead_letter", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("message_id")
