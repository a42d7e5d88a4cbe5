"""Handles: the names under which a provider has an asset's bytes, one for each kind of upload."""

from dataclasses import dataclass
from enum import StrEnum

from wework_message.domain.ids import ProviderCode, TenantId


class UploadKind(StrEnum):
    """As what a provider takes bytes; one file can have a handle of each kind."""

    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    """A video of at most `BIG_FILE_BYTES`."""
    VOICE = "VOICE"
    FILE = "FILE"
    """A file of at most `BIG_FILE_BYTES`."""
    BIG = "BIG"
    """A file or a video above `BIG_FILE_BYTES`."""
    COVER = "COVER"
    """The cover of a mini program."""
    PREVIEW = "PREVIEW"
    """The preview picture of a big video: it gets a URL."""
    PICTURE_URL = "PICTURE_URL"
    """A picture that is named by a URL of the provider: in mass sends, and GIFs."""


@dataclass(frozen=True, slots=True)
class HandleKey:
    """What one handle is of; equal bytes of a tenant share it, whichever assets have them."""

    tenant_id: TenantId
    sha256: str
    provider_code: ProviderCode
    kind: UploadKind


@dataclass(frozen=True, slots=True)
class Handle:
    """What the provider answered to an upload; what it did not name is empty."""

    file_id: str = ""
    aes_key: str = ""
    """Empty for `BIG`, `PREVIEW` and `PICTURE_URL`."""
    md5: str = ""
    """As the provider named it, else that of the bytes."""
    size: int = 0
    """Bytes, as the provider named it, else that of the bytes."""
    url: str = ""
    """For `PREVIEW` and `PICTURE_URL`."""
