"""The table of how far the message streams of instances were pulled."""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, Table

from wework_message.adapters.sql.mapping.column_types import ACCOUNT, CODE, GUID, NAME, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

stream: Final = Table(
    "wm_stream",
    metadata,
    Column("provider_code", CODE, primary_key=True),
    Column("guid", GUID, primary_key=True),
    tenant_column(),
    Column("account_id", ACCOUNT, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("position", NAME, nullable=False),
    Column("whole_since", BigInteger),
    Column("reached_at", BigInteger),
    Column("pulled_at", BigInteger),
    Column("outcome", CODE, nullable=False),
)
"""One row per instance whose stream is pulled (ADR 58), written with the records that the pull brought."""
