"""Media of the process, from the settings: where bytes are, how they come in, and how providers reach them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wework_message.adapters.media.folder import FolderMediaStore
from wework_message.adapters.media.inspector import media_inspector
from wework_message.adapters.media.staging import FolderStaging
from wework_message.adapters.outbound.pinned_fetcher import PinnedFetcher
from wework_message.adapters.outbound.resolver import SystemResolver
from wework_message.adapters.threads import Threads
from wework_message.application.media.worker import LEASE_MARGIN_MS
from wework_message.bootstrap.outbound import address_policy
from wework_message.bootstrap.settings import Loaded, simulated_providers
from wework_message.bootstrap.settings.http import OutboundSettings
from wework_message.bootstrap.settings.media import MediaSettings, S3Settings
from wework_message.bootstrap.settings.validation import is_embedded
from wework_message.domain.ports.media_fetcher import MediaFetcher
from wework_message.domain.ports.media_inspector import MediaInspector
from wework_message.domain.ports.media_store import MediaStore, Staging

STAGING: Final = "staging"
"""The folder of temporary files below that of the bytes."""

THREADS: Final = 4
"""Reads and writes of files at once."""


@dataclass(frozen=True, slots=True)
class Media:
    """What use cases need of media."""

    store: MediaStore
    staging: Staging
    inspector: MediaInspector
    fetcher: MediaFetcher
    settings: MediaSettings = MediaSettings()
    public_url: str | None = None
    """How providers reach this service; None: nobody said."""

    @property
    def lease_ms(self) -> int:
        """How long a fetch or an upload belongs to one process."""
        return max(self.settings.upload_timeout_ms, self.settings.fetch_timeout_ms) + LEASE_MARGIN_MS


@asynccontextmanager
async def open_media(
    settings: MediaSettings, outbound: OutboundSettings, public_url: str | None
) -> AsyncIterator[Media]:
    """Nothing is made or connected before the first file."""
    async with AsyncExitStack() as stack:
        threads = Threads("media-files", THREADS)
        stack.callback(threads.close)
        folder = Path(settings.folder)
        staging = FolderStaging(folder / STAGING, threads)
        staging.sweep()
        store = _store(settings, folder, threads)
        stack.push_async_callback(store.aclose)
        inspector = media_inspector()
        stack.push_async_callback(inspector.aclose)
        resolver = SystemResolver()
        stack.callback(resolver.close)
        yield Media(store, staging, inspector, PinnedFetcher(address_policy(outbound), resolver), settings, public_url)


def _store(settings: MediaSettings, folder: Path, threads: Threads) -> MediaStore:
    if settings.store == "folder":
        return FolderMediaStore(folder, folder / STAGING, threads)
    return _object_store(settings.s3, threads)


def _object_store(settings: S3Settings, threads: Threads) -> MediaStore:
    from wework_message.adapters.media.s3 import Bucket, S3MediaStore  # noqa: PLC0415 -- needs the extra `s3`

    return S3MediaStore(
        Bucket(
            settings.bucket or "",
            settings.prefix,
            settings.endpoint,
            settings.region,
            settings.path_style,
            None if settings.access_key is None else settings.access_key.reveal(),
            None if settings.secret_key is None else settings.secret_key.reveal(),
        ),
        threads,
    )


def public_url(loaded: Loaded, own_url: str | None) -> str | None:
    """How providers reach this service: as the setting says, or by the loopback address where nothing else has to."""
    settings = loaded.settings.app
    if settings.media.public_url is not None:
        return settings.media.public_url
    enabled = {key for key, provider in settings.wework.providers.items() if provider.enabled}
    only_simulated = enabled <= set(simulated_providers(loaded.settings, loaded.profile))
    return own_url if is_embedded(loaded.profile) or only_simulated else None
