"""Query parameters that several routes have, and the refusals of bad ones: each problem names its parameter."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode

from litestar import Request
from litestar.exceptions import ValidationException
from litestar.handlers.base import BaseRouteHandler
from litestar.params import PathParameter, QueryParameter
from litestar.typing import FieldDefinition

from wework_message.entrypoints.rest.http.paths import decoded
from wework_message.entrypoints.wire.instants import InstantRange, read_instant, with_zone
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, RequestRejected

_Row = TypeVar("_Row")
_Item = TypeVar("_Item")

_UUIDISH: Final = re.compile(r"[0-9A-Za-z-]{1,64}")

_CURSOR: Final = re.compile("[A-Za-z0-9_-]{2,1360}")
"""Of a text of `MAX_TEXT` characters at most."""

NO_PARAMETERS: Final = {"takes_no_query": True}
"""`opt` of a route without query parameters that refuses any; other such routes ignore them."""

Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=100, description="Items of one page.")]
Cursor: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        description="`nextCursor` (or `X-Next-Cursor`) of the page before; a list ends where there is none.",
        schema_extra={"pattern": f"^{_CURSOR.pattern}$"},
    ),
]
MAX_TEXT: Final = 255
"""The longest text of a parameter, in characters."""
TEXT_SCHEMA: Final[dict[str, Any]] = {"minLength": 1, "maxLength": MAX_TEXT}
"""What the document can say of `checked_text`; its characters are printable ones."""
INSTANT_SCHEMA: Final[dict[str, Any]] = {"format": "date-time"}
NAME_SCHEMA: Final[dict[str, Any]] = {"pattern": "^[!-~]{1,255}$"}
Name: TypeAlias = Annotated[str, PathParameter(schema_extra=NAME_SCHEMA)]
"""An id or code in a path. Nothing has another one, so it is not looked at: what is asked for does not exist."""
GuidName: TypeAlias = Annotated[str, PathParameter(schema_extra=TEXT_SCHEMA)]
"""A guid of callbacks in a path, for `checked_text`."""


def checked_text(name: str, value: str | None, *, max_length: int = MAX_TEXT) -> str | None:
    """The value of a query parameter; raises `RequestRejected` (422) unless it has 1 to `max_length` printable characters."""
    if value is not None and not (0 < len(value) <= max_length and value.isprintable()):
        raise bad_parameter(name, f"must have 1 to {max_length} printable characters")
    return value


def instant_parameter(name: str, text: str, allowed: InstantRange) -> int:
    """The instant in a query parameter as epoch ms; raises `RequestRejected` (422) for any other text."""
    if allowed.zone is not None:
        text = with_zone(text, allowed.zone)
    try:
        # A plus that was not escaped arrives as a space; an instant has no other space before its zone.
        return read_instant(text.replace(" ", "+"), allowed)
    except ValueError as problem:
        raise bad_parameter(name, str(problem)) from None


def cursor_text(cursor: str | None) -> str | None:
    """The id within a cursor of `next_cursor`; raises `RequestRejected` (422) for any other text."""
    value = cursor_name(cursor)
    if value is not None and not _UUIDISH.fullmatch(value):
        raise bad_parameter("cursor", _BAD_CURSOR)
    return value


def cursor_number(cursor: str | None) -> int | None:
    """The number within a cursor of `next_cursor`; raises `RequestRejected` (422) for any other text."""
    value = cursor_text(cursor)
    if value is None:
        return None
    if not value.isdigit() or len(value) > 18:  # noqa: PLR2004 -- fits into a database integer
        raise bad_parameter("cursor", _BAD_CURSOR)
    return int(value)


_BAD_CURSOR: Final = "must be a cursor of an earlier answer"


def cursor_name(cursor: str | None) -> str | None:
    """The guid or account id within a cursor of `next_cursor`; raises `RequestRejected` (422) for any other text."""
    if cursor is None:
        return None
    try:
        value = (
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode() if _CURSOR.fullmatch(cursor) else ""
        )
    except (binascii.Error, ValueError):
        value = ""
    if not (0 < len(value) <= MAX_TEXT and value.isprintable()):
        raise bad_parameter("cursor", _BAD_CURSOR)
    return value


def next_cursor(last: str | int) -> str:
    """An opaque cursor for the items after `last`."""
    return base64.urlsafe_b64encode(str(last).encode()).rstrip(b"=").decode()


def items_of(
    rows: Sequence[_Row], limit: int, answer: Callable[[_Row], _Item], id_of: Callable[[_Item], str]
) -> tuple[tuple[_Item, ...], str | None]:
    """The items of a page, and the cursor of the next one; `rows` are at most one more than the page has."""
    items = tuple(map(answer, rows[:limit]))
    return items, next_cursor(id_of(items[-1])) if len(rows) > limit else None


def bad_parameter(name: str, message: str) -> RequestRejected:
    """A 422 that names a parameter."""
    return _bad(name, ProblemCode.INVALID_VALUE, message)


def missing_parameter(name: str, message: str) -> RequestRejected:
    """A 422 that names a parameter, which is required."""
    return _bad(name, ProblemCode.REQUIRED, message)


def _bad(name: str, code: ProblemCode, message: str) -> RequestRejected:
    problem = FieldProblem(name, code, message)
    return RequestRejected(422, "VALIDATION_FAILED", f"{problem.path} {message}", (problem,))


async def check_parameters(request: Request[Any, Any, Any]) -> None:
    """Before a handler. Raises `RequestRejected` (422) for a parameter that is unknown (it may be a misspelt filter), missing, given twice, or misspelt.

    Cuts leading zeros off integers: Litestar, which binds them afterwards, would refuse ``limit=05``. Decodes the
    parameters of the path, which Litestar has routed as it was written.
    """
    request.scope["path_params"] = decoded(request.scope["path_params"])
    handler = request.route_handler
    parameters = query_parameters(handler)
    if not parameters and not handler.opt.get("takes_no_query"):
        return
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    canonical: list[tuple[str, str]] = []
    for name, value in pairs:
        field = parameters.get(name)
        if field is None:
            raise _bad(name, ProblemCode.UNKNOWN_FIELD, "is not a known parameter")
        spelling = _SPELLINGS.get(field.annotation)
        if spelling is not None and not spelling.fullmatch(value):
            raise bad_parameter(name, _expectation(field))
        canonical.append((name, str(int(value)) if field.annotation is int else value))
    present = dict(pairs)
    for name, field in parameters.items():
        if field.is_required and name not in present:
            raise _bad(name, ProblemCode.REQUIRED, "is required")
    if len(present) < len(pairs):
        raise bad_parameter(pairs[-1][0], "must be given once")
    if canonical != pairs:
        request.scope["query_string"] = urlencode(canonical).encode("ascii")


_BOOLEANS: Final = (bool, bool | None)

_SPELLINGS: Final[Mapping[Any, re.Pattern[str]]] = {
    **dict.fromkeys(_BOOLEANS, re.compile("true|false")),
    int: re.compile("[0-9]{1,9}"),
}
"""Litestar would also read 1 as true and 1e1 as 10."""


@cache
def query_parameters(handler: BaseRouteHandler) -> Mapping[str, FieldDefinition]:
    """The query parameters that a route binds, also through its dependencies, by their names in the request."""
    signatures = [handler.parsed_fn_signature]
    signatures += [provider.parsed_fn_signature for provider in handler.resolve_dependencies().values()]
    fields = [field for signature in signatures for field in signature.parameters.values()]
    return {
        field.kwarg_definition.name or field.name: field
        for field in fields
        if isinstance(field.kwarg_definition, QueryParameter)
    }


def unbound(request: Request[Any, Any, Any], error: ValidationException) -> RequestRejected:
    """The parameter that Litestar could not bind, as a problem in our words, which never contain the value."""
    extra = error.extra if isinstance(error.extra, list) else []
    for name, field in query_parameters(request.route_handler).items():
        if any(problem.get("key") == field.name for problem in extra):
            return bad_parameter(name, _expectation(field))
    return RequestRejected(400, "INVALID_REQUEST", "bad request")


def _expectation(field: FieldDefinition) -> str:
    if field.annotation in _BOOLEANS:
        return "must be true or false"
    limits = field.kwarg_definition
    if isinstance(limits, QueryParameter) and field.annotation is int:
        return f"must be an integer from {limits.ge} to {limits.le}"
    return "is not a value of this parameter"
