"""Bytes in the store that perhaps no asset has, on SQL: nobody deletes what somebody else is putting at that moment.

Whoever puts bytes says so before (`keep`), and stores their asset afterwards. Whoever deletes them marks them first, with a
lease, then deletes, then forgets them: a `keep` in between is refused.
"""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting, updating
from wework_message.adapters.sql.mapping.media_tables import media_bytes
from wework_message.adapters.sql.repositories.media_assets import forget_handles
from wework_message.domain.ids import HolderToken, TenantId
from wework_message.domain.ports.media import KEPT_MS
from wework_message.domain.ports.media_store import BlobKey

_row = media_bytes.c
_KEY: Final = {"tenant_id": "tenant_id", "sha256": "sha256"}
_LOCKED: Final = Query(
    by_index(
        select(_row.holder).where(_row.tenant_id == bindparam("the_tenant"), _row.sha256 == bindparam("the_sha256")),
        media_bytes,
    ).with_for_update()
)
_DUE: Final = Query(
    by_index(
        select(_row.tenant_id, _row.sha256)
        .where(_row.due_at <= bindparam("now"))
        .order_by(_row.due_at, _row.sha256)
        .limit(bindparam("limit", 0)),
        media_bytes,
        "ix_wm_media_bytes_due",
    ).with_for_update(skip_locked=True)
)
_UNTIL: Final = updating(media_bytes, _KEY, ["due_at"])
_MARK: Final = updating(media_bytes, _KEY, ["due_at", "holder"])
_DROP: Final = deleting(media_bytes, _KEY)
_FORGET: Final = deleting(media_bytes, _KEY | {"holder": "holder"})


def keep(connection: Connection, dialect: Dialect, key: BlobKey, now: int) -> bool:
    """What `MediaRepository.keep` does."""
    row = {"tenant_id": key.tenant_id, "sha256": key.sha256, "due_at": now + KEPT_MS, "holder": None}
    dialect.new_media_bytes.many(connection, [row])
    stored = _LOCKED.rows(connection, the_tenant=key.tenant_id, the_sha256=key.sha256)
    if not stored or stored[0]["holder"] is not None:
        return False
    _UNTIL.many(connection, [row])
    return True


def unowned(connection: Connection, limit: int, lease_ms: int, holder: HolderToken, now: int) -> Sequence[BlobKey]:
    """What `MediaRepository.unowned` does."""
    due = _DUE.rows(connection, now=now, limit=limit)
    free = set(forget_handles(connection, [(row["tenant_id"], row["sha256"]) for row in due])) if due else set()
    to_delete = [row for row in due if (row["tenant_id"], row["sha256"]) in free]
    _DROP.many(connection, [row for row in due if (row["tenant_id"], row["sha256"]) not in free])
    _MARK.many(connection, [row | {"due_at": now + lease_ms, "holder": holder} for row in to_delete])
    return [BlobKey(TenantId(row["tenant_id"]), row["sha256"]) for row in to_delete]


def forget(connection: Connection, keys: Collection[BlobKey], holder: HolderToken) -> None:
    """What `MediaRepository.deleted` does: whoever took them over after the lease goes on."""
    rows = sorted((key.tenant_id, key.sha256) for key in keys)
    _FORGET.many(connection, [{"tenant_id": tenant, "sha256": sha256, "holder": holder} for tenant, sha256 in rows])
