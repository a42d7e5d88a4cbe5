"""Settings of media assets: where their bytes are, and how they come in and go out (ADR 66)."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from wework_message.bootstrap.settings.places import FolderPath, HttpUrl
from wework_message.bootstrap.settings.secrets import Secret
from wework_message.bootstrap.settings.section import Section

_Url: TypeAlias = Annotated[HttpUrl, Meta(pattern=r"^https?://[^/]+(/[A-Za-z0-9._~/-]*)?$")]
_Bucket: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$", extra={"allowed": "the name of a bucket"})
]
_Prefix: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*/)*$",
        max_length=200,
        extra={"allowed": "empty, or a path that ends with a slash, such as gateway/media/"},
    ),
]
_Region: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$", extra={"allowed": "a region such as us-east-1"})
]


class S3Settings(Section, frozen=True):
    """An object store that speaks S3; needs the extra `s3`."""

    endpoint: _Url | None = None
    """null = that of AWS in the region."""
    region: _Region = "us-east-1"
    bucket: _Bucket | None = None
    """It exists already; required where `store` is `s3`."""
    prefix: _Prefix = ""
    """Before the names of all objects."""
    path_style: bool = False
    """The bucket is in the path of an address, not in its host."""
    access_key: Secret | None = None
    """With `secret-key`; null = as the machine is set up for the client of AWS (variables, files, role)."""
    secret_key: Secret | None = None


class MediaSettings(Section, frozen=True):
    """Media assets: files that clients upload, or name by a URL."""

    store: Literal["folder", "s3"] = "folder"
    """Where the bytes are: every process of the service must reach the same ones."""
    folder: FolderPath = "var/media"
    """For the bytes (`store: folder`), and for those on their way in (`staging` in it)."""
    max_bytes: Annotated[int, Meta(ge=1, le=1_073_741_824)] = 26_214_400
    """Largest file, bytes."""
    public_url: _Url | None = None
    """How providers reach this service, with its context path; they fetch media there unless the store has addresses of its own."""
    slots: Annotated[int, Meta(ge=1, le=100)] = 4
    """Fetches and uploads in flight per process."""
    upload_timeout_ms: Annotated[int, Meta(ge=1_000, le=600_000)] = 60_000
    """Total deadline of one upload to a provider, ms."""
    fetch_timeout_ms: Annotated[int, Meta(ge=1_000, le=600_000)] = 20_000
    """Total deadline of one fetch of a client's URL, ms."""
    url_fresh_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 600
    """How long the same URL is the same asset, seconds; 0 = it is fetched for every message."""
    retention_days: Annotated[int, Meta(ge=1, le=36_500)] = 7
    """Assets are deleted so many days after their last use."""
    s3: S3Settings = S3Settings()
