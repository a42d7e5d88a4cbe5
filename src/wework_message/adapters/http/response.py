"""Reads answers from the bytes of one connection, as HTTP/1.1."""

from typing import Final

import httptools

from wework_message.adapters.http.exchange import LostReason
from wework_message.domain.outcomes import Reason

HEAD_CAP: Final = 16 * 1024
"""Maximum size of status line and headers, including those of informational answers, bytes."""

# Chunks of one byte, the largest framing, cost 6 bytes each; more than that is an endless extension or trailer.
_FRAMING_FACTOR: Final = 8
_FIRST_FINAL: Final = 200


class ResponseReader:
    """The state of the current answer. After `complete`, `reset` prepares the next one; a `failure` is final.

    The parser calls the `on_` methods.

    Attributes:
        status: status of the answer, valid once `complete`.
        headers: values by lower-case names.
        complete: whether the whole answer was read.
        keep_alive: valid once `complete`: the server keeps the connection, and sent nothing after the answer. (Empty
            lines directly after an answer are ignored, as HTTP allows.)
        failure: the reason why this is no answer, or `None`.
    """

    __slots__ = (
        "_body",
        "_body_size",
        "_cap",
        "_head_done",
        "_head_size",
        "_parser",
        "_wire_size",
        "complete",
        "failure",
        "headers",
        "keep_alive",
        "status",
    )

    def __init__(self, response_cap: int) -> None:
        """`response_cap`: maximum size of a body, bytes."""
        self._cap = response_cap
        self._parser = httptools.HttpResponseParser(self)
        self.reset()

    def reset(self) -> None:
        """Prepare for the next answer on the same connection."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self.keep_alive = False
        self.failure: LostReason | None = None
        self._body: list[bytes] = []
        self._body_size = self._head_size = self._wire_size = 0
        self._head_done = False

    @property
    def head_status(self) -> int | None:
        """Status of the answer, once its head was read; informational answers do not count."""
        return self.status if self._head_done and self.status >= _FIRST_FINAL else None

    @property
    def body(self) -> bytes:
        """The part of the body that was read."""
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)

    def take_body(self) -> list[bytes]:
        """The pieces of the body since the last call, for a caller that keeps none of it; they count for the cap as before."""
        pieces, self._body = self._body, []
        return pieces

    def feed(self, data: bytes) -> bool:
        """Read more bytes; true if the answer is now `complete` or there is a `failure`."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self.complete:
                self.keep_alive = False  # bytes after a complete answer spoil the connection, not the answer
            elif self.failure is None:
                self.failure = Reason.PROTOCOL
        if self.complete or self.failure is not None:
            return True
        self._wire_size += len(data)
        if self._wire_size > (HEAD_CAP + _FRAMING_FACTOR * self._cap if self._head_done else HEAD_CAP):
            self.failure = Reason.OVERSIZE
        return self.failure is not None

    def end(self) -> None:
        """The server ended the stream: this completes an answer without a length, and is a failure for any other."""
        chunked = self.headers.get("transfer-encoding", "").lower().endswith("chunked")
        if self._head_done and not chunked and "content-length" not in self.headers:
            self.complete = True
        else:
            self.failure = Reason.READ

    def on_message_begin(self) -> None:
        """A status line begins."""
        if self.complete:
            self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or a trailer was read."""
        if self.complete or self.failure is not None:
            return
        self._head_size += len(name) + len(value) + 4
        if self._head_size > HEAD_CAP:
            self.failure = Reason.OVERSIZE
        elif not self._head_done:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """The head was read."""
        if not self.complete:
            self.status = self._parser.get_status_code()
            self._head_done = True

    def on_body(self, piece: bytes) -> None:
        """A piece of the body was read, without its framing."""
        if self.complete or self.failure is not None:
            return
        self._body_size += len(piece)
        if self._body_size > self._cap:
            self.failure = Reason.OVERSIZE
            self._body.clear()
        else:
            self._body.append(piece)

    def on_message_complete(self) -> None:
        """An answer was read; it may be informational."""
        if self.complete or self.failure is not None:
            return
        if self.status >= _FIRST_FINAL:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()
        else:  # an informational answer; the parser refuses 101, which would end HTTP on this connection
            self.headers = {}
            self._head_done = False
