"""The content of an asset, and its end."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from wework_message.application.errors import MediaInUseError, NotFoundError
from wework_message.application.media.keep_bytes import TRIES
from wework_message.application.tries import tried
from wework_message.domain.errors import TryAgainError, UnavailableError
from wework_message.domain.ids import MediaId, TenantId
from wework_message.domain.media.addresses import is_valid
from wework_message.domain.media.asset import MediaAsset, MediaFacts
from wework_message.domain.ports.media import MediaDeletion
from wework_message.domain.ports.media_reader import MediaReader
from wework_message.domain.ports.media_store import BlobKey, BlobMissingError, MediaStore
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock


@dataclass(frozen=True, slots=True)
class Signed:
    """What the address of a content says of itself."""

    expires: str
    signature: str


@dataclass(frozen=True, slots=True)
class MediaContent:
    """Reads contents."""

    reader: MediaReader
    store: MediaStore
    clock: Clock

    async def asset(
        self, tenant_id: TenantId, media_id: MediaId, signed: Signed | None
    ) -> tuple[MediaAsset, MediaFacts]:
        """An asset whose content may be read: of the tenant, or of any whose address was `signed` for whoever has it. Raises `NotFoundError`: also while it is PENDING, and where `signed` is wrong or late; `UnavailableError`."""
        view = await self.reader.asset(tenant_id if signed is None else None, media_id)
        if view is None or view.asset.facts is None:
            raise NotFoundError("content")
        key = view.asset.address_key
        if signed is not None:
            if key is None:
                raise UnavailableError("secrets", "the key of this address cannot be read")
            if not is_valid(key, media_id, signed.expires, signed.signature, now=self.clock.now()):
                raise NotFoundError("content")
        return view.asset, view.asset.facts

    async def read(self, tenant_id: TenantId, facts: MediaFacts, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` to before `end`. Raises `NotFoundError` before the first piece where the store has lost them."""
        try:
            async with aclosing(self.store.read(BlobKey(tenant_id, facts.sha256), start=start, end=end)) as pieces:
                async for piece in pieces:
                    yield piece
        except BlobMissingError:
            raise NotFoundError("content") from None


@dataclass(frozen=True, slots=True)
class DeleteMedia:
    """Deletes assets; their bytes go later, when no asset has them."""

    units: UnitOfWorkFactory

    async def __call__(self, tenant_id: TenantId, media_id: MediaId) -> None:
        """Raises `NotFoundError`, `MediaInUseError`, `UnavailableError`."""
        deletion = await tried(TRIES, lambda: self._deleted(tenant_id, media_id), TryAgainError)
        if deletion is MediaDeletion.UNKNOWN:
            raise NotFoundError("media asset")
        if deletion is MediaDeletion.IN_USE:
            raise MediaInUseError

    async def _deleted(self, tenant_id: TenantId, media_id: MediaId) -> MediaDeletion:
        async with self.units() as unit:
            deletion = await unit.media.delete(tenant_id, media_id)
            await unit.commit()
        return deletion
