"""The tables of native mass sends (ADR 67)."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from wework_message.adapters.sql.mapping.column_types import (
    ACCOUNT,
    CODE,
    CONVERSATION,
    DIGEST,
    GUID,
    ID,
    filled,
    tenant_column,
)
from wework_message.adapters.sql.mapping.tables import metadata

mass_chunk: Final = Table(
    "wm_mass_chunk",
    metadata,
    Column("batch_id", ID, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    tenant_column(),
    Column("account_id", ACCOUNT, nullable=False),
    Column("are_rooms", Boolean, nullable=False),
    Column("first_index", Integer, nullable=False),
    Column("last_index", Integer, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("in_ms", BigInteger),
    Column("due_at", BigInteger),
    Column("paced_for", CODE),
    Column("placed_at", BigInteger),
    Column("task_id", String(128)),
    Column("provider_code", CODE),
    Column("guid", GUID),
    Column("called_at", BigInteger),
    Column("checks", Integer),
    Column("check_at", BigInteger),
    Index("ix_wm_mass_chunk_due", "due_at", **filled("due_at")),
    Index("ix_wm_mass_chunk_check", "check_at", **filled("check_at")),
    Index("ix_wm_mass_chunk_account", "account_id", "due_at"),
)
"""When the waiting messages of a part of a mass send are called; NULL where none of them waits, or they are in flight.

`in_ms` is how long the wait was when it was set; `paced_for` the provider in whose budgets the chunk has its place, which comes at `placed_at`. The last call that
the provider named, which began at `called_at`, is `task_id` to it; what became of it is asked at `check_at`.
"""

mass_day: Final = Table(
    "wm_mass_day",
    metadata,
    Column("account_id", ACCOUNT, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("conversation_id", CONVERSATION, primary_key=True),
    tenant_column(),
    Column("message_id", ID, nullable=False),
    Index("ix_wm_mass_day_message", "message_id"),
    Index("ix_wm_mass_day_day", "day"),
)
"""Which message a customer gets from a mass send of an account on a day."""

mass_confirmation: Final = Table(
    "wm_mass_confirmation",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    tenant_column(),
    Column("fingerprint", DIGEST, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_wm_mass_confirmation_expires", "expires_at"),
)
"""Mass sends to very many that wait for their second request."""
