"""Keys of clients: who has each of them."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.tables import idempotency_key
from wework_message.domain.ports.repositories import IdempotencyKey, KeyOwner

_OWNERS = Query(
    select(
        idempotency_key.c.tenant_id, idempotency_key.c.key, idempotency_key.c.target, idempotency_key.c.fingerprint
    ).where(
        idempotency_key.c.tenant_id.in_(bindparam("tenants", expanding=True)),
        idempotency_key.c.key.in_(bindparam("keys", expanding=True)),
    )
)


def claim_keys(
    connection: Connection, dialect: Dialect, keys: Sequence[IdempotencyKey], now: int
) -> Sequence[KeyOwner]:
    """One owner per key, in order: inserts the free ones, then reads the owners."""
    claims = [
        {"tenant_id": key.tenant_id, "key": key.key, "fingerprint": key.fingerprint, "target": key.target,
         "created_at": now}
        for key in keys
    ]  # fmt: skip
    # Processes that lock in the same order cannot deadlock.
    claims.sort(key=lambda row: (row["tenant_id"], row["key"]))
    if dialect.new_key.many(connection, claims) == len(keys):  # the common case: all keys were free
        return [KeyOwner(key.target, key.fingerprint, fresh=True) for key in keys]
    tenants = list({key.tenant_id for key in keys})
    stored = _OWNERS.rows(connection, tenants=tenants, keys=[key.key for key in keys])
    owners = {(row["tenant_id"], row["key"]): row for row in stored}
    answers = [owners[key.tenant_id, key.key] for key in keys]
    return [
        KeyOwner(row["target"], bytes(row["fingerprint"]), fresh=row["target"] == key.target)
        for key, row in zip(keys, answers, strict=True)
    ]
