"""The table of the accounts that conversations of pools keep."""

from typing import Final

from sqlalchemy import BigInteger, Column, String, Table

from wework_message.adapters.sql.mapping.tables import message, metadata

pool_choice: Final = Table(
    "wm_pool_choice",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("pool", String(64), primary_key=True),
    Column("conversation_id", message.c.conversation_id.type, primary_key=True),
    Column("account_id", message.c.account_id.type, nullable=False),
    Column("chosen_at", BigInteger, nullable=False),
)
"""Which account of a pool has a conversation (ADR 50). Written at the first acceptance; kept for as long as the account is in the pool."""
