"""Room for encrypted secrets, and the ids of the keys that encrypted them (ADR 72).

MySQL commits each change on its own, and the version after all: a migration that was interrupted finds what it did.

Revision: 0027, after 0026
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

TABLE = "wm_secret_key"
CLEAR = {
    "wm_webhook": "MODIFY secret VARCHAR(128) NOT NULL, MODIFY previous_secret VARCHAR(128) NULL",
    "wm_media": "MODIFY address_key VARBINARY(32) NOT NULL",
}
ENCRYPTED = {
    "wm_webhook": "MODIFY secret VARCHAR(512) NOT NULL, MODIFY previous_secret VARCHAR(512) NULL",
    "wm_media": "MODIFY address_key VARBINARY(192) NOT NULL",
}


def upgrade() -> None:
    """Forward, at once whatever the size. Processes of the version before cannot read encrypted secrets: give a key once there are none."""
    _change(ENCRYPTED)
    if not _has_table():
        op.create_table(
            TABLE,
            sa.Column("key_id", sa.String(length=32), nullable=False),
            sa.Column("used_since", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("key_id", name=op.f("pk_wm_secret_key")),
            **exact_tables(op.get_bind()),
        )


def downgrade() -> None:
    """Back. Refused by the database while secrets are encrypted: they do not fit any more."""
    _change(CLEAR)
    if _has_table():
        op.drop_table(TABLE)


def _change(columns: dict[str, str]) -> None:
    if op.get_bind().dialect.supports_alter:  # others take any length
        for table, change in columns.items():
            op.execute(f"ALTER TABLE {table} {change}")


def _has_table() -> bool:
    return TABLE in sa.inspect(op.get_bind()).get_table_names()
