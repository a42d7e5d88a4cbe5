"""The table of the accounts that conversations of pools keep."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Table

from wework_message.adapters.sql.mapping.column_types import ACCOUNT, CONVERSATION, NAME
from wework_message.adapters.sql.mapping.tables import metadata

pool_choice: Final = Table(
    "wm_pool_choice",
    metadata,
    Column("tenant_id", NAME, primary_key=True),
    Column("pool", NAME, primary_key=True),
    Column("conversation_id", CONVERSATION, primary_key=True),
    Column("account_id", ACCOUNT, nullable=False),
    Column("chosen_at", BigInteger, nullable=False),
    Index("ix_wm_pool_choice_chosen", "chosen_at"),
)
"""Which account of a pool has a conversation (ADR 50). Written at the first acceptance; `chosen_at` is moved to the newest message when the
choice is looked at for pruning, and finds one (ADR 52)."""
