"""What a supervisor and its workers tell each other, over a pair of sockets for each worker."""

import struct
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from wework_message.adapters.observability.merged_metrics import Family


class Opened(Struct, frozen=True, tag=True):
    """The worker takes requests, or consumes."""


class Pong(Struct, frozen=True, tag=True):
    """The worker's event loop runs."""


class ScrapeRequest(Struct, frozen=True, tag=True):
    """Somebody asked the worker for the metrics."""

    number: int
    """The worker's own, returned with the answer."""


class Snapshot(Struct, frozen=True, tag=True):
    """The metrics of one worker."""

    number: int
    """That of the `SnapshotRequest`; 0 = nobody asked, the worker ends."""
    families: Sequence[Family]


class Ping(Struct, frozen=True, tag=True):
    """The worker has to answer `Pong`."""


class SnapshotRequest(Struct, frozen=True, tag=True):
    """The worker has to answer with a `Snapshot`."""

    number: int


class Scrape(Struct, frozen=True, tag=True):
    """The metrics of all workers, as Prometheus reads them."""

    number: int
    """That of the `ScrapeRequest`."""
    text: str


class Workers(Struct, frozen=True, tag=True):
    """How many of the workers work now."""

    up: int
    reason: str | None = None
    """Which one does not, and why; None = all of them work."""
    leave: bool = False
    """All of them are about to end."""


FromWorker: TypeAlias = Opened | Pong | ScrapeRequest | Snapshot
FromSupervisor: TypeAlias = Ping | SnapshotRequest | Scrape | Workers

HEAD: Final = struct.Struct("!I")
"""In front of each message: its length in bytes."""

_encode: Final = msgspec.json.Encoder().encode
read_from_worker: Final = msgspec.json.Decoder(FromWorker).decode
read_from_supervisor: Final = msgspec.json.Decoder(FromSupervisor).decode


def framed(message: FromWorker | FromSupervisor) -> bytes:
    """`message` with its length in front."""
    body = _encode(message)
    return HEAD.pack(len(body)) + body


def whole_bodies(received: bytearray) -> Iterator[bytes]:
    """The bodies of the messages that have arrived whole; they are removed from `received`."""
    while len(received) >= HEAD.size:
        (length,) = HEAD.unpack_from(received)
        if len(received) < HEAD.size + length:
            return
        body = bytes(received[HEAD.size : HEAD.size + length])
        del received[: HEAD.size + length]
        yield body
