"""A list of a tenant's messages reads no other tenant's.

MySQL commits the index on its own, and the version after it: a migration that was interrupted finds the index there.

Revision: 0028, after 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

TABLE = "wm_message"
INDEX = "ix_wm_message_tenant"


def upgrade() -> None:
    """Forward. Processes of the version before do not use it."""
    if not _has_index():
        of_others = sa.column("tenant_id") != sa.literal_column("'default'")
        op.create_index(INDEX, TABLE, ["tenant_id", "id"], sqlite_where=of_others)


def downgrade() -> None:
    """Back."""
    if _has_index():
        op.drop_index(INDEX, TABLE)


def _has_index() -> bool:
    return any(index["name"] == INDEX for index in sa.inspect(op.get_bind()).get_indexes(TABLE))
