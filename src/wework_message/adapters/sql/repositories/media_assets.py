"""Media assets on SQL: new ones, those of URLs, and what use is made of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import BindParameter, Connection, bindparam, literal, select, update

from wework_message.adapters.sql.core.dialect import Dialect, literal_number
from wework_message.adapters.sql.core.index_hints import beside_index, by_index, updating_by_index
from wework_message.adapters.sql.core.prepared import Change, Query, deleting, inserting, updating
from wework_message.adapters.sql.mapping.media_rows import asset_of, asset_row, job_key_row, job_row, url_key
from wework_message.adapters.sql.mapping.media_tables import media, media_handle, media_job, media_use
from wework_message.adapters.sql.mapping.secret_columns import SecretColumns
from wework_message.adapters.sql.mapping.tables import message
from wework_message.domain.errors import TryAgainError
from wework_message.domain.ids import MediaId, TenantId
from wework_message.domain.lifecycle import RESTING
from wework_message.domain.media.asset import MediaAsset, MediaState, is_fresh
from wework_message.domain.ports.media import MediaJob

URL_TRIES: Final = 3
"""How often the asset of a URL is looked for where other transactions take its place, or delete it."""

IDS: Final[BindParameter[str]] = bindparam("ids", expanding=True)
_TENANT: Final = media.c.tenant_id == bindparam("the_tenant")
_OF_IDS: Final = by_index(select(media).where(media.c.id.in_(IDS)), media)
BY_ID: Final = Query(_OF_IDS)
_OF_IDS_OF_TENANT: Final = _OF_IDS.where(beside_index(media.c.tenant_id) == bindparam("the_tenant"))
_SHARED: Final = Query(_OF_IDS_OF_TENANT.with_for_update(read=True))
LOCKED: Final = Query(_OF_IDS.with_for_update())
LOCKED_OF_TENANT: Final = Query(_OF_IDS_OF_TENANT.with_for_update())
_OF_URLS: Final = by_index(
    select(media).where(_TENANT, media.c.url_key.in_(bindparam("url_keys", expanding=True))),
    media,
    "uq_wm_media_tenant_id_url_key",
)
_BY_URL: Final = Query(_OF_URLS)
_SHARED_BY_URL: Final = Query(_OF_URLS.with_for_update(read=True))
LOCKED_BY_BYTES: Final = Query(
    by_index(
        select(media).where(_TENANT, media.c.sha256 == bindparam("the_sha256")),
        media,
        "ix_wm_media_bytes",
    ).with_for_update()
)
_PARENTS: Final = Query(
    by_index(select(media.c.id, media.c.preview_id).where(media.c.preview_id.in_(IDS)), media, "ix_wm_media_preview")
)
_WITH_BYTES: Final = Query(
    by_index(
        select(media.c.tenant_id, media.c.sha256)
        .where(_TENANT, media.c.sha256.in_(bindparam("hashes", expanding=True))),
        media,
        "ix_wm_media_bytes",
    )
)  # fmt: skip
NEW: Final = inserting(media)
BECOMES: Final = updating(media, {"id": "id"}, ["state", "failure"])
_RETIRE: Final = Change(
    updating_by_index(
        update(media)
        .where(media.c.id == bindparam("the_id"), beside_index(media.c.url_key) == bindparam("the_key"))
        .values(url_key=None),
        media,
    )
)
NEW_USE: Final = inserting(media_use, without=("tenant_id",))
_RESTING: Final = [literal(status.value, literal_execute=True) for status in sorted(RESTING)]
_OPEN_USE: Final = Query(
    by_index(
        by_index(
            select(media_use.c.message_id)
            .join_from(media_use, message, message.c.id == media_use.c.message_id)
            .where(media_use.c.media_id == bindparam("the_media"), beside_index(message.c.status).not_in(_RESTING))
            .order_by(media_use.c.message_id.desc())
            .limit(literal_number(1)),
            media_use,
            "ix_wm_media_use_media",
        ),
        message,
    )
)
_USED: Final = Query(
    by_index(
        select(media_use.c.message_id).where(media_use.c.media_id == bindparam("the_media")).limit(literal_number(1)),
        media_use,
        "ix_wm_media_use_media",
    )
)
_DELETE: Final = deleting(media, {"id": "id"})
DELETE_JOB: Final = deleting(
    media_job,
    {"tenant_id": "tenant_id", "subject": "subject", "provider_code": "provider_code", "kind": "kind"},
)
_BYTES: Final = {"tenant_id": "tenant_id", "sha256": "sha256"}
_DELETE_HANDLES: Final = deleting(media_handle, _BYTES)
_DELETE_UPLOADS: Final = deleting(media_job, {"tenant_id": "tenant_id", "subject": "sha256"})


def shared(
    connection: Connection, secrets: SecretColumns, tenant_id: TenantId, media_ids: Collection[MediaId]
) -> dict[MediaId, MediaAsset]:
    """Those that are there and of this tenant; nobody changes them before the transaction ends."""
    rows = _SHARED.rows(connection, ids=sorted(media_ids), the_tenant=tenant_id)
    return {MediaId(row["id"]): asset_of(row, secrets) for row in rows}


def insert_assets(
    connection: Connection, dialect: Dialect, secrets: SecretColumns, assets: Sequence[MediaAsset], now: int
) -> None:
    """New ones, with the fetches of those that are PENDING."""
    NEW.many(connection, [asset_row(asset, secrets, owns_url=False) for asset in assets])
    _fetch(connection, dialect, assets, now)


def _fetch(connection: Connection, dialect: Dialect, assets: Iterable[MediaAsset], now: int) -> None:
    pending = [asset for asset in assets if asset.state is MediaState.PENDING]
    jobs = [job_row(MediaJob(asset.media_id, asset.tenant_id), now) for asset in pending]
    dialect.new_media_job.many(connection, sorted(jobs, key=lambda row: (row["tenant_id"], row["subject"])))


def assets_of_urls(
    connection: Connection,
    dialect: Dialect,
    secrets: SecretColumns,
    assets: Sequence[MediaAsset],
    fresh_ms: int,
    now: int,
) -> Sequence[MediaId]:
    """What `MediaRepository.for_urls` does; `now` is when new fetches are due."""
    first: dict[tuple[TenantId, bytes], MediaAsset] = {}
    keys = [(asset.tenant_id, url_key(asset.url or "")) for asset in assets]
    for key, asset in zip(keys, assets, strict=True):
        first.setdefault(key, asset)
    stored = _by_url(connection, _BY_URL, first)
    for _ in range(URL_TRIES):
        new = {key: asset for key, asset in first.items() if not _fresh(stored.get(key), asset, fresh_ms)}
        _replace(connection, dialect, secrets, new, stored)
        stored = _by_url(connection, _SHARED_BY_URL, first)
        own = [asset for key, asset in new.items() if key in stored and stored[key]["id"] == asset.media_id]
        _fetch(connection, dialect, own, now)
        if all(_fresh(stored.get(key), asset, fresh_ms) for key, asset in first.items()):
            return [MediaId(stored[key]["id"]) for key in keys]
    raise TryAgainError("database", "the asset of a URL changes all the time")


Owners: TypeAlias = Mapping[tuple[TenantId, bytes], Mapping[str, Any]]


def _by_url(connection: Connection, query: Query, keys: Collection[tuple[TenantId, bytes]]) -> Owners:
    owners = {}
    for tenant_id in sorted({tenant_id for tenant_id, _ in keys}):
        url_keys = sorted(key for tenant, key in keys if tenant == tenant_id)
        for row in query.rows(connection, the_tenant=tenant_id, url_keys=url_keys):
            owners[tenant_id, bytes(row["url_key"])] = row
    return owners


def _fresh(row: Mapping[str, Any] | None, asset: MediaAsset, fresh_ms: int) -> bool:
    """Whether a message that comes with `asset` gets the stored one."""
    if row is None:
        return False
    if row["state"] == MediaState.READY:
        return is_fresh(row["ready_at"], asset.created_at, fresh_ms)
    return bool(row["state"] == MediaState.PENDING)


def _replace(
    connection: Connection,
    dialect: Dialect,
    secrets: SecretColumns,
    new: Mapping[tuple[TenantId, bytes], MediaAsset],
    stored: Owners,
) -> None:
    """Store new ones in the place of those that are not fresh. Transactions that do the same go in one order."""
    stale = {str(stored[key]["id"]): key[1] for key in new if key in stored}
    for media_id, key in sorted(stale.items()):
        _RETIRE.changed(connection, the_id=media_id, the_key=key)
    ordered = [asset for _, asset in sorted(new.items(), key=lambda item: item[0])]
    dialect.new_media.many(connection, [asset_row(asset, secrets, owns_url=True) for asset in ordered])


def revive(
    connection: Connection, dialect: Dialect, tenant_id: TenantId, media_ids: Collection[MediaId], now: int
) -> list[str]:
    """What `MediaRepository.revive` does of the assets themselves; returns the hashes of their bytes."""
    named = _named_with_previews(connection, tenant_id, media_ids)
    failed = [row["id"] for row in named if row["state"] == MediaState.FAILED]
    for row in LOCKED.rows(connection, ids=sorted(failed)) if failed else ():
        if row["state"] != MediaState.FAILED:
            continue
        state = MediaState.PENDING if row["sha256"] is None else MediaState.READY
        BECOMES.many(connection, [{"id": row["id"], "state": state.value, "failure": None}])
        if state is MediaState.PENDING:
            dialect.new_media_job.many(connection, [job_row(MediaJob(MediaId(row["id"]), tenant_id), now)])
    return sorted({row["sha256"] for row in named if row["sha256"] is not None})


def _named_with_previews(
    connection: Connection, tenant_id: TenantId, media_ids: Collection[MediaId]
) -> Sequence[Mapping[str, Any]]:
    rows = BY_ID.rows(connection, ids=sorted(media_ids))
    shown = sorted({row["preview_id"] for row in rows if row["preview_id"] is not None})
    rows += BY_ID.rows(connection, ids=shown) if shown else []
    return [row for row in rows if row["tenant_id"] == tenant_id]


def with_parents(connection: Connection, media_ids: Sequence[str]) -> Sequence[str]:
    """The assets, and the videos that have them as their previews."""
    return sorted({*media_ids, *(row["id"] for row in _PARENTS.rows(connection, ids=list(media_ids)))})


def is_used(connection: Connection, media_id: str) -> bool:
    """Whether a message that does not rest needs it, or a video of which it is the preview: the newest uses first."""
    return any(_OPEN_USE.rows(connection, the_media=owner) for owner in with_parents(connection, [media_id]))


def has_parents(connection: Connection, media_ids: Sequence[str]) -> set[str]:
    """Those of them that are the preview of a video."""
    if not media_ids:
        return set()
    return {row["preview_id"] for row in _PARENTS.rows(connection, ids=list(media_ids))}


def is_named(connection: Connection, media_id: str) -> bool:
    """Whether a message has it, also one at rest."""
    return bool(_USED.rows(connection, the_media=media_id))


def delete_with_previews(
    connection: Connection, dialect: Dialect, assets: Sequence[Mapping[str, Any]], now: int
) -> int:
    """Delete rows that the transaction has locked, and their previews that are of no other video and that no message has."""
    if not assets:
        return 0
    delete_assets(connection, dialect, assets, now)
    previews = sorted({row["preview_id"] for row in assets if row["preview_id"] is not None})
    locked = LOCKED.rows(connection, ids=previews) if previews else []
    shown = has_parents(connection, previews)
    alone = [row for row in locked if row["id"] not in shown and not is_named(connection, row["id"])]
    delete_assets(connection, dialect, alone, now)
    return len(assets) + len(alone)


def delete_assets(connection: Connection, dialect: Dialect, assets: Sequence[Mapping[str, Any]], now: int) -> None:
    """Delete rows that the transaction has locked, with their fetches. Their bytes are looked at as soon as that is committed."""
    _DELETE.many(connection, assets)
    DELETE_JOB.many(
        connection, [job_key_row(MediaJob(MediaId(row["id"]), TenantId(row["tenant_id"]))) for row in assets]
    )
    of_bytes = sorted({(row["tenant_id"], row["sha256"]) for row in assets if row["sha256"] is not None})
    forget_handles(connection, of_bytes)
    due = [{"tenant_id": tenant_id, "sha256": sha256, "due_at": now, "holder": None} for tenant_id, sha256 in of_bytes]
    dialect.new_media_bytes.many(connection, due)  # what is kept for somebody who puts it again stays


def forget_handles(connection: Connection, of_bytes: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
    """Delete the handles and uploads of bytes that no asset has; returns these."""
    owned: set[tuple[str, str]] = set()
    for tenant_id in sorted({tenant_id for tenant_id, _ in of_bytes}):
        hashes = sorted(sha256 for tenant, sha256 in of_bytes if tenant == tenant_id)
        owned |= {
            (tenant_id, row["sha256"]) for row in _WITH_BYTES.rows(connection, the_tenant=tenant_id, hashes=hashes)
        }
    unowned = sorted(set(of_bytes) - owned)
    rows = [{"tenant_id": tenant_id, "sha256": sha256} for tenant_id, sha256 in unowned]
    _DELETE_HANDLES.many(connection, rows)
    _DELETE_UPLOADS.many(connection, rows)
    return unowned
