"""Uploads to a provider. An upload is not a send: it may be repeated freely."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from wework_message.domain.ids import Guid
from wework_message.domain.media.handles import Handle, UploadKind


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: the provider fetches the bytes from `address`."""

    guid: Guid
    """An instance that is logged in; the handle is of the provider, not of this instance."""
    kind: UploadKind
    address: str = field(repr=False)
    """A URL that the provider can reach; a secret is in it, so it appears in no log and no error."""
    size: int
    md5: str


class UploadOutcome(StrEnum):
    """How an upload ended."""

    UPLOADED = "UPLOADED"
    RETRY = "RETRY"
    """Not now: no answer, throttled, instance offline, an answer that cannot be read."""
    REFUSED = "REFUSED"
    """The provider will not take these bytes as this kind."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The end of one upload."""

    outcome: UploadOutcome
    handle: Handle | None = None
    """With UPLOADED."""
    error_code: int | None = None
    """The provider's, where it answered one."""
    retry_after_ms: int | None = None
    guid_offline: bool = False
    """With RETRY: another instance may take it."""


@runtime_checkable
class MediaGateway(Protocol):
    """The uploads of one provider: a gateway that has this method takes files. No method raises.

    Uploads use connections of their own, never those of sends.
    """

    async def upload(self, upload: Upload) -> Uploaded:
        """Upload within the provider's deadline for uploads (`app.media.upload-timeout-ms`)."""
        ...
