"""In a file, applied callbacks have no entry in the index of those that are open, nor those that wait for no id in that of these (ADR 73).

Servers know no such index, and nothing changes there.

Revision: 0029, after 0028
"""

from typing import Final

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INDEXES: Final = {
    "ix_wm_callback_recent": ("guid, state, received_at", "state != 'APPLIED'"),
    "ix_wm_callback_waits": ("waits_for, guid, state", "waits_for IS NOT NULL"),
}


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: they read other indexes where these do not serve them."""
    _make_anew(" WHERE {}")


def downgrade() -> None:
    """Back."""
    _make_anew("")


def _make_anew(condition: str) -> None:
    """A change of the schema of a file happens as a whole or not at all."""
    if not _is_in_a_file():
        return
    for name, (columns, of_which) in INDEXES.items():
        op.drop_index(name, table_name="wm_callback")
        op.execute(f"CREATE INDEX {name} ON wm_callback ({columns}){condition.format(of_which)}")


def _is_in_a_file() -> bool:
    """Only databases in a file cannot change a column."""
    return not op.get_bind().dialect.supports_alter
