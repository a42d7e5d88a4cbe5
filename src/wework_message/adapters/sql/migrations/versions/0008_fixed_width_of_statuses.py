"""What every call changes in the row of a message has one width, so that it is changed where it lies (ADR 37).

The server copies the table, once: both columns change in one statement, which happens as a whole or not at all. A database
in a file keeps texts as long as they are.

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FIXED = "CHAR({}) CHARACTER SET ascii COLLATE ascii_bin"


def upgrade() -> None:
    """Forward. Safe while processes of the version before still run: they read and write the same texts."""
    if _has_fixed_widths() and not _is_fixed():
        _change(FIXED.format(16), FIXED.format(32))


def downgrade() -> None:
    """Back."""
    if _has_fixed_widths() and _is_fixed():
        _change("VARCHAR(32)", "VARCHAR(32)")


def _has_fixed_widths() -> bool:
    """Only databases that can change a column have columns of a fixed width."""
    return bool(op.get_bind().dialect.supports_alter)


def _is_fixed() -> bool:
    columns = {column["name"]: column["type"] for column in sa.inspect(op.get_bind()).get_columns("wm_message")}
    return isinstance(columns["status"], sa.CHAR)


def _change(status: str, provider_code: str) -> None:
    op.execute(f"ALTER TABLE wm_message MODIFY status {status} NOT NULL, MODIFY provider_code {provider_code} NULL")
