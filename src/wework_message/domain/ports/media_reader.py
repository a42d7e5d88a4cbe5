"""Reads media assets, for clients that ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wework_message.domain.ids import MediaId, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.media.handles import UploadKind


@dataclass(frozen=True, slots=True)
class MadeHandle:
    """A handle that a provider gave for an asset's bytes."""

    provider_code: ProviderCode
    kind: UploadKind
    file_id: str
    """Empty for kinds that have a URL alone."""


@dataclass(frozen=True, slots=True)
class MediaView:
    """An asset, and the handles of its bytes."""

    asset: MediaAsset
    handles: Sequence[MadeHandle] = ()
    """By provider and kind."""


class MediaReader(Protocol):
    """What is committed. Raises `UnavailableError`."""

    async def asset(self, tenant_id: TenantId | None, media_id: MediaId) -> MediaView | None:
        """One of this tenant; None = of any."""
        ...

    async def assets(self, tenant_id: TenantId, *, limit: int, before: MediaId | None) -> Sequence[MediaView]:
        """Newest first: those with smaller ids than `before`."""
        ...
