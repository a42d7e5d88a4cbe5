"""Due rows know the account whose turn they wait for, so that accounts are claimed one after the other (ADR 31).

Rows that are there already wait for no turn: a claim gives them one when their time has come.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEX = "ix_wm_due_turn"


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: their rows wait for no turn, and keep their time."""
    if not _has_column():
        with op.batch_alter_table("wm_due", schema=None, recreate="never") as batch_op:
            batch_op.add_column(sa.Column("turn", sa.String(length=136), nullable=False, server_default=""))
    if not _has_index():
        with op.batch_alter_table("wm_due", schema=None, recreate="never") as batch_op:
            batch_op.create_index(INDEX, ["turn", "urgency", "due_at"], unique=False)


def downgrade() -> None:
    """Back."""
    if _has_index():
        with op.batch_alter_table("wm_due", schema=None, recreate="never") as batch_op:
            batch_op.drop_index(INDEX)
    if _has_column():
        with op.batch_alter_table("wm_due", schema=None, recreate="never") as batch_op:
            batch_op.drop_column("turn")


def _has_column() -> bool:
    return any(column["name"] == "turn" for column in sa.inspect(op.get_bind()).get_columns("wm_due"))


def _has_index() -> bool:
    return any(index["name"] == INDEX for index in sa.inspect(op.get_bind()).get_indexes("wm_due"))
