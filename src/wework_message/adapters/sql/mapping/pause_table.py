"""The table of pauses."""

from typing import Final

from sqlalchemy import BigInteger, Column, String, Table

from wework_message.adapters.sql.mapping.column_types import ACCOUNT, CODE, NAME, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

pause: Final = Table(
    "wm_pause",
    metadata,
    Column("scope", CODE, primary_key=True),
    Column("id", ACCOUNT, primary_key=True),
    tenant_column(),
    Column("reason", String(255)),
    Column("paused_by", NAME),
    Column("since", BigInteger, nullable=False),
)
"""What operators stopped (ADR 46); `id` is empty for the service. Every process reads all of it every two seconds."""
