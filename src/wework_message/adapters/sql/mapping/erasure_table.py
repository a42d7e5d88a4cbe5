"""The table of erasures: jobs of operators, apart from the tables that every message passes (ADR 63)."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, Table

from wework_message.adapters.sql.mapping.column_types import CODE, CONVERSATION, ID, filled, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

erasure: Final = Table(
    "wm_erasure",
    metadata,
    Column("id", ID, primary_key=True),
    tenant_column(),
    Column("conversation_id", CONVERSATION, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("note", String(255)),
    Column("created_at", BigInteger, nullable=False),
    Column("state", CODE, nullable=False),
    Column("part", CODE, nullable=False),
    Column("position", String(300), nullable=False),
    Column("round", Integer, nullable=False),
    Column("erased", String(255), nullable=False),
    Column("left_over", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("active", SmallInteger),
    Index("ix_wm_erasure_active", "active", "next_at", "id", **filled("active")),
)
"""Erasures of what is held of a person. `active` is 1 until one is done, then NULL; then its conversation is erased too."""
