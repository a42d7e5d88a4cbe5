"""The act about files: one that is uploaded and one behind a URL, each sent to many customers, and uploaded to the provider once."""

import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import msgspec

from wework_message.demo.play import SETTLE_S, message_ids
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.commands.messages import MESSAGES

GUID: Final = "demo-files"
CUSTOMERS: Final = 15
"""Customers that get each file."""
SETTINGS: Final[Mapping[str, str]] = {"APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.1/32"}
"""The service may fetch from the server of this act, which is in loopback."""

_SIDE: Final = 16
_UPLOADS: Final = "/cloud/"
_RESTING: Final = frozenset({"DELIVERED", "UNKNOWN", "FAILED", "EXPIRED"})


@dataclass(slots=True)
class SentFiles:
    """What the act sent and saw."""

    conversations: dict[str, str] = field(default_factory=dict)
    """Message id -> its conversation, which no other message has."""
    statuses: dict[str, str] = field(default_factory=dict)
    fetches: int = 0
    """How often the service fetched the file behind the URL."""
    ledger: list[dict[str, Any]] = field(default_factory=list)
    """What the instance of this act did, oldest first."""


def send_files(client: ServiceClient, advance: Callable[[int], None]) -> SentFiles:
    """Send both files; `advance` is called with the number of messages at rest. Raises as `ServiceClient`."""
    sent = SentFiles()
    with _file_server(_picture(0x30), sent) as url:
        uploaded = client.data("POST", "/api/media", files={"file": ("menu.png", _picture(0xC0))})
        for number in range(2 * CUSTOMERS):
            named = {"mediaId": uploaded["mediaId"]} if number % 2 else {"url": url}
            _send(client, sent, number, named)
        _rest(client, sent, advance)
    return sent


def differences_of_files(sent: SentFiles) -> list[str]:
    """Every difference, one sentence each; empty = each file was uploaded once, and nobody got anything twice."""
    return [*_of_uploads(sent), *_of_messages(sent)]


def verdict_of_files(sent: SentFiles) -> str:
    """What was shown."""
    return (
        f"{len(sent.conversations)} pictures of 2 files: each file was uploaded to the provider once,"
        " and the one behind a URL was fetched once."
    )


def _of_uploads(sent: SentFiles) -> Iterator[str]:
    uploads = [entry for entry in sent.ledger if entry["path"].startswith(_UPLOADS)]
    if len(uploads) != 2:  # noqa: PLR2004 -- the two files
        yield f"the ledger has {len(uploads)} uploads of 2 files"
    if sent.fetches != 1:
        yield f"the file behind the URL was fetched {sent.fetches} times"


def _of_messages(sent: SentFiles) -> Iterator[str]:
    handles = {entry["upload"]["file_id"] for entry in sent.ledger if entry["upload"]}
    for message_id, place in sent.conversations.items():
        status = sent.statuses.get(message_id)
        calls = [entry for entry in sent.ledger if entry["executed"] and entry["conversationId"] == place]
        if status != "DELIVERED":
            yield f"the picture to {place} is {status}, expected DELIVERED: {message_id}"
        if len(calls) != 1:
            yield f"the picture to {place} was sent {len(calls)} times, expected once: {message_id}"
        if not all(_names_one_of(call["body"], handles) for call in calls):
            yield f"the picture to {place} names no file that was uploaded: {message_id}"


def _names_one_of(body: Any, handles: set[str]) -> bool:
    text = msgspec.json.encode(body).decode()
    return any(handle in text for handle in handles)


def _send(client: ServiceClient, sent: SentFiles, number: int, named: Mapping[str, str]) -> None:
    size = {"imageWidth": _SIDE, "imageHeight": _SIDE}  # read from the file where the extra `media` is installed
    body = {"guid": GUID, "conversationId": f"S:7881303{number:09d}", "messageType": "IMAGE"} | size | dict(named)
    answer = client.request("POST", f"{MESSAGES}/send/async", body=msgspec.json.encode(body))
    ids = message_ids(answer)
    if not ids:
        raise answer.failure()
    sent.conversations[ids[0]] = str(body["conversationId"])


def _rest(client: ServiceClient, sent: SentFiles, advance: Callable[[int], None]) -> None:
    """Wait until every message rests, or for `SETTLE_S`."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        items, _ = client.pages(MESSAGES, {"guid": GUID}, limit=1_000)
        sent.statuses = {item["messageId"]: item["status"] for item in items}
        resting = sum(status in _RESTING for status in sent.statuses.values())
        advance(resting)
        if resting >= len(sent.conversations):
            return
        time.sleep(0.05)


@contextmanager
def _file_server(file: bytes, sent: SentFiles) -> Iterator[str]:
    """A server in loopback with one file, which counts in `sent` how often it is fetched; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent.fetches += 1
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.send_header("content-length", str(len(file)))
            self.end_headers()
            self.wfile.write(file)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/photo.png"
        finally:
            server.shutdown()
            thread.join()


def _picture(shade: int) -> bytes:
    """A grey PNG."""
    rows = (b"\0" + bytes([shade]) * _SIDE) * _SIDE
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
