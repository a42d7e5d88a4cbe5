"""The table of the keys that secrets of this database were encrypted with."""

from typing import Final

from sqlalchemy import BigInteger, Column, Table

from wework_message.adapters.sql.mapping.column_types import CODE
from wework_message.adapters.sql.mapping.tables import metadata

secret_key: Final = Table(
    "wm_secret_key",
    metadata,
    Column("key_id", CODE, primary_key=True),
    Column("used_since", BigInteger, nullable=False),
)
"""Ids of master keys (ADR 72), never a key: a start without one of them is refused before it misses it."""
