"""Media assets and what is made of them, in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.media_rows import BytesRow, JobKey, MediaJobRow, MediaRow
from wework_message.domain.ids import HolderToken, MediaId, MessageId, ProviderCode, TenantId
from wework_message.domain.lifecycle import RESTING, HoldReason
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure, MediaState
from wework_message.domain.media.handles import Handle, HandleKey
from wework_message.domain.ports.media import (
    KEPT_MS,
    LONGEST_WAIT_MS,
    MAX_WAITING,
    REFUSAL_MS,
    MediaDeletion,
    MediaJob,
    MediaRepository,
    MediaUse,
)
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.system import Clock


class MemoryMedia:
    """Assets, handles, jobs and uses, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` decides what is due."""
        self._db = database
        self._clock = clock

    async def add(self, assets: Sequence[MediaAsset]) -> None:
        for asset in assets:
            self._add(asset, owns_url=False)

    def _add(self, asset: MediaAsset, *, owns_url: bool) -> None:
        ready_at = asset.created_at if asset.state is MediaState.READY else None
        self._db.media.put(asset.media_id, MediaRow(asset, ready_at, owns_url))
        if asset.state is MediaState.PENDING:
            self._put_new(MediaJob(asset.media_id, asset.tenant_id))

    async def for_urls(self, assets: Sequence[MediaAsset], *, fresh_ms: int) -> Sequence[MediaId]:
        return [self._for_url(asset, fresh_ms) for asset in assets]

    def _for_url(self, asset: MediaAsset, fresh_ms: int) -> MediaId:
        owner = next((row for row in self._db.media.rows() if row.owns_url and _same_url(row.asset, asset)), None)
        if owner is not None and owner.is_fresh(asset.created_at, fresh_ms):
            return owner.asset.media_id
        if owner is not None:
            self._db.media.put(owner.asset.media_id, replace(owner, owns_url=False))
        self._add(asset, owns_url=True)
        return asset.media_id

    async def assets(self, tenant_id: TenantId, media_ids: Collection[MediaId]) -> Mapping[MediaId, MediaAsset]:
        rows = [row for media_id in media_ids if (row := self._db.media.get(media_id)) is not None]
        return {row.asset.media_id: row.asset for row in rows if row.asset.tenant_id == tenant_id}

    async def use(self, uses: Sequence[MediaUse]) -> None:
        for use in uses:
            self._db.media_uses.put((use.message_id, use.media_id), use)

    async def handles(self, keys: Collection[HandleKey], *, now: int) -> Mapping[HandleKey, Handle | MediaFailure]:
        known = [(key, row) for key in keys if (row := self._db.media_handles.get(key)) is not None]
        return {key: row[0] for key, row in known if isinstance(row[0], Handle) or 0 <= now - row[1] < REFUSAL_MS}

    async def request(self, jobs: Sequence[MediaJob]) -> None:
        for job in jobs:
            stored = self._db.media_jobs.get(job_key(job))
            if stored is None:
                self._put_new(job)
            elif stored.job.tries and stored.holder is None:
                self._db.media_jobs.put(job_key(job), replace(stored, job=replace(stored.job, guid=job.guid)))

    def _put_new(self, job: MediaJob) -> None:
        self._db.media_jobs.put(job_key(job), MediaJobRow(job, self._clock.now()))

    async def claim(
        self, limit: int, *, lease_ms: int, holder: HolderToken, without: Collection[ProviderCode | None] = ()
    ) -> Sequence[MediaJob]:
        now = self._clock.now()
        rows = [row for row in self._db.media_jobs.rows() if row.job.provider_code not in without]
        due = [row for row in rows if row.due_at <= now or row.due_at > now + LONGEST_WAIT_MS]
        claimed = sorted(due, key=lambda row: (row.due_at > now, row.due_at, job_key(row.job)[1]))[:limit]
        for row in claimed:
            self._db.media_jobs.put(job_key(row.job), replace(row, due_at=now + lease_ms, holder=holder))
        return [row.job for row in claimed]

    def _end(self, job: MediaJob, holder: HolderToken) -> bool:
        stored = self._db.media_jobs.get(job_key(job))
        if stored is None or stored.holder != holder:
            return False
        self._db.media_jobs.drop(job_key(job))
        return True

    async def fetched(
        self,
        job: MediaJob,
        facts: MediaFacts | MediaFailure,
        *,
        holder: HolderToken,
        now: int,
        preview: MediaAsset | None = None,
    ) -> Sequence[MessageId]:
        row = self._db.media.get(job.media_id)
        if not self._end(job, holder) or row is None:
            return ()
        if preview is not None:
            self._add(preview, owns_url=False)
        if isinstance(facts, MediaFailure):
            asset, ready_at = replace(row.asset, state=MediaState.FAILED, failure=facts), None
        else:
            asset, ready_at = replace(row.asset, state=MediaState.READY, facts=facts), now
        shown = preview.media_id if preview is not None else None
        self._db.media.put(job.media_id, MediaRow(replace(asset, preview_id=shown), ready_at, row.owns_url))
        return self._waiting([job.media_id], made=isinstance(facts, MediaFacts))

    async def uploaded(
        self, job: MediaJob, handle: Handle | MediaFailure, *, holder: HolderToken, now: int
    ) -> Sequence[MessageId]:
        if not self._end(job, holder):
            return ()
        rows = [row for row in self._db.media.rows() if _has_bytes(row.asset, job.tenant_id, job.sha256)]
        if handle is MediaFailure.GONE:
            for row in rows:
                failed = replace(row.asset, state=MediaState.FAILED, failure=handle)
                self._db.media.put(row.asset.media_id, replace(row, asset=failed))
        elif job.sha256 is not None and job.provider_code is not None and job.kind is not None:
            key = HandleKey(job.tenant_id, job.sha256, job.provider_code, job.kind)
            self._db.media_handles.put(key, (handle, now))
        return self._waiting([row.asset.media_id for row in rows], made=isinstance(handle, Handle))

    def _waiting(self, media_ids: Sequence[MediaId], *, made: bool) -> Sequence[MessageId]:
        own = {*media_ids, *self._parents(media_ids)}
        messages = [self._db.messages.get(message_id) for message_id in self._users(own)]
        held = {message.id for message in messages if message is not None and message.reason == HoldReason.MEDIA}
        return sorted(held - (self._users(self._being_made() - own) if made else set()))[:MAX_WAITING]

    def _parents(self, media_ids: Collection[MediaId]) -> set[MediaId]:
        """The videos that have these assets as previews."""
        return {row.asset.media_id for row in self._db.media.rows() if row.asset.preview_id in media_ids}

    def _being_made(self) -> set[MediaId]:
        """The assets that have jobs."""
        subjects = {key[:2] for key, _ in self._db.media_jobs.items()}
        assets = (row.asset for row in self._db.media.rows())
        return {asset.media_id for asset in assets if (asset.tenant_id, _subject(asset)) in subjects}

    def _users(self, media_ids: Collection[MediaId]) -> set[MessageId]:
        return {use.message_id for use in self._db.media_uses.rows() if use.media_id in media_ids}

    async def later(self, job: MediaJob, *, wait_ms: int, holder: HolderToken, tried: bool = True) -> None:
        stored = self._db.media_jobs.get(job_key(job))
        if stored is not None and stored.holder == holder:
            again = replace(stored.job, tries=stored.job.tries + tried, guid=job.guid)
            self._db.media_jobs.put(job_key(job), MediaJobRow(again, self._clock.now() + wait_ms))

    async def drop(self, job: MediaJob, *, holder: HolderToken) -> None:
        self._end(job, holder)

    async def forget_handle(self, key: HandleKey, file_id: str) -> None:
        row = self._db.media_handles.get(key)
        if row is not None and isinstance(row[0], Handle) and row[0].file_id == file_id:
            self._db.media_handles.drop(key)

    async def revive(self, tenant_id: TenantId, media_ids: Collection[MediaId]) -> None:
        named = await self.assets(tenant_id, media_ids)
        shown = [asset.preview_id for asset in named.values() if asset.preview_id is not None]
        for asset in {**named, **await self.assets(tenant_id, shown)}.values():
            if asset.state is MediaState.FAILED:
                self._revive(self._db.media.get(asset.media_id))
            if asset.facts is not None:
                self._forget_refusals(BlobKey(tenant_id, asset.facts.sha256))

    def _revive(self, row: MediaRow | None) -> None:
        if row is None:
            return
        state = MediaState.PENDING if row.asset.facts is None else MediaState.READY
        asset = replace(row.asset, state=state, failure=None)
        self._db.media.put(asset.media_id, replace(row, asset=asset))
        if state is MediaState.PENDING:
            self._put_new(MediaJob(asset.media_id, asset.tenant_id))

    def _forget_refusals(self, of: BlobKey) -> None:
        for key, (handle, _) in list(self._db.media_handles.items()):
            if BlobKey(key.tenant_id, key.sha256) == of and isinstance(handle, MediaFailure):
                self._db.media_handles.drop(key)

    async def keep(self, key: BlobKey) -> bool:
        row = self._db.media_bytes.get(key)
        if row is not None and row.holder is not None:
            return False
        self._db.media_bytes.put(key, BytesRow(self._clock.now() + KEPT_MS))
        return True

    async def in_use(self, media_id: MediaId) -> bool:
        owners = {media_id, *self._parents([media_id])}
        messages = (self._db.messages.get(message_id) for message_id in self._users(owners))
        return any(message is not None and message.status not in RESTING for message in messages)

    async def delete(self, tenant_id: TenantId, media_id: MediaId) -> MediaDeletion:
        row = self._db.media.get(media_id)
        if row is None or row.asset.tenant_id != tenant_id:
            return MediaDeletion.UNKNOWN
        if is_preview(self._db, media_id) or await self.in_use(media_id):
            return MediaDeletion.IN_USE
        delete_with_previews(self._db, [row.asset], self._clock.now())
        return MediaDeletion.DELETED

    async def unowned(self, limit: int, *, lease_ms: int, holder: HolderToken) -> Sequence[BlobKey]:
        now = self._clock.now()
        rows = sorted((row.due_at, key.sha256, key) for key, row in self._db.media_bytes.items() if row.due_at <= now)
        due = [key for _, _, key in rows[:limit]]
        unowned = forget_handles(self._db, due)
        for key in due:
            if key in unowned:
                self._db.media_bytes.put(key, BytesRow(now + lease_ms, holder))
            else:
                self._db.media_bytes.drop(key)
        return [key for key in due if key in unowned]

    async def deleted(self, keys: Collection[BlobKey], *, holder: HolderToken) -> None:
        for key in keys:
            row = self._db.media_bytes.get(key)
            if row is not None and row.holder == holder:
                self._db.media_bytes.drop(key)


def job_key(job: MediaJob) -> JobKey:
    """Equal jobs have the same."""
    return job.tenant_id, job.sha256 or job.media_id, job.provider_code, job.kind


def _subject(asset: MediaAsset) -> str:
    """Of its jobs."""
    return asset.media_id if asset.facts is None else asset.facts.sha256


def _same_url(stored: MediaAsset, new: MediaAsset) -> bool:
    return (stored.tenant_id, stored.url) == (new.tenant_id, new.url)


def _has_bytes(asset: MediaAsset, tenant_id: TenantId, sha256: str | None) -> bool:
    return asset.facts is not None and (asset.tenant_id, asset.facts.sha256) == (tenant_id, sha256)


def delete_with_previews(database: MemoryDatabase, assets: Sequence[MediaAsset], now: int) -> int:
    """Delete assets, and their previews that are of no other video and that no message has; returns how many."""
    _delete(database, assets, now)
    previews = [row.asset for asset in assets if (row := row_of(database, asset.preview_id)) is not None]
    alone = [asset for asset in previews if not is_preview(database, asset.media_id) and not users(database, asset)]
    _delete(database, alone, now)
    return len(assets) + len(alone)


def row_of(database: MemoryDatabase, media_id: MediaId | None) -> MediaRow | None:
    """Where there is one."""
    return None if media_id is None else database.media.get(media_id)


def is_preview(database: MemoryDatabase, media_id: MediaId) -> bool:
    """Whether it is the preview of a video."""
    return any(row.asset.preview_id == media_id for row in database.media.rows())


def users(database: MemoryDatabase, asset: MediaAsset) -> set[MessageId]:
    """The messages that have it, also those at rest."""
    return {use.message_id for use in database.media_uses.rows() if use.media_id == asset.media_id}


def _delete(database: MemoryDatabase, assets: Sequence[MediaAsset], now: int) -> None:
    for asset in assets:
        database.media.drop(asset.media_id)
        database.media_jobs.drop(job_key(MediaJob(asset.media_id, asset.tenant_id)))
    keys = {BlobKey(asset.tenant_id, asset.facts.sha256) for asset in assets if asset.facts is not None}
    forget_handles(database, keys)
    for key in keys:
        if database.media_bytes.get(key) is None:
            database.media_bytes.put(key, BytesRow(now))


def forget_handles(database: MemoryDatabase, keys: Iterable[BlobKey]) -> set[BlobKey]:
    """Delete the handles and uploads of bytes that no asset has; returns these."""
    owned = {
        BlobKey(row.asset.tenant_id, row.asset.facts.sha256)
        for row in database.media.rows()
        if row.asset.facts is not None
    }
    unowned = set(keys) - owned
    for handle_key in [key for key, _ in database.media_handles.items()]:
        if BlobKey(handle_key.tenant_id, handle_key.sha256) in unowned:
            database.media_handles.drop(handle_key)
    for key in [key for key, _ in database.media_jobs.items()]:
        if BlobKey(key[0], key[1]) in unowned:
            database.media_jobs.drop(key)
    return unowned


def _conforms(media: MemoryMedia) -> MediaRepository:
    return media
