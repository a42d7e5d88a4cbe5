"""A client's server: it takes every webhook, verifies it, and answers 200. As a process of its own.

    python -m bench.receiver [--answer-after-ms N] [--keep FILE]

Prints its port. Each path is a receiver by itself. `POST /-/secret/PATH` with `whsec_...` says what signs there; `GET /-/seen/PATH` answers what came since
the last `POST /-/forget/PATH`. With `--keep`, each delivery is a line of FILE before it is answered.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import httptools
import uvloop

from wework_message.domain.signatures import SignatureCheck, SigningSecret, check_signature

CONTROL: Final = "/-/"
_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


@dataclass(slots=True)
class Seen:
    """What came to one path."""

    requests: int = 0
    events: int = 0
    """Different ids."""
    unverified: int = 0
    first_ns: int = 0
    last_ns: int = 0


class Receiver:
    """All paths."""

    def __init__(self, keep: BinaryIO | None = None) -> None:
        self._keep = keep
        self._secrets: dict[str, SigningSecret] = {}
        self._seen: defaultdict[str, Seen] = defaultdict(Seen)
        self._ids: defaultdict[str, set[str]] = defaultdict(set)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        now_ns, seen, ids = time.time_ns(), self._seen[path], self._ids[path]
        check = check_signature((self._secrets[path],), headers, now_ns // 1_000_000, body)
        verified = check is SignatureCheck.VERIFIED
        ids.add(headers["webhook-id"])
        seen.requests += 1
        seen.events = len(ids)
        seen.unverified += not verified
        seen.first_ns, seen.last_ns = seen.first_ns or now_ns, now_ns
        if self._keep is not None:
            line = {"id": headers["webhook-id"], "verified": verified, "body": body.decode()}
            self._keep.write(json.dumps(line).encode() + b"\n")

    def control(self, what: str, path: str, body: bytes) -> bytes:
        if what == "secret":
            self._secrets[path] = SigningSecret.parse(body.decode())
        elif what == "forget":
            self._seen.pop(path, None)
            self._ids.pop(path, None)
        return json.dumps(asdict(self._seen[path])).encode()


class Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver, answer_after_s: float) -> None:
        self._receiver, self._answer_after_s = receiver, answer_after_s
        self._parser: Any = httptools.HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self._path, self._body = "", b""
        self._headers: dict[str, str] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, headers, body = self._path, self._headers, self._body
        self._begin()
        if path.startswith(CONTROL):
            what, _, of = path.removeprefix(CONTROL).partition("/")
            self._answer(self._receiver.control(what, f"/{of}", body))
            return
        self._receiver.take(path, headers, body)
        if self._answer_after_s:
            asyncio.get_running_loop().call_later(self._answer_after_s, self._answer, b"{}")
        else:
            self._answer(b"{}")

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():  # whoever waited for it may have been killed
            self._transport.write(_ANSWER % (len(body), body))


async def serve(answer_after_ms: int, keep: Path | None) -> None:
    kept = None if keep is None else keep.open("ab", buffering=0)
    receiver = Receiver(kept)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(receiver, answer_after_ms / 1_000), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> int:
    parser = argparse.ArgumentParser(description="A client's server of webhooks")
    parser.add_argument("--answer-after-ms", type=int, default=0, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.answer_after_ms, arguments.keep))
    return 0


if __name__ == "__main__":
    sys.exit(main())
