"""Staged bytes go into the store: first it is written down that they stay, although no asset has them yet."""

from typing import Final

from wework_message.application.tries import tried
from wework_message.domain.errors import TryAgainError
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.media_store import BlobKey, MediaStore, StagedFile
from wework_message.domain.ports.repositories import UnitOfWorkFactory

TRIES: Final = 3
"""How often a transaction is tried where another one is in the way."""


async def keep_bytes(units: UnitOfWorkFactory, store: MediaStore, tenant_id: TenantId, staged: StagedFile) -> None:
    """Put them; nothing happens where the store has them. Raises `UnavailableError`, also while equal bytes are being deleted."""
    key = BlobKey(tenant_id, staged.sha256)
    await tried(TRIES, lambda: _claim(units, key), TryAgainError)
    await store.put(key, staged.path)


async def _claim(units: UnitOfWorkFactory, key: BlobKey) -> None:
    async with units() as unit:
        kept = await unit.media.keep(key)
        await unit.commit()
    if not kept:
        raise TryAgainError("media store", "these bytes are being deleted")
