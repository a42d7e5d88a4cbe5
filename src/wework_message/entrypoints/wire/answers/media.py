"""The `data` of answers about media assets."""

from msgspec import Struct

from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.ports.media_reader import MadeHandle, MediaView
from wework_message.entrypoints.wire.instants import iso


class MediaHandle(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a provider calls the asset's bytes."""

    provider_code: str
    kind: str
    """As what they were uploaded: IMAGE, VIDEO, VOICE, FILE, BIG, COVER, PREVIEW or PICTURE_URL."""
    file_id: str
    """Empty where the provider gives a URL alone."""
    expires_at: str | None = None
    """Null: no provider says."""


class MediaAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """One asset."""

    media_id: str
    state: str
    """PENDING while its URL is fetched, READY, or FAILED."""
    sha256: str | None
    """Hex; this and what follows is null until the asset is READY."""
    size: int | None
    """Bytes."""
    mime_type: str | None
    """By the bytes."""
    width: int | None
    """Pixels; null where there is no such thing, or it cannot be read."""
    height: int | None
    duration_seconds: float | None
    file_name: str | None
    reason: str | None
    """Why it FAILED."""
    handles: tuple[MediaHandle, ...]
    content_url: str | None
    """Where the bytes are read, as this client reaches the service."""
    created_at: str


class MediaPage(Struct, frozen=True, rename="camel"):
    """Newest first."""

    items: tuple[MediaAnswer, ...]
    next_cursor: str | None


class DeletedMedia(Struct, frozen=True, kw_only=True, rename="camel"):
    """An asset that is gone."""

    media_id: str
    deleted: bool = True


def content_path(asset: MediaAsset) -> str:
    """Where the content of an asset is, below the context path."""
    return f"/api/media/{asset.media_id}/content"


def media_answer(view: MediaView, content_url: str) -> MediaAnswer:
    """One asset; `content_url` is that of its content, which it has once it is READY."""
    asset, facts = view.asset, view.asset.facts
    seen = None if facts is None else facts.seen
    return MediaAnswer(
        media_id=asset.media_id,
        state=asset.state.value,
        sha256=None if facts is None else facts.sha256,
        size=None if facts is None else facts.size,
        mime_type=None if seen is None else seen.mime_type,
        width=None if seen is None else seen.width,
        height=None if seen is None else seen.height,
        duration_seconds=None if seen is None or seen.duration_ms is None else seen.duration_ms / 1000,
        file_name=asset.file_name,
        reason=None if asset.failure is None else asset.failure.value,
        handles=tuple(map(_handle, view.handles)),
        content_url=None if facts is None else content_url,
        created_at=iso(asset.created_at),
    )


def _handle(handle: MadeHandle) -> MediaHandle:
    return MediaHandle(provider_code=handle.provider_code, kind=handle.kind.value, file_id=handle.file_id)
