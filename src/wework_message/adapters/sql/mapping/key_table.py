"""The table of API keys."""

from typing import Final

from sqlalchemy import BigInteger, Column, String, Table

from wework_message.adapters.sql.mapping.column_types import CODE, NAME, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

api_key: Final = Table(
    "wm_api_key",
    metadata,
    Column("key_id", CODE, primary_key=True),
    Column("digest", String(64), nullable=False),
    tenant_column(),
    Column("name", NAME, nullable=False),
    Column("scopes", String(512), nullable=False),
    Column("environment", CODE, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("ends_at", BigInteger),
    Column("rotated_from", CODE),
    Column("last_used_at", BigInteger),
)
"""API keys (ADR 69): no row has a key. Every process reads all of it where it has changed, and looks every two seconds."""
