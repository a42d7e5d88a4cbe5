"""What the OpenAPI document has to know about a route, beside what it does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from litestar import Request

from wework_message.entrypoints.rest.api import Api
from wework_message.entrypoints.rest.envelope import Answer

Handler: TypeAlias = Callable[[Api, Request[Any, Any, Any]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or request header."""

    name: str
    text: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one path, below the context path."""

    method: str
    path: str
    """In Litestar's spelling, such as ``/api/messages/{message_id:str}``."""
    handle: Handler
    tag: str = ""
    """Empty: not in the document (the document itself and its pages)."""
    summary: str = ""
    answers: Mapping[int, Any] = field(default_factory=dict)
    """Type of `data` by status; several types as a tuple."""
    errors: tuple[int, ...] = ()
    """Statuses of errors beside those that every route has."""
    body: str | None = None
    """`send`, `batch` or `callback`."""
    parameters: tuple[Parameter, ...] = ()
    enveloped: bool = True
    hot: bool = False
    """A POST at a fixed path that every message or echo passes: the edge calls its handler without a detour."""
    media_type: str = "application/json"


def integer(least: int, most: int, default: int) -> dict[str, Any]:
    """JSON schema of an integer parameter."""
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


KEY: Final = Parameter(
    "Idempotency-Key",
    "The same key with the same request answers the same id; with another request 409. As `clientMessageId` in the body.",
    {"type": "string", "minLength": 1, "maxLength": 255},
    "header",
)
PREFER: Final = Parameter("Prefer", "`wait=N`: seconds to wait for the outcome, at most 30.", place="header")
CURSOR: Final = Parameter("cursor", "`nextCursor` (or `X-Next-Cursor`) of the page before.")
