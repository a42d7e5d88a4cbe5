"""Where the bytes of media are, who looks at them, and at which address providers fetch them, from the settings."""

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from wework_message.adapters.media.folder import FolderMediaStore
from wework_message.adapters.media.inspector import media_inspector
from wework_message.adapters.media.staging import FolderStaging
from wework_message.adapters.private_files import no_folder, rights_of_others
from wework_message.adapters.threads import Threads
from wework_message.bootstrap.settings import Loaded, is_embedded, simulated_providers
from wework_message.bootstrap.settings.media import MediaSettings, S3Settings
from wework_message.bootstrap.settings.media_check import PREFIX
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.ports.checks import Check, Fault, Finding
from wework_message.domain.ports.media_inspector import MediaInspector
from wework_message.domain.ports.media_store import BlobKey, MediaStore, Staging

_NOTHING: Final = BlobKey(DEFAULT_TENANT, "0" * 64)
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
    staging = FolderStaging(staged, threads, kept=settings.store == "folder")
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


async def stored_size(settings: MediaSettings, key: BlobKey) -> int | None:
    """How many bytes the store of this process has of them; None where they are not there. Raises `UnavailableError`."""
    if settings.store == "s3" and find_spec("boto3") is None:
        raise UnavailableError("object store", "the extra s3 is not installed")
    async with open_media(settings, None) as media:
        return await media.store.size(key)


def media_checks(loaded: Loaded) -> tuple[Check, ...]:
    """``media.store``: the folder can be written or made, the bucket answers. ``media.public-url``: providers know where to fetch."""
    settings = loaded.settings.app.media

    async def store() -> Finding:
        if settings.store == "folder":
            return _folder(Path(settings.folder))
        if find_spec("boto3") is None:
            return Finding.skipped("the extra s3 is not installed")
        await stored_size(settings, _NOTHING)
        return Finding.ok("the object store answers")

    async def public_url() -> Finding:
        if settings.store == "s3":
            return Finding.ok("providers fetch from the object store")
        if public_url_of(loaded, None) is None:
            return Finding.warning(
                "providers cannot fetch media, so messages with media wait", f"set {PREFIX}public-url"
            )
        return Finding.ok("providers have an address; whether they reach it is not tried")

    advice = f"see {PREFIX}s3: address, bucket, keys"
    return Check("media.store", store, fault=Fault.UNAVAILABLE, advice=advice), Check("media.public-url", public_url)


def _folder(folder: Path) -> Finding:
    if (reason := no_folder(folder)) is not None:
        return Finding.failed(f"media cannot be kept: {reason}", f"let the user of the service write to {PREFIX}folder")
    if rights_of_others(folder) & (stat.S_IWGRP | stat.S_IWOTH):
        return Finding.warning(
            "others can write to the folder of media, and so change what is sent", f"take that right on {PREFIX}folder"
        )
    return Finding.ok("the folder can be written, or made")


def _object_store(settings: S3Settings, threads: Threads) -> MediaStore:
    from wework_message.adapters.media.s3 import Bucket, S3MediaStore  # noqa: PLC0415 -- the client is an extra

    keys = (None if key is None else key.reveal() for key in (settings.access_key, settings.secret_key))
    return S3MediaStore(
        Bucket(settings.bucket or "", settings.prefix, settings.endpoint, settings.region, settings.path_style, *keys),
        threads,
    )
