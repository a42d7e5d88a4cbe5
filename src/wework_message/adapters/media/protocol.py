"""What the service and its child processes say to each other, a line of JSON each, and the limits of a request."""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

READY: Final = b"ready\n"
"""The first line of a child."""

WALL_S: Final = 60.0
"""How long a child may look at one file."""
CPU_S: Final = 20
"""Of which on a processor."""
MEMORY_BYTES: Final = 768 * 1024 * 1024
"""Address space on top of what the libraries have: a picture of 64 million pixels takes about 400 MB."""
LIBRARY_BYTES: Final = 256 * 1024 * 1024
"""Address space of the libraries that are imported for the first file that needs them."""
MAX_ANSWER: Final = 4 * 1024 * 1024
"""Bytes; a preview has less than 1 MiB."""

Count = Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class Request(msgspec.Struct, frozen=True):
    """What to do with which file."""

    do: Literal["inspect", "preview"]
    path: str


class SeenFields(msgspec.Struct, frozen=True):
    """A `Seen`."""

    mime_type: Annotated[str, msgspec.Meta(pattern=r"\A[a-z]+/[a-z0-9.+-]{1,80}\Z")]
    width: Count | None = None
    height: Count | None = None
    duration_ms: Count | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Its result: one of the fields, or none for a preview that cannot be made."""

    seen: SeenFields | None = None
    preview: bytes | None = None
    defect: bool = False
    """The bytes are broken."""
    missing: bool = False
    """The file cannot be opened: that says nothing of its bytes."""


def line_of(message: Request | Answer) -> bytes:
    """The message, ready to be written."""
    return msgspec.json.encode(message) + b"\n"


def request_of(line: bytes) -> tuple[str, Path]:
    """Raises `ValueError`."""
    request = msgspec.json.decode(line, type=Request)
    return request.do, Path(request.path)


def answer_of(line: bytes) -> Answer:
    """Of a process that strangers may have taken over: only what an answer can be. Raises `ValueError`."""
    return msgspec.json.decode(line, type=Answer)
