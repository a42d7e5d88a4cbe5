"""Media assets, the handles that providers gave for them, the jobs that make these, and which messages use them (ADR 66).

MySQL commits each change on its own, and the version after all: a migration that was interrupted goes on where it ended.

Revision: 0023, after 0022
"""

import sqlalchemy as sa
from alembic import op

from wework_message.adapters.sql.mapping.column_types import DIGEST
from wework_message.adapters.sql.mysql.schema_options import exact_tables

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLES = ("wm_media", "wm_media_handle", "wm_media_job", "wm_media_use", "wm_media_bytes")


def upgrade() -> None:
    """Forward. Processes of the version before know no media: they accept and send only messages without."""
    known = sa.inspect(op.get_bind()).get_table_names()
    for name, make in zip(TABLES, (_media, _handles, _jobs, _uses, _bytes), strict=True):
        if name not in known:
            make()


def downgrade() -> None:
    """Back. Assets and handles are forgotten; messages that name an asset have no content that can be sent."""
    known = sa.inspect(op.get_bind()).get_table_names()
    for name in TABLES:
        if name in known:
            op.drop_table(name)


def _media() -> None:
    op.create_table(
        "wm_media",
        sa.Column("id", sa.String(length=36), nullable=False),
        _tenant(),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=True),
        sa.Column("address_key", DIGEST, nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=True),
        sa.Column("url", sa.String(length=2048), nullable=True),
        sa.Column("url_key", DIGEST, nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("md5", sa.String(length=32), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("mime_type", sa.String(length=127), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.Column("preview_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_media")),
        sa.UniqueConstraint("tenant_id", "url_key", name=op.f("uq_wm_media_tenant_id_url_key")),
        sa.Index("ix_wm_media_bytes", "tenant_id", "sha256", sqlite_where=sa.column("sha256").is_not(None)),
        sa.Index("ix_wm_media_preview", "preview_id", sqlite_where=sa.column("preview_id").is_not(None)),
        sa.Index("ix_wm_media_state", "state", "id"),
        **exact_tables(op.get_bind()),
    )


def _handles() -> None:
    op.create_table(
        "wm_media_handle",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.String(length=4096), nullable=False),
        sa.Column("aes_key", sa.String(length=255), nullable=False),
        sa.Column("md5", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("refusal", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", "provider_code", "kind", name=op.f("pk_wm_media_handle")),
        **exact_tables(op.get_bind()),
    )


def _jobs() -> None:
    op.create_table(
        "wm_media_job",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("media_id", sa.String(length=36), nullable=False),
        sa.Column("guid", sa.String(length=128), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "subject", "provider_code", "kind", name=op.f("pk_wm_media_job")),
        sa.Index("ix_wm_media_job_due", "due_at", "subject"),
        **exact_tables(op.get_bind()),
    )


def _uses() -> None:
    op.create_table(
        "wm_media_use",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("media_id", sa.String(length=36), nullable=False),
        _tenant(),
        sa.Column("waits", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", "media_id", name=op.f("pk_wm_media_use")),
        sa.Index("ix_wm_media_use_media", "media_id", "message_id"),
        sa.Index(
            "ix_wm_media_use_waits", "media_id", "waits", "message_id", sqlite_where=sa.column("waits").is_not(None)
        ),
        **exact_tables(op.get_bind()),
    )


def _bytes() -> None:
    op.create_table(
        "wm_media_bytes",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", name=op.f("pk_wm_media_bytes")),
        sa.Index("ix_wm_media_bytes_due", "due_at", "sha256"),
        **exact_tables(op.get_bind()),
    )


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False)
