"""Reads from bytes what a message needs to know of them."""

from pathlib import Path
from typing import ClassVar, Protocol

from wework_message.domain.errors import WeworkMessageError
from wework_message.domain.media.asset import Seen


class MediaDefectError(WeworkMessageError):
    """The bytes begin as a known type, and are broken, or unfold to more than is decoded."""

    code: ClassVar[str] = "VALIDATION_FAILED"


class MediaInspector(Protocol):
    """Looks at a file. It runs in threads or processes of its own, within bounds of memory and time."""

    async def inspect(self, path: Path) -> Seen:
        """What the bytes are. Bytes of no known type are `application/octet-stream`.

        Raises `MediaDefectError`, and `UnavailableError` where no process can be started: that says nothing of the bytes.
        """
        ...

    async def preview(self, path: Path) -> bytes | None:
        """A JPEG, at most 480 pixels long, of an early picture of the video at `path` that is not black.

        None where no decoder is installed, or it cannot be read.
        """
        ...

    async def aclose(self) -> None:
        """Free what it holds; it may be called without a file before."""
        ...
