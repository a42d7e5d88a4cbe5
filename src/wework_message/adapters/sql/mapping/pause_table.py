"""The table of pauses."""

from typing import Final

from sqlalchemy import BigInteger, Column, String, Table

from wework_message.adapters.sql.mapping.tables import metadata

pause: Final = Table(
    "wm_pause",
    metadata,
    Column("scope", String(32), primary_key=True),
    Column("id", String(136), primary_key=True),
    Column("tenant_id", String(64), nullable=False, server_default="default"),
    Column("reason", String(255)),
    Column("paused_by", String(64)),
    Column("since", BigInteger, nullable=False),
)
"""What operators stopped (ADR 46); `id` is empty for the service. Every process reads all of it every two seconds."""
