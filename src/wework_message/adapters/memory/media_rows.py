"""What the memory adapters keep of media."""

from dataclasses import dataclass
from typing import TypeAlias

from wework_message.domain.ids import HolderToken, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaState, is_fresh
from wework_message.domain.media.handles import UploadKind
from wework_message.domain.ports.media import MediaJob

JobKey: TypeAlias = tuple[TenantId, str, ProviderCode | None, UploadKind | None]
"""Equal jobs have the same; the text is the id of an asset to fetch, or the hash of the bytes to upload."""


@dataclass(frozen=True, slots=True)
class MediaRow:
    """A stored asset."""

    asset: MediaAsset
    ready_at: int | None
    owns_url: bool
    """Messages that name its URL get it."""

    def is_fresh(self, now: int, fresh_ms: int) -> bool:
        """Whether a message that comes now gets it."""
        if self.ready_at is None:
            return self.asset.state is MediaState.PENDING
        return self.asset.state is MediaState.READY and is_fresh(self.ready_at, now, fresh_ms)


@dataclass(frozen=True, slots=True)
class MediaJobRow:
    """A stored fetch or upload; with a holder, `due_at` is the end of its lease."""

    job: MediaJob
    due_at: int
    holder: HolderToken | None = None


@dataclass(frozen=True, slots=True)
class BytesRow:
    """Bytes that perhaps no asset has; with a holder they are being deleted."""

    due_at: int
    holder: HolderToken | None = None
