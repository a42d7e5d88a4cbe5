"""The handles that uploads have answered: which exist, which have expired, and what sends may name."""

import random
import time
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from wework_message.simulator.answers import Json, failure
from wework_message.simulator.files.fetching import Fetched
from wework_message.simulator.ledger import Entry
from wework_message.simulator.options import SimulatorOptions

Kind = Literal["COVER", "IMAGE", "VIDEO", "FILE", "BIG", "PREVIEW", "PICTURE_URL", "OTHER"]

_URL_KINDS: Final = frozenset({"PREVIEW", "PICTURE_URL"})
_FILE_TYPES: Final[dict[Kind, int]] = {"COVER": 1, "IMAGE": 2, "VIDEO": 4, "FILE": 5}
_BLOCK: Final = 16
"""Sizes inside a file_id are padded to a multiple of it."""


class Handle(msgspec.Struct):
    """One upload. It has a `file_id`, or for previews and pictures of mass sends a `url`."""

    kind: Kind
    md5: str
    sha256: str
    bytes: int
    file_id: str = ""
    aes_key: str = ""
    url: str = ""
    sends: int = 0
    """How many sends have named it."""
    has_expired: bool = False

    @property
    def name(self) -> str:
        """Under which it is known."""
        return self.file_id or self.url


class Handles:
    """All handles, of whatever account: nothing says that one account cannot use those of another (assumed)."""

    def __init__(self, options: SimulatorOptions, random_source: random.Random) -> None:
        self._options = options
        self._random_source = random_source
        self._by_name: dict[str, Handle] = {}

    def make(self, kind: Kind, file: Fetched) -> Handle:
        """A new handle of these bytes; the same bytes have another one each time (assumed)."""
        handle = Handle(kind, file.md5, file.sha256, file.size)
        token = f"{self._random_source.getrandbits(128):032x}"
        if kind in _URL_KINDS:
            handle.url = f"https://wework.qpic.cn/wwpic/{token}/0"
        else:
            handle.file_id = file_id(int(time.time()), token, file, _FILE_TYPES.get(kind, 0))
            handle.aes_key = "" if kind == "BIG" else f"{self._random_source.getrandbits(128):032x}"
        self._keep(handle)
        return handle

    def restore(self, entry: Entry) -> None:
        """Keep the handle of an upload of an earlier run."""
        if entry.upload is not None:
            self._keep(msgspec.convert(entry.upload, Handle))

    def expire(self, name: str | None) -> int:
        """Let the handle with this file_id or URL expire, None: all that are there; returns how many did."""
        handles = [
            handle
            for handle in self._by_name.values()
            if name in (None, handle.file_id, handle.url) and not handle.has_expired
        ]
        for handle in handles:
            handle.has_expired = True
        return len(handles)

    def refuse(self, path: str, body: Json) -> Json | None:
        """The refusal of a send that names an expired file, or with `strict_media` one that no upload has answered.

        None: it may be sent, and counts for `handle_sends`.
        """
        named = [(self._by_name.get(name), aes_key) for name, aes_key in _named(path, body)]
        if any(handle is not None and handle.has_expired for handle, _ in named):
            return failure(self._options.expired_code, "file expired")
        if self._options.strict_media and any(
            handle is None or (aes_key is not None and aes_key != handle.aes_key) for handle, aes_key in named
        ):
            return failure(self._options.media_code, "file not exist")
        for handle in {id(handle): handle for handle, _ in named if handle is not None}.values():
            handle.sends += 1
            handle.has_expired = 0 < self._options.handle_sends <= handle.sends
        return None

    def _keep(self, handle: Handle) -> None:
        """The oldest is forgotten beyond `remember_messages`."""
        self._by_name[handle.name] = handle
        if len(self._by_name) > self._options.remember_messages:
            del self._by_name[next(iter(self._by_name))]


def _named(path: str, body: Json) -> Iterator[tuple[str, str | None]]:
    """The files that a send names, with the key that it gives, if it gives one."""
    if path == "/msg/send_gif_url" and isinstance(url := body.get("url"), str):
        yield url, None
    yield from _inside(body)


def _inside(value: object) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, list):
        for entry in value:
            yield from _inside(entry)
    elif isinstance(value, dict):
        aes_key = value.get("aes_key")
        for name in ("file_id", "preview_image_url"):
            if isinstance(named := value.get(name), str) and named:
                yield named, aes_key if name == "file_id" and isinstance(aes_key, str) else None
        if "thumb_width" in value and isinstance(named := value.get("image_url"), str):
            yield named, None
        for inner in value.values():
            yield from _inside(inner)


def file_id(at_s: int, token: str, file: Fetched, file_type: int) -> str:
    """Hex of a DER sequence of time, id, padded size, md5, type and 0, as in the file ids that the vendor has printed."""
    padded = -(-file.size // _BLOCK) * _BLOCK
    content = b"".join(
        (
            _integer(at_s), _der(0x04, token.encode()), _integer(padded), _der(0x04, bytes.fromhex(file.md5)),
            _integer(file_type), _integer(0),
        )
    )  # fmt: skip
    return _der(0x30, content).hex()


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    """One value; all of ours are shorter than 128 bytes."""
    return bytes((tag, len(content))) + content
