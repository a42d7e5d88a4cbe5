"""The table of callback tokens."""

from typing import Final

from sqlalchemy import BigInteger, Column, String, Table

from wework_message.adapters.sql.mapping.column_types import CODE, GUID, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

callback_token: Final = Table(
    "wm_callback_token",
    metadata,
    Column("token_id", CODE, primary_key=True),
    Column("digest", String(64), nullable=False),
    tenant_column(),
    Column("provider_code", CODE, nullable=False),
    Column("guid", GUID),
    Column("created_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
)
"""Tokens of callback URLs (ADR 57): no row has a token. Every process reads all of it every two seconds."""
