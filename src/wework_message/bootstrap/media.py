"""Where the bytes of media are, who looks at them, and at which address providers fetch them, from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wework_message.adapters.media.folder import FolderMediaStore
from wework_message.adapters.media.inspector import media_inspector
from wework_message.adapters.media.staging import FolderStaging
from wework_message.adapters.threads import Threads
from wework_message.bootstrap.settings import Loaded, is_embedded, simulated_providers
from wework_message.bootstrap.settings.media import MediaSettings, S3Settings
from wework_message.domain.ports.media_inspector import MediaInspector
from wework_message.domain.ports.media_store import MediaStore, Staging

_THREADS: Final = 8
"""Calls of the disk and of the object store at once; uploads, fetches and readers share them."""


@dataclass(frozen=True, slots=True)
class Media:
    """The media of a process."""

    store: MediaStore
    staging: Staging
    inspector: MediaInspector
    public_url: str | None = None
    """How providers reach this service; None: nobody said."""
    fresh_ms: int = 600_000
    """How long the same URL is the same asset."""


def public_url_of(loaded: Loaded, own_url: str | None) -> str | None:
    """How providers reach this service: as the settings say; on this machine, at `own_url`, where no provider need be elsewhere."""
    settings = loaded.settings
    if settings.app.media.public_url is not None:
        return settings.app.media.public_url
    enabled = [provider for provider in settings.app.wework.providers.values() if provider.enabled]
    if not is_embedded(loaded.profile) and len(simulated_providers(settings, loaded.profile)) < len(enabled):
        return None
    return own_url or f"http://127.0.0.1:{settings.server.port}{settings.server.context_path.rstrip('/')}"


@asynccontextmanager
async def open_media(settings: MediaSettings, public_url: str | None) -> AsyncIterator[Media]:
    """Nothing is connected or made before the first file, and the start waits for no disk."""
    threads = Threads("media", _THREADS)
    staged = Path(settings.folder) / "staging"
    staging = FolderStaging(staged, threads)
    store = _object_store(settings.s3, threads) if settings.store == "s3" else None
    store = store or FolderMediaStore(Path(settings.folder) / "blobs", staged, threads)
    inspector = media_inspector()
    _ = staging.sweep()
    try:
        yield Media(store, staging, inspector, public_url, settings.url_fresh_seconds * 1000)
    finally:
        await inspector.aclose()
        await store.aclose()
        threads.close()


def _object_store(settings: S3Settings, threads: Threads) -> MediaStore:
    from wework_message.adapters.media.s3 import Bucket, S3MediaStore  # noqa: PLC0415 -- the client is an extra

    keys = (None if key is None else key.reveal() for key in (settings.access_key, settings.secret_key))
    return S3MediaStore(
        Bucket(settings.bucket or "", settings.prefix, settings.endpoint, settings.region, settings.path_style, *keys),
        threads,
    )
