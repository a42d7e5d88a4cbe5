"""Assets of clients: a file that comes in, or a URL that is fetched later (ADR 66)."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.media.intake import TakeIn
from wework_message.application.media.keep_bytes import TRIES, keep_bytes
from wework_message.application.tries import tried
from wework_message.domain.errors import InvalidValueError, TryAgainError, UnavailableError
from wework_message.domain.ids import MediaId, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure, MediaState
from wework_message.domain.media.file_names import checked_name, name_of_url, plain_name
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.ports.media_store import MediaStore, StagedFile, Staging
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock, IdGenerator

MAX_UPLOADS: Final = 64
"""Files that a process takes in at once: so much room its temporary files need at most, times the largest file."""

_REFUSALS: Final[Mapping[MediaFailure, str]] = {
    MediaFailure.EMPTY: "must not be empty",
    MediaFailure.DEFECT: "is damaged, or unfolds to more than is decoded",
}
"""What is said of bytes that are not taken in."""


@dataclass(slots=True)
class ReceiveMedia:
    """Stages, inspects, and keeps files. All raise `UnavailableError`; then nothing was stored that an asset names."""

    units: UnitOfWorkFactory
    staging: Staging
    store: MediaStore
    take_in: TakeIn
    ids: IdGenerator
    clock: Clock
    new_key: Callable[[], bytes]
    """Makes `MediaAsset.address_key`."""
    _coming: int = field(default=0, init=False)

    @asynccontextmanager
    async def file(self) -> AsyncIterator[StagedFile]:
        """Where the bytes of one file go. Raises `UnavailableError` where too many come in already."""
        if self._coming >= MAX_UPLOADS:
            raise UnavailableError("media store", "takes too many files at once")
        self._coming += 1
        try:
            async with self.staging.file() as staged:
                yield staged
        finally:
            self._coming -= 1

    async def __call__(self, tenant_id: TenantId, staged: StagedFile, file_name: str | None) -> MediaAsset:
        """A new asset of the staged bytes, and one of its preview; equal bytes of a tenant are in the store once.

        Raises `InvalidValueError` naming ``file``: it is empty, or broken.
        """
        async with self.take_in(staged) as taken:
            if isinstance(taken, MediaFailure):
                raise InvalidValueError("file", _REFUSALS[taken])
            preview = None
            if taken.preview is not None:
                preview = self._asset(tenant_id, taken.preview.facts)
                await keep_bytes(self.units, self.store, tenant_id, taken.preview.staged)
            name = None if file_name is None else plain_name(file_name)
            asset = self._asset(tenant_id, taken.facts, name, None if preview is None else preview.media_id)
            await keep_bytes(self.units, self.store, tenant_id, staged)
        new = [asset] if preview is None else [preview, asset]
        await tried(TRIES, lambda: self._add(new), TryAgainError)
        return asset

    def _asset(
        self, tenant_id: TenantId, facts: MediaFacts, name: str | None = None, preview_id: MediaId | None = None
    ) -> MediaAsset:
        return MediaAsset(
            self.ids.media_id(), tenant_id, MediaState.READY, self.clock.now(), self.new_key(),
            file_name=name, facts=facts, preview_id=preview_id,
        )  # fmt: skip

    async def _add(self, assets: Sequence[MediaAsset]) -> None:
        async with self.units() as unit:
            await unit.media.add(assets)
            await unit.commit()


@dataclass(frozen=True, slots=True)
class NameMedia:
    """Makes assets of URLs, which a process that dispatches fetches."""

    units: UnitOfWorkFactory
    addresses: AddressPolicy
    """What URLs may name."""
    ids: IdGenerator
    clock: Clock
    new_key: Callable[[], bytes]
    fresh_ms: int
    """How long the same URL is the same asset."""
    wake: Callable[[], None]
    """Says that a fetch may be due."""

    async def __call__(self, tenant_id: TenantId, url: str, file_name: str | None) -> MediaAsset:
        """The asset of `url`: a new one, or the tenant's that is of the same URL and fresh; one with a name of its own is new.

        Durable when this returns. Raises `InvalidValueError` naming ``url`` or ``fileName``, `UnavailableError`.
        """
        self.addresses.target(url)
        name = name_of_url(url) if file_name is None else checked_name("fileName", file_name)
        new = MediaAsset(
            self.ids.media_id(),
            tenant_id,
            MediaState.PENDING,
            self.clock.now(),
            self.new_key(),
            file_name=name,
            url=url,
        )
        asset = await tried(TRIES, lambda: self._stored(new, named=file_name is not None), TryAgainError)
        self.wake()
        return asset

    async def _stored(self, asset: MediaAsset, *, named: bool) -> MediaAsset:
        async with self.units() as unit:
            if named:
                await unit.media.add([asset])
                await unit.commit()
                return asset
            (media_id,) = await unit.media.for_urls([asset], fresh_ms=self.fresh_ms)
            stored = await unit.media.assets(asset.tenant_id, [media_id])
            await unit.commit()
        return stored.get(media_id, asset)
