"""Media assets and what is made of them, on SQL, inside one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Later, Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting, inserting, updating
from wework_message.adapters.sql.mapping.media_rows import (
    facts_columns,
    handle_key_of,
    handle_key_row,
    handle_of,
    handle_row,
    job_of,
)
from wework_message.adapters.sql.mapping.media_tables import media, media_handle
from wework_message.adapters.sql.mapping.secret_columns import CLEAR, SecretColumns
from wework_message.adapters.sql.repositories import media_assets, media_bytes, media_jobs, media_waiting
from wework_message.domain.ids import HolderToken, MediaId, MessageId, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure, MediaState
from wework_message.domain.media.handles import Handle, HandleKey
from wework_message.domain.ports.media import REFUSAL_MS, MediaDeletion, MediaJob, MediaRepository, MediaUse
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.system import Clock

_HANDLE_KEY: Final = {name: name for name in ("tenant_id", "sha256", "provider_code", "kind")}
_HANDLES: Final = Query(
    by_index(
        select(media_handle).where(
            media_handle.c.tenant_id == bindparam("the_tenant"),
            media_handle.c.sha256.in_(bindparam("hashes", expanding=True)),
        ),
        media_handle,
    )
)
_NEW_HANDLE: Final = inserting(media_handle)
_DELETE_HANDLE: Final = deleting(media_handle, _HANDLE_KEY)
_FORGET: Final = deleting(media_handle, _HANDLE_KEY | {"file_id": "file_id"})
_ENDED: Final = updating(
    media, {"id": "id"}, ["state", "failure", "ready_at", "preview_id", *facts_columns(None)]
)  # fmt: skip


class SqlMedia:
    """Assets, handles, jobs and uses."""

    def __init__(self, run: Run, later: Later, dialect: Dialect, clock: Clock, secrets: SecretColumns = CLEAR) -> None:
        """`later` writes with the next step; `clock` is the store's where the database has none of its own (D-61)."""
        self._run = run
        self._later = later
        self._dialect = dialect
        self._clock = clock
        self._secrets = secrets

    async def add(self, assets: Sequence[MediaAsset]) -> None:
        """One insert, and one of jobs."""
        if assets:
            await self._run(self._add, assets)

    def _add(self, connection: Connection, assets: Sequence[MediaAsset]) -> None:
        media_assets.insert_assets(connection, self._dialect, self._secrets, assets, self._now(connection))

    async def for_urls(self, assets: Sequence[MediaAsset], *, fresh_ms: int) -> Sequence[MediaId]:
        """By the unique index on URLs, which also decides between transactions that come at once."""
        return await self._run(self._for_urls, assets, fresh_ms) if assets else ()

    def _for_urls(self, connection: Connection, assets: Sequence[MediaAsset], fresh_ms: int) -> Sequence[MediaId]:
        now = self._now(connection)
        return media_assets.assets_of_urls(connection, self._dialect, self._secrets, assets, fresh_ms, now)

    async def assets(self, tenant_id: TenantId, media_ids: Collection[MediaId]) -> Mapping[MediaId, MediaAsset]:
        """By primary key, with locks that readers share."""
        return await self._run(media_assets.shared, self._secrets, tenant_id, media_ids) if media_ids else {}

    async def use(self, uses: Sequence[MediaUse]) -> None:
        """One insert, with the next step."""
        rows = {(use.message_id, use.media_id): 1 if use.waits else None for use in uses}
        new = [
            {"message_id": message_id, "media_id": media_id, "waits": waits}
            for (message_id, media_id), waits in sorted(rows.items())
        ]
        if new:
            self._later(media_assets.NEW_USE.many, new)

    async def handles(self, keys: Collection[HandleKey], *, now: int) -> Mapping[HandleKey, Handle | MediaFailure]:
        """By primary key."""
        return await self._run(_handles, keys, now) if keys else {}

    async def request(self, jobs: Sequence[MediaJob]) -> None:
        """A read, and an insert of those that are missing."""
        if jobs:
            await self._run(self._request, jobs)

    def _request(self, connection: Connection, jobs: Sequence[MediaJob]) -> None:
        media_jobs.request(connection, self._dialect, jobs, self._now(connection))

    async def claim(
        self, limit: int, *, lease_ms: int, holder: HolderToken, without: Collection[ProviderCode | None] = ()
    ) -> Sequence[MediaJob]:
        """One range of an index, and an update by key."""
        return await self._run(self._claim, limit, lease_ms, holder, without)

    def _claim(
        self,
        connection: Connection,
        limit: int,
        lease_ms: int,
        holder: HolderToken,
        without: Collection[ProviderCode | None],
    ) -> Sequence[MediaJob]:
        rows = media_jobs.claim(connection, limit, lease_ms, holder, without, self._now(connection))
        return [job_of(row) for row in rows]

    async def fetched(
        self,
        job: MediaJob,
        facts: MediaFacts | MediaFailure,
        *,
        holder: HolderToken,
        now: int,
        preview: MediaAsset | None = None,
    ) -> Sequence[MessageId]:
        """By keys; the messages by an index that has only those that wait."""
        return await self._run(self._fetched, job, facts, holder, now, preview)

    def _fetched(
        self,
        connection: Connection,
        job: MediaJob,
        facts: MediaFacts | MediaFailure,
        holder: HolderToken,
        now: int,
        preview: MediaAsset | None,
    ) -> Sequence[MessageId]:
        locked = media_assets.LOCKED.rows(connection, ids=[job.media_id])
        if not media_jobs.end(connection, job, holder):
            return ()
        if preview is not None:
            media_assets.insert_assets(connection, self._dialect, self._secrets, [preview], self._now(connection))
        failed = isinstance(facts, MediaFailure)
        ended = {
            "state": (MediaState.FAILED if failed else MediaState.READY).value,
            "failure": facts.value if isinstance(facts, MediaFailure) else None,
            "ready_at": None if failed else now,
            "preview_id": preview.media_id if preview is not None else None,
            **facts_columns(None if isinstance(facts, MediaFailure) else facts),
        }
        _ENDED.many(connection, [{"id": row["id"], **ended} for row in locked])
        return media_waiting.take_waiting(connection, [row["id"] for row in locked], made=not failed)

    async def uploaded(
        self, job: MediaJob, handle: Handle | MediaFailure, *, holder: HolderToken, now: int
    ) -> Sequence[MessageId]:
        """The same; assets by the index on their bytes."""
        return await self._run(self._uploaded, job, handle, holder, now)

    def _uploaded(
        self, connection: Connection, job: MediaJob, handle: Handle | MediaFailure, holder: HolderToken, now: int
    ) -> Sequence[MessageId]:
        # Claims share the locks on the assets that they have read: what they put on hold is stored before this goes on.
        rows = media_assets.LOCKED_BY_BYTES.rows(connection, the_tenant=job.tenant_id, the_sha256=job.sha256)
        if not media_jobs.end(connection, job, holder):
            return ()
        if handle is MediaFailure.GONE:
            failed = {"state": MediaState.FAILED.value, "failure": MediaFailure.GONE.value}
            media_assets.BECOMES.many(connection, [{"id": row["id"], **failed} for row in rows])
        elif (key := job.handle_key) is not None:
            _DELETE_HANDLE.many(connection, [handle_key_row(key)])
            _NEW_HANDLE.many(connection, [handle_row(key, handle, now)])
        made = isinstance(handle, Handle)
        return media_waiting.take_waiting(connection, [row["id"] for row in rows], made=made)

    async def later(self, job: MediaJob, *, wait_ms: int, holder: HolderToken, tried: bool = True) -> None:
        """By primary key."""
        await self._run(self._put_off, job, wait_ms, holder, tried)

    def _put_off(self, connection: Connection, job: MediaJob, wait_ms: int, holder: HolderToken, tried: bool) -> None:
        media_jobs.put_off(connection, job, holder, self._now(connection) + wait_ms, tried=tried)

    async def drop(self, job: MediaJob, *, holder: HolderToken) -> None:
        """By primary key."""
        await self._run(media_jobs.end, job, holder)

    async def forget_handle(self, key: HandleKey, file_id: str) -> None:
        """By primary key."""
        await self._run(_FORGET.many, [{**handle_key_row(key), "file_id": file_id}])

    async def revive(self, tenant_id: TenantId, media_ids: Collection[MediaId]) -> None:
        """By keys."""
        if media_ids:
            await self._run(self._revive, tenant_id, media_ids)

    def _revive(self, connection: Connection, tenant_id: TenantId, media_ids: Collection[MediaId]) -> None:
        hashes = media_assets.revive(connection, self._dialect, tenant_id, media_ids, self._now(connection))
        stored = _HANDLES.rows(connection, the_tenant=tenant_id, hashes=hashes) if hashes else []
        _DELETE_HANDLE.many(connection, [row for row in stored if row["refusal"] is not None])

    async def keep(self, key: BlobKey) -> bool:
        """By primary key."""
        return await self._run(self._keep, key)

    def _keep(self, connection: Connection, key: BlobKey) -> bool:
        return media_bytes.keep(connection, self._dialect, key, self._now(connection))

    async def in_use(self, media_id: MediaId) -> bool:
        """The newest uses first, until the message of one is open."""
        return await self._run(media_assets.is_used, media_id)

    async def delete(self, tenant_id: TenantId, media_id: MediaId) -> MediaDeletion:
        """By primary key, after `in_use`."""
        return await self._run(self._delete, tenant_id, media_id)

    def _delete(self, connection: Connection, tenant_id: TenantId, media_id: MediaId) -> MediaDeletion:
        rows = media_assets.LOCKED_OF_TENANT.rows(connection, ids=[media_id], the_tenant=tenant_id)
        if not rows:
            return MediaDeletion.UNKNOWN
        if media_assets.has_parents(connection, [media_id]) or media_assets.is_used(connection, media_id):
            return MediaDeletion.IN_USE
        media_assets.delete_with_previews(connection, self._dialect, rows, self._now(connection))
        return MediaDeletion.DELETED

    async def unowned(self, limit: int, *, lease_ms: int, holder: HolderToken) -> Sequence[BlobKey]:
        """One range of an index; assets by theirs."""
        return await self._run(self._unowned, limit, lease_ms, holder)

    def _unowned(self, connection: Connection, limit: int, lease_ms: int, holder: HolderToken) -> Sequence[BlobKey]:
        with self._dialect.overwriting(connection):
            return media_bytes.unowned(connection, limit, lease_ms, holder, self._now(connection))

    async def deleted(self, keys: Collection[BlobKey], *, holder: HolderToken) -> None:
        """By primary key."""
        if keys:
            await self._run(self._deleted, keys, holder)

    def _deleted(self, connection: Connection, keys: Collection[BlobKey], holder: HolderToken) -> None:
        with self._dialect.overwriting(connection):
            media_bytes.forget(connection, keys, holder)

    def _now(self, connection: Connection) -> int:
        return self._dialect.instant(connection, self._clock.now())


def _handles(
    connection: Connection, keys: Collection[HandleKey], now: int
) -> Mapping[HandleKey, Handle | MediaFailure]:
    known: dict[HandleKey, Handle | MediaFailure] = {}
    for tenant_id, hashes in _by_tenant(keys):
        for row in _HANDLES.rows(connection, the_tenant=tenant_id, hashes=hashes):
            key = handle_key_of(row)
            believed = row["refusal"] is None or 0 <= now - row["stored_at"] < REFUSAL_MS
            if believed and key in keys:
                known[key] = handle_of(row)
    return known


def _by_tenant(keys: Collection[HandleKey]) -> Iterable[tuple[TenantId, list[str]]]:
    for tenant_id in sorted({key.tenant_id for key in keys}):
        yield tenant_id, sorted({key.sha256 for key in keys if key.tenant_id == tenant_id})


def _conforms(media: SqlMedia) -> MediaRepository:
    return media
