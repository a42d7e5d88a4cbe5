"""The table of the audit trail."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, String, Table

from wework_message.adapters.sql.mapping.column_types import CODE, ID, LONG, NAME, NEVER_REUSED, SERIAL, tenant_column
from wework_message.adapters.sql.mapping.tables import metadata

audit: Final = Table(
    "wm_audit",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False),
    Column("at", BigInteger, nullable=False),
    tenant_column(),
    Column("actor_kind", CODE, nullable=False),
    Column("actor_id", String(255), nullable=False),
    Column("action", NAME, nullable=False),
    Column("target", String(255)),
    Column("request_id", String(255)),
    Column("address", NAME),
    Column("outcome", CODE, nullable=False),
    Column("details", LONG, nullable=False),
    Index("ix_wm_audit_tenant", "tenant_id", "seq"),
    Index("ix_wm_audit_target", "tenant_id", "target", "seq"),
    **NEVER_REUSED,
)
"""Entries of the audit trail (ADR 70): rows are inserted, and deleted once they are old. `details` is JSON."""
