"""One fetch: the bytes behind a client's URL are looked at, and kept."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from wework_message.application.media.intake import TakeIn, TakenIn
from wework_message.application.media.jobs import ClaimedJob, NotBegun, Taken
from wework_message.application.media.keep_bytes import keep_bytes
from wework_message.application.media.slow_hosts import SlowHosts
from wework_message.domain.ids import TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure, MediaState
from wework_message.domain.media.fetched import Fetched, FetchOutcome
from wework_message.domain.ports.media_fetcher import MediaFetcher
from wework_message.domain.ports.media_store import MediaStore, StagedFile, Staging
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock, IdGenerator

SLOW_SHARE: Final = 4
"""A host whose file took this part of the time that a fetch may take is slow."""


class FetchMedia:
    """Fetches into a temporary file; only what was looked at gets into the store."""

    def __init__(
        self,
        fetcher: MediaFetcher,
        staging: Staging,
        take_in: TakeIn,
        store: MediaStore,
        units: UnitOfWorkFactory,
        ids: IdGenerator,
        clock: Clock,
        new_key: Callable[[], bytes],
        *,
        max_bytes: int,
        deadline_ms: int,
    ) -> None:
        """`new_key` makes the `address_key` of a preview's asset. `deadline_ms`: all steps of one request together."""
        self._fetcher = fetcher
        self._staging = staging
        self._take_in = take_in
        self._store = store
        self._units = units
        self._ids = ids
        self._clock = clock
        self._new_key = new_key
        self._max_bytes = max_bytes
        self._deadline_ms = deadline_ms
        self._hosts = SlowHosts(clock, slow_ms=deadline_ms // SLOW_SHARE)

    async def __call__(self, claimed: ClaimedJob) -> Taken | MediaFailure | Fetched | NotBegun:
        """How it ended; `Fetched` is not the bytes. Raises `UnavailableError`."""
        asset = claimed.asset
        if asset is None or asset.url is None:
            return MediaFailure.GONE
        host = urlsplit(asset.url).hostname or ""
        if wait_ms := self._hosts.begin(host):
            return NotBegun(wait_ms)
        began, ended = self._clock.boot(), None
        try:
            async with self._staging.file() as staged:
                fetched = await self._fetcher.fetch(
                    asset.url, staged, max_bytes=self._max_bytes, deadline_ms=self._deadline_ms
                )
                ended = self._clock.boot()
                return fetched if fetched.outcome is not FetchOutcome.FETCHED else await self._taken(asset, staged)
        finally:
            self._hosts.end(host, (self._clock.boot() if ended is None else ended) - began)

    async def _taken(self, asset: MediaAsset, staged: StagedFile) -> Taken | MediaFailure:
        async with self._take_in(staged) as taken:
            return taken if isinstance(taken, MediaFailure) else await self._kept(asset.tenant_id, staged, taken)

    async def _kept(self, tenant_id: TenantId, staged: StagedFile, taken: TakenIn) -> Taken:
        await keep_bytes(self._units, self._store, tenant_id, staged)
        if taken.preview is None:
            return Taken(taken.facts)
        await keep_bytes(self._units, self._store, tenant_id, taken.preview.staged)
        return Taken(taken.facts, self._asset(tenant_id, taken.preview.facts))

    def _asset(self, tenant_id: TenantId, facts: MediaFacts) -> MediaAsset:
        return MediaAsset(
            self._ids.media_id(), tenant_id, MediaState.READY, self._clock.now(), self._new_key(), facts=facts
        )
