"""A media asset: the bytes of a file, and what is known of them. It belongs to no provider."""

from dataclasses import dataclass
from enum import StrEnum

from wework_message.domain.ids import MediaId, TenantId


class MediaState(StrEnum):
    """Whether the bytes are there; the names are API."""

    PENDING = "PENDING"
    """Its URL is fetched; messages that need it wait (`HoldReason.MEDIA`)."""
    READY = "READY"
    FAILED = "FAILED"
    """It will never be there; messages that need it fail with its reason."""


class MediaFailure(StrEnum):
    """Why an asset, or a message that needs one, failed for good; the names are API."""

    BLOCKED = "MEDIA_BLOCKED"
    """The URL, or an address of its host, is not allowed."""
    REDIRECTED = "MEDIA_REDIRECTED"
    """The URL answers with a redirect, which is never followed."""
    NOT_FOUND = "MEDIA_NOT_FOUND"
    """The URL answers another status than 200, and not one that asks to come again; or packed bytes (`Content-Encoding`)."""
    UNREACHABLE = "MEDIA_UNREACHABLE"
    """The URL did not answer, however often it was tried."""
    TOO_LARGE = "MEDIA_TOO_LARGE"
    """It has more bytes than `app.media.max-bytes`, or than its message type can have."""
    EMPTY = "MEDIA_EMPTY"
    DEFECT = "MEDIA_DEFECT"
    """The bytes are broken, or unfold to more than is decoded: a truncated picture, a decompression bomb."""
    WRONG_TYPE = "MEDIA_WRONG_TYPE"
    """The bytes are not what the message type carries: HTML instead of a picture."""
    UNREADABLE = "MEDIA_UNREADABLE"
    """What the message type needs (duration, width, height, preview) cannot be read from the bytes, and was not given."""
    GONE = "MEDIA_GONE"
    """Its bytes are not in the store any more."""
    REFUSED = "MEDIA_REFUSED"
    """The provider does not take it."""
    EXPIRED = "MEDIA_EXPIRED"
    """The provider refused its own handle again right after a new upload."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an inspector read from the bytes; None: it could not, or there is no such thing."""

    mime_type: str
    """By the bytes, never by a name or a header; `application/octet-stream` where they say nothing."""
    width: int | None = None
    """Pixels, as it is shown: a rotation in its metadata is applied."""
    height: int | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """The bytes of an asset that is READY."""

    sha256: str
    """Hex; with the tenant the key of the bytes in the store."""
    md5: str
    """Hex; providers ask for it."""
    size: int
    """Bytes, at least 1."""
    seen: Seen


@dataclass(frozen=True, slots=True)
class MediaAsset:
    """One asset. Instants are epoch ms."""

    media_id: MediaId
    tenant_id: TenantId
    state: MediaState
    created_at: int
    address_key: bytes | None
    """32 random bytes: they sign the short-lived addresses of its content. None = this process cannot read them (ADR 72)."""
    file_name: str | None = None
    """As the client named it, or the last part of its URL; 1 to 255 characters without a path."""
    url: str | None = None
    """Where it comes from, where a client named a URL; a secret may be in it, so it is shown to nobody."""
    facts: MediaFacts | None = None
    """Of a READY one."""
    failure: MediaFailure | None = None
    """Of a FAILED one."""
    preview_id: MediaId | None = None
    """Another asset: a picture of this video."""


def is_fresh(ready_at: int, created_at: int, fresh_ms: int) -> bool:
    """Whether a message that names a URL at `created_at` gets what was READY at `ready_at` (epoch ms): for `fresh_ms` after it.

    It may have become READY while the message was being stored, or by another process, whose clock is ahead. What is READY
    long after the message comes is of a clock that was set back since, and not used.
    """
    return abs(created_at - ready_at) < fresh_ms
