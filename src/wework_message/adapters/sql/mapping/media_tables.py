"""The tables of media: assets, the handles that providers gave for them, the jobs that make these, and which messages use them (ADR 66)."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, String, Table, UniqueConstraint

from wework_message.adapters.sql.mapping.column_types import (
    CODE,
    DIGEST,
    GUID,
    ID,
    NAME,
    SECRET_BYTES,
    filled,
    tenant_column,
)
from wework_message.adapters.sql.mapping.tables import metadata

media: Final = Table(
    "wm_media",
    metadata,
    Column("id", ID, primary_key=True),
    tenant_column(),
    Column("state", CODE, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ready_at", BigInteger),
    Column("address_key", SECRET_BYTES, nullable=False),
    Column("file_name", String(255)),
    Column("url", String(2048)),
    Column("url_key", DIGEST),
    Column("sha256", NAME),
    Column("md5", CODE),
    Column("size", BigInteger),
    Column("mime_type", String(127)),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration_ms", BigInteger),
    Column("failure", NAME),
    Column("preview_id", ID),
    UniqueConstraint("tenant_id", "url_key"),
    Index("ix_wm_media_bytes", "tenant_id", "sha256", **filled("sha256")),
    Index("ix_wm_media_preview", "preview_id", **filled("preview_id")),
    Index("ix_wm_media_state", "state", "id"),
)
"""Assets. `url_key`, a hash of the URL, has only the asset that is the URL's own now: messages that name the URL get that one."""

media_handle: Final = Table(
    "wm_media_handle",
    metadata,
    Column("tenant_id", NAME, primary_key=True),
    Column("sha256", NAME, primary_key=True),
    Column("provider_code", CODE, primary_key=True),
    Column("kind", CODE, primary_key=True),
    Column("stored_at", BigInteger, nullable=False),
    Column("file_id", String(4096), nullable=False),
    Column("aes_key", String(255), nullable=False),
    Column("md5", NAME, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("url", String(2048), nullable=False),
    Column("refusal", NAME),
)
"""What a provider answered to an upload of these bytes: a handle, or why it takes them not."""

media_job: Final = Table(
    "wm_media_job",
    metadata,
    Column("tenant_id", NAME, primary_key=True),
    Column("subject", NAME, primary_key=True),
    Column("provider_code", CODE, primary_key=True),
    Column("kind", CODE, primary_key=True),
    Column("media_id", ID, nullable=False),
    Column("guid", GUID),
    Column("tries", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("holder", String(16)),
    Index("ix_wm_media_job_due", "due_at", "subject"),
)
"""Fetches and uploads to do: a claim moves `due_at` to the end of its lease.

`subject` is the asset's id, with an empty provider and kind, of a fetch, and the hash of the bytes of an upload.
"""

media_use: Final = Table(
    "wm_media_use",
    metadata,
    Column("message_id", ID, primary_key=True),
    Column("media_id", ID, primary_key=True),
    tenant_column(),
    Column("waits", SmallInteger),
    Index("ix_wm_media_use_media", "media_id", "message_id"),
    Index("ix_wm_media_use_waits", "media_id", "waits", "message_id", **filled("waits")),
)
"""Which messages need which assets. `waits` is 1 where the message became HELD for media, until the asset's next job has ended."""

media_bytes: Final = Table(
    "wm_media_bytes",
    metadata,
    Column("tenant_id", NAME, primary_key=True),
    Column("sha256", NAME, primary_key=True),
    Column("due_at", BigInteger, nullable=False),
    Column("holder", String(16)),
    Index("ix_wm_media_bytes_due", "due_at", "sha256"),
)
"""Bytes in the store that perhaps no asset has: they are looked at when they are due. With a `holder` they are being deleted."""
