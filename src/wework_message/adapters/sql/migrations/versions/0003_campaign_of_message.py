"""Messages have the campaign that they were sent for, and are listed by it.

MySQL commits each of the two changes on its own, and the version after both. So each looks whether it is there already:
a migration that was interrupted goes on where it ended.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEX = "ix_wm_message_campaign"


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: what they write has no campaign."""
    if not _has_column():
        with op.batch_alter_table("wm_message", schema=None, recreate="never") as batch_op:
            batch_op.add_column(sa.Column("campaign_id", sa.String(length=64), nullable=True))
    if not _has_index():
        with op.batch_alter_table("wm_message", schema=None, recreate="never") as batch_op:
            batch_op.create_index(INDEX, ["campaign_id", "id"], unique=False)


def downgrade() -> None:
    """Back."""
    if _has_index():
        with op.batch_alter_table("wm_message", schema=None, recreate="never") as batch_op:
            batch_op.drop_index(INDEX)
    if _has_column():
        with op.batch_alter_table("wm_message", schema=None, recreate="never") as batch_op:
            batch_op.drop_column("campaign_id")


def _has_column() -> bool:
    return any(column["name"] == "campaign_id" for column in sa.inspect(op.get_bind()).get_columns("wm_message"))


def _has_index() -> bool:
    return any(index["name"] == INDEX for index in sa.inspect(op.get_bind()).get_indexes("wm_message"))
