"""Views of media assets, in memory."""

from collections.abc import Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.ids import MediaId, TenantId
from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.media.handles import Handle
from wework_message.domain.ports.media_reader import MadeHandle, MediaView


class MemoryMediaReader:
    """Reads independently of units of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """What is committed in `database`."""
        self._db = database

    async def asset(self, tenant_id: TenantId | None, media_id: MediaId) -> MediaView | None:
        self._db.check_available()
        stored = self._db.media.committed(media_id)
        if stored is None or tenant_id not in (None, stored.asset.tenant_id):
            return None
        return self._view(stored.asset)

    async def assets(self, tenant_id: TenantId, *, limit: int, before: MediaId | None) -> Sequence[MediaView]:
        self._db.check_available()
        own = [row.asset for row in self._db.media.committed_rows() if row.asset.tenant_id == tenant_id]
        older = [asset for asset in own if before is None or asset.media_id < before]
        newest = sorted(older, key=lambda asset: asset.media_id, reverse=True)[:limit]
        return [self._view(asset) for asset in newest]

    def _view(self, asset: MediaAsset) -> MediaView:
        if asset.facts is None:
            return MediaView(asset)
        made = [
            MadeHandle(key.provider_code, key.kind, handle.file_id)
            for key, (handle, _) in self._db.media_handles.committed_items().items()
            if (key.tenant_id, key.sha256) == (asset.tenant_id, asset.facts.sha256) and isinstance(handle, Handle)
        ]
        return MediaView(asset, tuple(sorted(made, key=lambda handle: (handle.provider_code, handle.kind))))
