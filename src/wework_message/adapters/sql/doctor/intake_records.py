"""Which queued sends are stored: as messages, by their idempotency keys, or as dead letters."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.mapping.tables import dead_letter, idempotency_key

COPY_MARK: Final = ".retry/"
"""Part of the name of a copy (`part_ids.by_handle`)."""


@dataclass(frozen=True, slots=True)
class IntakeRecords:
    """What the store has of the names that were asked for."""

    keys: frozenset[str]
    source_ids: frozenset[str]
    """Of dead letters."""
    copies: Mapping[str, int]
    """By message id: dead letters of copies, whose first place is unknown."""


def intake_records(
    connection: Connection,
    tenant_id: str,
    keys: Collection[str],
    source_ids: Collection[str],
    message_ids: Collection[str],
) -> IntakeRecords | None:
    """None where the tables are not those of this version."""
    if schema_state(connection) is not SchemaState.CURRENT:
        return None
    owned = select(idempotency_key.c.key).where(
        idempotency_key.c.tenant_id == tenant_id, idempotency_key.c.key.in_(keys)
    )
    kept = select(dead_letter.c.source_id).where(dead_letter.c.source_id.in_(source_ids))
    copies = select(dead_letter.c.message_id).where(
        dead_letter.c.message_id.in_(message_ids), dead_letter.c.source_id.contains(COPY_MARK, autoescape=True)
    )
    return IntakeRecords(
        frozenset(connection.execute(owned).scalars()),
        frozenset(connection.execute(kept).scalars()),
        Counter(connection.execute(copies).scalars()),
    )
