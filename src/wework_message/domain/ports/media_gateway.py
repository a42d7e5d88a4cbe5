"""Uploads to a provider. An upload is not a send: it may be repeated freely."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from wework_message.domain.ids import Guid
from wework_message.domain.media.handles import UploadKind
from wework_message.domain.media.uploading import Uploaded, UploadOutcome

__all__ = ["MediaGateway", "Upload", "UploadOutcome", "Uploaded"]


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


@runtime_checkable
class MediaGateway(Protocol):
    """The uploads of one provider: a gateway that has this method takes files. No method raises.

    Uploads use connections of their own, never those of sends.
    """

    async def upload(self, upload: Upload) -> Uploaded:
        """Upload within the provider's deadline for uploads (`app.media.upload-timeout-ms`)."""
        ...
