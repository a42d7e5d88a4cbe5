"""Assets of clients: a file that comes in, or a URL that is fetched later (ADR 66)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.tries import tried
from wework_message.domain.errors import InvalidValueError, TryAgainError, UnavailableError
from wework_message.domain.ids import TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaState
from wework_message.domain.media.file_names import checked_name, name_of_url, plain_name
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.ports.media_inspector import MediaDefectError, MediaInspector
from wework_message.domain.ports.media_store import BlobKey, MediaStore, StagedFile, Staging
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock, IdGenerator

MAX_UPLOADS: Final = 64
"""Files that a process takes in at once: so much room its temporary files need at most, times the largest file."""

TRIES: Final = 3
"""How often a transaction is tried where another one is in the way."""


@dataclass(slots=True)
class ReceiveMedia:
    """Stages, inspects, and keeps files. All raise `UnavailableError`; then nothing was stored that an asset names."""

    units: UnitOfWorkFactory
    staging: Staging
    store: MediaStore
    inspector: MediaInspector
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
        """A new asset of the staged bytes; equal bytes of a tenant are in the store once.

        Raises `InvalidValueError` naming ``file``: it is empty, or broken.
        """
        if staged.size == 0:
            raise InvalidValueError("file", "must not be empty")
        try:
            seen = await self.inspector.inspect(staged.path)
        except MediaDefectError:
            raise InvalidValueError("file", "is damaged, or unfolds to more than is decoded") from None
        asset = MediaAsset(
            self.ids.media_id(),
            tenant_id,
            MediaState.READY,
            self.clock.now(),
            self.new_key(),
            file_name=None if file_name is None else plain_name(file_name),
            facts=MediaFacts(staged.sha256, staged.md5, staged.size, seen),
        )
        key = BlobKey(tenant_id, staged.sha256)
        await tried(TRIES, lambda: self._keep(key), TryAgainError)
        await self.store.put(key, staged.path)
        await tried(TRIES, lambda: self._add(asset), TryAgainError)
        return asset

    async def _keep(self, key: BlobKey) -> None:
        """The bytes stay although no asset has them yet."""
        async with self.units() as unit:
            kept = await unit.media.keep(key)
            await unit.commit()
        if not kept:
            raise TryAgainError("media store", "these bytes are being deleted")

    async def _add(self, asset: MediaAsset) -> None:
        async with self.units() as unit:
            await unit.media.add([asset])
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
