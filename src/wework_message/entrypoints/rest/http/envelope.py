"""Answers as ASGI values: the envelope, encoded once, and the headers that go with it (D-23)."""

import logging
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from wework_message.domain.page import PAGE_BYTES, page_of
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.problems import FieldProblem

T = TypeVar("T")

Header: TypeAlias = tuple[bytes, bytes]

JSON_TYPE: Final = (b"content-type", b"application/json")
PROBLEM_TYPE: Final = (b"content-type", b"application/problem+json")

SAFETY: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
)
"""In every answer: a browser guesses no other type, and no page shows it in a frame. A page with a policy of its own has both."""

NO_STORE: Final[Mapping[str, str]] = {"cache-control": "no-store"}
"""Headers of an answer that is shown once: it holds a secret."""

BEGAN: Final = "wework_message.began"
"""Key of a scope: when the exchange began, s by `time.perf_counter`; the application gets to it once the event loop has the time."""

WHOLE: Final = "wework_message.answer"
"""Name of an ASGI extension of our server: it takes an `Answer` in one message of this type, and writes it at once."""

OK: Final = 200
ACCEPTED: Final = 202


class Envelope(Struct, frozen=True, kw_only=True, rename="camel"):
    """What every JSON answer of the API is wrapped in; Java's `ApiResponse` with `error` and `errors` added."""

    code: Annotated[int, Meta(ge=200, le=599)]
    """200 for every 2xx, else the HTTP status."""
    message: str
    data: Any = UNSET
    """Left out where there is none."""
    timestamp: str
    request_id: str
    success: bool
    error: str | UnsetType = UNSET
    """Stable code of an error."""
    errors: tuple[FieldProblem, ...] | UnsetType = UNSET


PROBLEM_NAMES: Final = "urn:wework-message:problem:"
"""A problem's type (RFC 9457 section 3.1.1) is this and the code, whose heading in docs/problems.md explains it."""


class Problem(Struct, frozen=True, kw_only=True, rename="camel"):
    """The same error as RFC 9457, for clients that accept `application/problem+json`."""

    type: str
    """`PROBLEM_NAMES` and the stable code."""
    title: str
    status: int
    detail: str
    error: str
    errors: tuple[FieldProblem, ...] | UnsetType = UNSET
    timestamp: str
    request_id: str
    data: Any = UNSET


MAX_ITEM_BYTES: Final = PAGE_BYTES - 1_024
"""Bytes of the items of one list; the envelope has the rest of the page."""

MAX_DEPTH: Final = 32
"""Deepest nesting of an answer that cannot be written as it is."""

_encode: Final = msgspec.json.Encoder().encode
_log: Final = logging.getLogger(__name__)


class Answer:
    """A whole answer as an ASGI application that sends it."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Iterable[Header] = (JSON_TYPE,)) -> None:
        """`headers` without the length, which is added."""
        self.status = status
        self.body = body
        self.headers = [*headers, (b"content-length", b"%d" % len(body))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI
        """Send it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def encode(value: object) -> bytes:
    """`value` as JSON. Never raises: what it describes is committed, so a value that has no JSON is left out and logged."""
    try:
        return _encode(value)
    except Exception as error:  # noqa: BLE001 -- whatever a stored row holds
        _log.error("an answer holds a value that has no JSON: %s", type(error).__name__)
        return _encode(_plain(value, MAX_DEPTH))


def fitting_items(answers: Iterable[object]) -> list[Any]:
    """The first of the answers, as many as a list has room for, at least one; encoded already."""
    encoded, fit = page_of(map(encode, answers), len, limit=MAX_ITEM_BYTES)
    return [Raw(item) for item in encoded[:fit]]


def _plain(value: object, depth: int) -> object:
    """`value` with null for everything in it that has no JSON, or lies deeper than `depth`."""
    if depth == 0:
        return None
    if isinstance(value, Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {
            name: _plain(getattr(value, field), depth - 1)
            for name, field in names
            if getattr(value, field) is not UNSET
        }
    if isinstance(value, Mapping):
        return {str(_plain(name, 1)): _plain(entry, depth - 1) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, depth - 1) for entry in value]
    try:
        _encode(value)
    except Exception:  # noqa: BLE001 -- as in `encode`
        return None
    return value


def request_id_of(scope: Scope) -> str:
    """The id of this request, which the edge has taken or made."""
    request_id: str = scope["state"]["request_id"]
    return request_id


def enveloped(
    scope: Scope, data: Any, *, now: int, status: int = OK, message: str = "success", headers: Iterable[Header] = ()
) -> Answer:
    """A good answer with `data` in the envelope; `now` is epoch ms."""
    envelope = Envelope(
        code=OK, message=message, data=data, timestamp=iso(now), request_id=request_id_of(scope), success=True
    )
    return Answer(status, encode(envelope), (JSON_TYPE, *headers))


class Enveloped(Response[T]):
    """What a handler returns, in the envelope: its result, or this itself where the answer has a status or headers."""

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **options: Any) -> ASGIResponse:  # noqa: ARG002 -- Litestar's signature
        """Encode the envelope with this request's id and the time."""
        status = self.status_code or options["status_code"]
        answer = enveloped(request.scope, self.content, now=request.app.state.now(), status=status)
        return ASGIResponse(body=answer.body, headers=self.headers, media_type="application/json", status_code=status)
