"""The tables of tenants and of their API keys."""

from typing import Final

from sqlalchemy import BigInteger, Column, String, Table, text

from wework_message.adapters.sql.mapping.column_types import CODE, NAME, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

tenant: Final = Table(
    "wm_tenant",
    metadata,
    Column("tenant_id", NAME, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("key_changes", BigInteger, nullable=False, server_default=text("0")),
)
"""Owners of everything stored; `default` comes with the schema (D-38). `key_changes` counts those of its keys and state (ADR 69)."""

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
