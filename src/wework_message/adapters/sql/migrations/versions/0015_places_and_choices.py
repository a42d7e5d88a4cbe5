"""A place in budgets names its provider, and choices of pools are found by their age (ADR 52).

MySQL commits each statement on its own, and the version after them: a migration that was interrupted finds what it did.

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INDEX = "ix_wm_pool_choice_chosen"


def upgrade() -> None:
    """Forward. Processes of the version before name no provider: their places count for any."""
    if "paced_for" not in _columns():
        with op.batch_alter_table("wm_due", schema=None, recreate="never") as batch_op:
            batch_op.add_column(sa.Column("paced_for", sa.String(length=32), nullable=True))
    if INDEX not in _indexes():
        op.create_index(INDEX, "wm_pool_choice", ["chosen_at"])


def downgrade() -> None:
    """Back."""
    if INDEX in _indexes():
        op.drop_index(INDEX, table_name="wm_pool_choice")
    if "paced_for" in _columns():
        with op.batch_alter_table("wm_due", schema=None, recreate="never") as batch_op:
            batch_op.drop_column("paced_for")


def _columns() -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns("wm_due")}


def _indexes() -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("wm_pool_choice")}
