"""The transactions of the media worker: claim jobs, and write how they ended, with what becomes of the messages that wait."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from wework_message.application.commit.scope import CommitScope
from wework_message.domain.ids import HolderToken, MediaId, MessageId, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure
from wework_message.domain.media.fetched import MAX_TRIES, MIN_WAIT_MS, Fetched, FetchLater, after_fetch
from wework_message.domain.media.handles import Handle
from wework_message.domain.media.uploading import UploadDropped, UploadLater, after_upload
from wework_message.domain.ports.media import MediaJob, MediaRepository
from wework_message.domain.ports.media_gateway import Uploaded
from wework_message.domain.ports.system import Clock, RandomSource


@dataclass(frozen=True, slots=True)
class JobsRequest:
    """What a worker asks of a claim."""

    limit: int
    holder: HolderToken
    without: frozenset[ProviderCode | None] = frozenset()
    """No uploads to these providers; with None no fetches."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this process has until the end of its lease."""

    job: MediaJob
    holder: HolderToken
    asset: MediaAsset | None
    """None: it was deleted."""
    known: Handle | MediaFailure | None = None
    """What another upload of the same bytes has brought meanwhile."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The bytes of a fetch are in the store."""

    facts: MediaFacts
    preview: MediaAsset | None = None
    """A picture of it, whose bytes are there too."""


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Others go first: it is due again, and this was no try."""

    wait_ms: int


JobEnd: TypeAlias = Taken | MediaFailure | Fetched | NotBegun | Uploaded | Handle | UploadDropped
Decided: TypeAlias = Taken | MediaFailure | Handle | FetchLater | UploadLater | NotBegun | UploadDropped


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job, and what came of it."""

    claimed: ClaimedJob
    end: JobEnd


class ClaimJobs:
    """Takes due jobs, with what is known of them."""

    def __init__(self, lease_ms: int, clock: Clock) -> None:
        """Nobody else does a job for `lease_ms`."""
        self._lease_ms = lease_ms
        self._clock = clock

    async def __call__(self, scope: CommitScope, items: Sequence[JobsRequest], /) -> Sequence[Sequence[ClaimedJob]]:
        """One claim for each item."""
        return [await self._claim(scope.unit.media, item) for item in items]

    async def _claim(self, media: MediaRepository, item: JobsRequest) -> Sequence[ClaimedJob]:
        jobs = await media.claim(item.limit, lease_ms=self._lease_ms, holder=item.holder, without=item.without)
        assets = await _assets(media, jobs)
        keys = [key for job in jobs if (key := job.handle_key) is not None]
        known = await media.handles(keys, now=self._clock.now()) if keys else {}
        return [
            ClaimedJob(
                job,
                item.holder,
                assets.get((job.tenant_id, job.media_id)),
                None if job.handle_key is None else known.get(job.handle_key),
            )
            for job in jobs
        ]


async def _assets(media: MediaRepository, jobs: Sequence[MediaJob]) -> Mapping[tuple[TenantId, MediaId], MediaAsset]:
    ids: defaultdict[TenantId, set[MediaId]] = defaultdict(set)
    for job in jobs:
        ids[job.tenant_id].add(job.media_id)
    return {
        (tenant_id, media_id): asset
        for tenant_id, own in ids.items()
        for media_id, asset in (await media.assets(tenant_id, own)).items()
    }


class EndJobs:
    """Writes how jobs ended: what was made is there, or the job is due later, or nobody waits for it and it goes."""

    def __init__(self, clock: Clock, random_source: RandomSource) -> None:
        """`random_source` spreads the tries of jobs that failed together."""
        self._clock = clock
        self._random_source = random_source

    async def __call__(self, scope: CommitScope, items: Sequence[EndedJob], /) -> Sequence[Sequence[MessageId]]:
        """For each job the messages that wait for it no more, to be made due (`ReleaseMessages`)."""
        return [await self._end(scope.unit.media, item.claimed, item.end) for item in items]

    async def _end(self, media: MediaRepository, claimed: ClaimedJob, end: JobEnd) -> Sequence[MessageId]:
        job, holder, now = claimed.job, claimed.holder, self._clock.now()
        decided = await self._decided(media, job, end)
        if isinstance(decided, FetchLater | UploadLater | NotBegun):
            tried = not isinstance(decided, NotBegun)
            await media.later(job, wait_ms=decided.wait_ms, holder=holder, tried=tried)
            return ()
        if isinstance(decided, UploadDropped):
            await media.drop(job, holder=holder)
            return ()
        if isinstance(decided, Taken):
            return await media.fetched(job, decided.facts, holder=holder, now=now, preview=decided.preview)
        if isinstance(decided, MediaFailure) and job.provider_code is None:
            return await media.fetched(job, decided, holder=holder, now=now)
        return await media.uploaded(job, decided, holder=holder, now=now)

    async def _decided(self, media: MediaRepository, job: MediaJob, end: JobEnd) -> Decided:
        """What follows, with a look whether anybody waits where that decides."""
        if not isinstance(end, Fetched | Uploaded):
            return end
        awaited = job.tries + 1 < MAX_TRIES or await media.in_use(job.media_id)
        fraction = self._random_source.fraction()
        if isinstance(end, Uploaded):
            return after_upload(end, tries=job.tries, awaited=awaited, fraction=fraction)
        return after_fetch(end, tries=job.tries, awaited=awaited, fraction=fraction) or FetchLater(MIN_WAIT_MS)
