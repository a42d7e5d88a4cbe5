"""The tables of replays: jobs of operators, apart from the tables that every message passes (ADR 47)."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, Table

from wework_message.adapters.sql.mapping.column_types import CODE, ID, LONG, NAME, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

replay: Final = Table(
    "wm_replay",
    metadata,
    Column("id", ID, primary_key=True),
    tenant_column(),
    Column("selection", LONG, nullable=False),
    Column("rate_milli", Integer, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", CODE, nullable=False),
    Column("position", ID, nullable=False),
    Column("total", Integer, nullable=False),
    Column("unconfirmed", Integer, nullable=False),
    Column("replayed", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("open", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("active", SmallInteger),
    Index("ix_wm_replay_active", "active", "id"),
)
"""Replays of failed messages. `active` is 1 while one counts or replays, 2 while it only looks what became of its messages, else NULL."""

replay_item: Final = Table(
    "wm_replay_item",
    metadata,
    Column("replay_id", ID, primary_key=True),
    Column("message_id", ID, primary_key=True),
    tenant_column(),
    Column("state", CODE, nullable=False),
    Column("reason", NAME),
    Column("round", Integer),
    Index("ix_wm_replay_item_state", "replay_id", "state", "message_id"),
)
"""The messages that a replay has come to. The primary key keeps it from replaying one twice."""
