"""The tables of replays: jobs of operators, apart from the tables that every message passes (ADR 47)."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, Table

from wework_message.adapters.sql.mapping.column_types import LONG
from wework_message.adapters.sql.mapping.tables import metadata

_ID = String(36)
_CODE = String(32)
_NAME = String(64)


def _tenant() -> Column[str]:
    return Column("tenant_id", _NAME, nullable=False, server_default="default")


replay: Final = Table(
    "wm_replay",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("selection", LONG, nullable=False),
    Column("rate_milli", Integer, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", _CODE, nullable=False),
    Column("position", _ID, nullable=False),
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
    Column("replay_id", _ID, primary_key=True),
    Column("message_id", _ID, primary_key=True),
    _tenant(),
    Column("state", _CODE, nullable=False),
    Column("reason", _NAME),
    Column("round", Integer),
    Index("ix_wm_replay_item_state", "replay_id", "state", "message_id"),
)
"""The messages that a replay has come to. The primary key keeps it from replaying one twice."""
