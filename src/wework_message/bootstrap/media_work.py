"""What the media worker of the process needs beside the store, from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.outbound.pinned_fetcher import PinnedFetcher
from wework_message.adapters.outbound.resolver import SystemResolver
from wework_message.application.media.worker import LEASE_MARGIN_MS
from wework_message.bootstrap.outbound import address_policy
from wework_message.bootstrap.settings.http import OutboundSettings
from wework_message.bootstrap.settings.media import MediaSettings
from wework_message.domain.ports.media_fetcher import MediaFetcher
from wework_message.domain.ports.protocols import MediaConnection

TAKE_IN_MS: Final = 10_000
"""How long it may take at least to look at bytes that were fetched, and to keep them."""


@dataclass(frozen=True, slots=True)
class MediaWork:
    """Fetches, and the limits of fetches and uploads."""

    fetcher: MediaFetcher
    slots: int = 4
    max_bytes: int = 26_214_400
    fetch_timeout_ms: int = 20_000
    upload_timeout_ms: int = 60_000

    @property
    def limit_ms(self) -> int:
        """How long a job may take: an upload, or a fetch with what is done with its bytes."""
        return max(self.upload_timeout_ms, self.fetch_timeout_ms + TAKE_IN_MS)

    @property
    def lease_ms(self) -> int:
        """How long a job belongs to one process."""
        return self.limit_ms + LEASE_MARGIN_MS


def uploads_of(settings: MediaSettings) -> MediaConnection:
    """How many uploads a provider gets at once from this process, and how long each may take."""
    return MediaConnection(uploads=settings.slots, timeout_ms=settings.upload_timeout_ms)


@asynccontextmanager
async def open_media_work(settings: MediaSettings, outbound: OutboundSettings) -> AsyncIterator[MediaWork]:
    """Nothing is connected, and no thread runs, before the first fetch."""
    resolver = SystemResolver()
    fetcher = PinnedFetcher(address_policy(outbound), resolver)
    try:
        yield MediaWork(
            fetcher, settings.slots, settings.max_bytes, settings.fetch_timeout_ms, settings.upload_timeout_ms
        )
    finally:
        resolver.close()
