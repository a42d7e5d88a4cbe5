"""A receiver of webhooks on a developer's machine: it verifies what comes, and hands over what to print."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock
from typing import Any, Final

import msgspec

from wework_message.domain.signatures import ID_HEADER, SignatureCheck, SigningSecret, check_signature

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
IDLE_S: Final = 60
"""Seconds for which a connection may wait for bytes."""
NOT_VERIFIED: Final = 401
"""The answer to a request that does not verify, as a receiver should give it."""

_EXCERPT: Final = ("messageId", "status", "sequence")


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """One request, as far as it can be read."""

    check: SignatureCheck
    webhook_id: str | None
    type: str | None
    message_id: str | None
    status: str | None
    sequence: int | None
    answered: int
    body: str
    """Message content."""

    @property
    def verified(self) -> bool:
        """Whether it comes from who knows the secret."""
        return self.check is SignatureCheck.VERIFIED


class WebhookReceiver(ThreadingTCPServer):
    """Answers every POST, on any path; `show` gets one event at a time."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        secrets: Sequence[SigningSecret],
        answer: int,
        show: Callable[[ReceivedEvent], None],
    ) -> None:
        """Listens at once. `answer` is the status for requests that verify. Raises `OSError` where it cannot listen."""
        super().__init__(address, _Handler)
        self._secrets = secrets
        self._answer = answer
        self._show = show
        self._lock = Lock()

    @property
    def url(self) -> str:
        """Where to send events to."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/"

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        """Verify and show one request; `headers` have names in lower case. Returns the status to answer."""
        check = check_signature(self._secrets, headers, time.time_ns() // 1_000_000, body)
        status = self._answer if check is SignatureCheck.VERIFIED else NOT_VERIFIED
        event = _event(check, headers.get(ID_HEADER), status, body)
        with self._lock:
            self._show(event)
        return status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "wework-message"
    timeout = IDLE_S
    server: WebhookReceiver

    def do_POST(self) -> None:
        """One event."""
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            self._answer(411, close=True)
        elif int(length) > MAX_BODY_BYTES:
            self._answer(413, close=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._answer(self.server.receive({name.lower(): value for name, value in self.headers.items()}, body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's own name
        """Nothing: each event has its line."""

    def _answer(self, status: int, *, close: bool = False) -> None:
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            self.send_header("content-length", "0")
            if close:
                self.send_header("connection", "close")
            self.end_headers()


def _event(check: SignatureCheck, webhook_id: str | None, answered: int, body: bytes) -> ReceivedEvent:
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        document = None
    fields: dict[str, Any] = document if isinstance(document, dict) else {}
    data = fields.get("data")
    message_id, status, sequence = ((data if isinstance(data, dict) else {}).get(name) for name in _EXCERPT)
    return ReceivedEvent(
        check, webhook_id, _text(fields.get("type")), _text(message_id), _text(status),
        sequence if isinstance(sequence, int) else None, answered, body.decode("utf-8", "replace"),
    )  # fmt: skip


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
