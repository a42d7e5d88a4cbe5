"""The table of open placements."""

from typing import Final

from sqlalchemy import BigInteger, Column, Table

from wework_message.adapters.sql.mapping.column_types import ACCOUNT, CODE, ID, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

placement: Final = Table(
    "wm_placement",
    metadata,
    Column("account_id", ACCOUNT, primary_key=True),
    Column("id", ID, nullable=False),
    tenant_column(),
    Column("provider_code", CODE, nullable=False),
    Column("started_at", BigInteger, nullable=False),
)
"""Instances that are being made, or were perhaps made, for accounts that do not exist yet (ADR 51). Few, and most for a second."""
