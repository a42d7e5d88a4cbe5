"""The store of media bytes: a folder, or an object store. Nothing else of an asset is there."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from wework_message.domain.errors import WeworkMessageError
from wework_message.domain.ids import TenantId


class BlobMissingError(WeworkMessageError):
    """The store does not have these bytes."""

    code: ClassVar[str] = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class BlobKey:
    """The name of bytes in the store: equal bytes of a tenant are there once."""

    tenant_id: TenantId
    sha256: str


class MediaStore(Protocol):
    """Keeps bytes by their hash. Raises `UnavailableError` where the medium fails or is full; a put is whole or did not happen."""

    async def put(self, key: BlobKey, path: Path) -> None:
        """Keep a copy of the file at `path`, durably; nothing happens where the bytes are there already."""
        ...

    def read(self, key: BlobKey, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` to before `end`, in pieces of at most 64 KiB. Raises `BlobMissingError` before the first piece."""
        ...

    async def size(self, key: BlobKey) -> int | None:
        """How many bytes it has; None where they are not there."""
        ...

    async def delete(self, key: BlobKey) -> None:
        """Forget them; nothing happens where they are not there."""
        ...

    async def address(self, key: BlobKey, *, mime_type: str, valid_s: int) -> str | None:
        """A URL at which anybody reads them for `valid_s` seconds, with this content type; None: this store has none, the service serves them."""
        ...

    async def aclose(self) -> None:
        """Free what it holds."""
        ...


class StagedFile(Protocol):
    """Bytes on their way in: a temporary file of this process, and its hashes."""

    @property
    def path(self) -> Path:
        """Where they are, until the end of the context. Complete once `write` has returned for all of them."""
        ...

    @property
    def size(self) -> int:
        """Bytes so far."""
        ...

    @property
    def sha256(self) -> str:
        """Hex, of the bytes so far."""
        ...

    @property
    def md5(self) -> str:
        """Hex, of the bytes so far."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Add bytes. Raises `UnavailableError` where the medium is full."""
        ...


class Staging(Protocol):
    """Makes staged files. What a killed process left is removed at the next start."""

    def file(self) -> AbstractAsyncContextManager[StagedFile]:
        """An empty one; it is deleted at the end of the context. Raises `UnavailableError`."""
        ...
