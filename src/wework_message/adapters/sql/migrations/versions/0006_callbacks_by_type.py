"""Callbacks of a guid are listed by their type (ADR 32).

MySQL commits the index on its own, and the version after it: a migration that was interrupted finds the index there.

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEX = "ix_wm_callback_type"


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: they do not know the index."""
    if not _has_index():
        with op.batch_alter_table("wm_callback", schema=None, recreate="never") as batch_op:
            batch_op.create_index(INDEX, ["guid", "notify_type", "id"], unique=False)


def downgrade() -> None:
    """Back."""
    if _has_index():
        with op.batch_alter_table("wm_callback", schema=None, recreate="never") as batch_op:
            batch_op.drop_index(INDEX)


def _has_index() -> bool:
    return any(index["name"] == INDEX for index in sa.inspect(op.get_bind()).get_indexes("wm_callback"))
