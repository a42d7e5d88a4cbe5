"""In a file, messages without batch, group and campaign have no entry in the indexes of these (ADR 43).

Servers know no such index, and nothing changes there: processes of the version before name the indexes in their statements.

Revision: 0009, after 0008
"""

from typing import Final

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES: Final = {
    "ix_wm_message_batch": ("batch_id", "item_index"),
    "ix_wm_message_group": ("group_id", "item_index"),
    "ix_wm_message_campaign": ("campaign_id", "id"),
}


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: the new indexes serve the same statements."""
    _make_anew(" WHERE {} IS NOT NULL")


def downgrade() -> None:
    """Back."""
    _make_anew("")


def _make_anew(condition: str) -> None:
    """A change of the schema of a file happens as a whole or not at all."""
    if not _is_in_a_file():
        return
    for name, (member_of, order) in INDEXES.items():
        op.drop_index(name, table_name="wm_message")
        op.execute(f"CREATE INDEX {name} ON wm_message ({member_of}, {order}){condition.format(member_of)}")


def _is_in_a_file() -> bool:
    """Only databases in a file cannot change a column."""
    return not op.get_bind().dialect.supports_alter
