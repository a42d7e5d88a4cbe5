"""The ways in which a provider misbehaves at one send, and the outcomes that are true then."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wework_message.domain.outcomes import OutcomeClass


class Fault(StrEnum):
    """What goes wrong at one send. `SCRIPTS` says what the provider does, and which outcomes are true then."""

    CLOSED_UNREAD = "closed-unread"
    STALLED_UNREAD = "stalled-unread"
    STALLED_IN_BODY = "stalled-in-body"
    STALLED_AFTER_BODY = "stalled-after-body"
    CLOSED_AFTER_BODY = "closed-after-body"
    RESET_AFTER_BODY = "reset-after-body"
    HALF_ANSWER = "half-answer"
    DRIPPED_ANSWER = "dripped-answer"
    ENDLESS_ANSWER = "endless-answer"
    NOT_HTTP = "not-http"
    HTTP_500 = "http-500"
    HTTP_502 = "http-502"
    HTTP_503 = "http-503"
    THROTTLED = "throttled"
    REDIRECTED = "redirected"
    REPEATED_REQUEST = "repeated-request"
    HTML = "html"
    EMPTY = "empty"
    EMPTY_OBJECT = "empty-object"
    LIST = "list"
    NUMBER = "number"
    NOT_A_NUMBER = "not-a-number"
    NO_UTF8 = "no-utf8"
    DEEP_JSON = "deep-json"


class Read(StrEnum):
    """How much of the request the provider reads."""

    HEAD = "head"
    HALF = "half of the body"
    ALL = "all"


class Ending(StrEnum):
    """What the provider does with the connection after its answer."""

    KEEP = "keep it open for the next request"
    CLOSE = "close it"
    RESET = "reset it"
    WAIT = "say nothing more until the client closes it"
    DRIP = "send one byte after the other until the client closes it"
    POUR = "send as much as the client takes"


@dataclass(frozen=True, slots=True)
class Script:
    """What a provider with a fault does at one send."""

    outcomes: frozenset[OutcomeClass]
    """The outcomes that are true."""
    executes: bool
    """Whether it sends the message all the same."""
    read: Read = Read.ALL
    answer: Callable[[bytes, bytes], bytes] = lambda _usual, _request: b""
    """From its usual answer and the body of the request, both in whole: the bytes that it sends."""
    ending: Ending = Ending.KEEP

    @property
    def hangs(self) -> bool:
        """Whether only the deadline of the call ends it."""
        return self.ending in {Ending.WAIT, Ending.DRIP}


def http(status: str, body: bytes, *headers: str) -> bytes:
    """A whole HTTP/1.1 answer; `status` such as ``200 OK``."""
    lines = (f"HTTP/1.1 {status}", *headers, f"content-length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body


_UNCERTAIN: Final = frozenset({OutcomeClass.UNCERTAIN})
_REFUSED: Final = frozenset(
    {OutcomeClass.REFUSED_PERMANENT, OutcomeClass.REFUSED_BINDING, OutcomeClass.REFUSED_CAPABILITY}
)
_PAGE: Final = b"<!doctype html><html><body>Bad gateway</body></html>"
_HTML: Final = "content-type: text/html"
_JSON: Final = "content-type: application/json"
_DEPTH: Final = 50_000


def _lost(read: Read, ending: Ending, *, executes: bool) -> Script:
    """There is no answer: whatever the provider did, the client cannot know it."""
    return Script(_UNCERTAIN, executes, read, ending=ending)


def _answered(answer: bytes, *, executes: bool = True) -> Script:
    """A whole answer that proves nothing."""
    return Script(_UNCERTAIN, executes, answer=lambda _usual, _request: answer)


def _json(body: bytes) -> Script:
    return _answered(http("200 OK", body, _JSON))


SCRIPTS: Final[Mapping[Fault, Script]] = {
    Fault.CLOSED_UNREAD: _lost(Read.HEAD, Ending.CLOSE, executes=False),
    Fault.STALLED_UNREAD: _lost(Read.HEAD, Ending.WAIT, executes=False),
    Fault.STALLED_IN_BODY: _lost(Read.HALF, Ending.WAIT, executes=False),
    Fault.STALLED_AFTER_BODY: _lost(Read.ALL, Ending.WAIT, executes=True),
    Fault.CLOSED_AFTER_BODY: _lost(Read.ALL, Ending.CLOSE, executes=True),
    Fault.RESET_AFTER_BODY: _lost(Read.ALL, Ending.RESET, executes=True),
    Fault.HALF_ANSWER: Script(
        _UNCERTAIN, executes=True, answer=lambda usual, _: usual[: len(usual) - 2], ending=Ending.CLOSE
    ),
    Fault.DRIPPED_ANSWER: Script(
        _UNCERTAIN,
        executes=True,
        answer=lambda _usual, _request: b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n",
        ending=Ending.DRIP,
    ),
    Fault.ENDLESS_ANSWER: Script(
        _UNCERTAIN,
        executes=True,
        answer=lambda _usual, _request: b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n",
        ending=Ending.POUR,
    ),
    Fault.NOT_HTTP: Script(
        _UNCERTAIN, executes=True, answer=lambda _usual, _request: b"SSH-2.0-x\r\n\r\n", ending=Ending.CLOSE
    ),
    Fault.HTTP_500: _answered(http("500 Internal Server Error", _PAGE, _HTML), executes=False),
    Fault.HTTP_502: _answered(http("502 Bad Gateway", _PAGE, _HTML)),
    Fault.HTTP_503: _answered(http("503 Service Unavailable", _PAGE, _HTML, "retry-after: 2")),
    Fault.THROTTLED: Script(
        frozenset({OutcomeClass.THROTTLED}),
        executes=False,
        answer=lambda _usual, _request: http("429 Too Many Requests", b"", "retry-after: 2"),
    ),
    Fault.REDIRECTED: Script(
        _UNCERTAIN | _REFUSED,
        executes=False,
        answer=lambda _usual, _request: http("307 Temporary Redirect", b"", "location: /elsewhere"),
    ),
    Fault.REPEATED_REQUEST: Script(
        _UNCERTAIN | _REFUSED,
        executes=False,
        answer=lambda _usual, request: http("400 Bad Request", b"refused: " + request, "content-type: text/plain"),
    ),
    Fault.HTML: _answered(http("200 OK", _PAGE, _HTML)),
    Fault.EMPTY: _answered(http("200 OK", b"")),
    Fault.EMPTY_OBJECT: _json(b"{}"),
    Fault.LIST: _json(b"[]"),
    Fault.NUMBER: _json(b"17"),
    Fault.NOT_A_NUMBER: _json(b'{"id": NaN, "error_code": NaN, "data": NaN}'),
    Fault.NO_UTF8: _json(b'{"id": "\xff\xfe"}'),
    Fault.DEEP_JSON: _json(b"[" * _DEPTH + b"]" * _DEPTH),
}
"""Every fault. A provider that it does not concern, because it speaks no JSON, answers garbage then, and that is one too."""
