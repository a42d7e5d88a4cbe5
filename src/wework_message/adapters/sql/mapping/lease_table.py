"""The table of named leases."""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, String, Table

from wework_message.adapters.sql.mapping.tables import metadata

lease: Final = Table(
    "wm_duty",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("held_until", BigInteger, nullable=False),
    Column("lease_ms", BigInteger),
)
"""One row per lease, from its first tenure on. It has no tenant: leases belong to processes."""
