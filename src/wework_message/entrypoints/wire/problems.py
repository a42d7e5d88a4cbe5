"""How a request is refused: an HTTP status, a stable error code, and every problem with its path."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from wework_message.domain.errors import WeworkMessageError


class ProblemCode(StrEnum):
    """What is wrong with one field; stable, for programs."""

    REQUIRED = "REQUIRED"
    """Missing, null or empty."""
    WRONG_TYPE = "WRONG_TYPE"
    """Another JSON type than the field has."""
    INVALID_VALUE = "INVALID_VALUE"
    """The right type, but outside what is allowed, alone or together with another field."""
    TOO_LONG = "TOO_LONG"
    """More characters, bytes or items than the configured limit."""
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    NOT_FOR_THIS_TYPE = "NOT_FOR_THIS_TYPE"
    """A field that exists, but not for this message type or in this place."""
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    """A field that is known and comes with a later version."""


class FieldProblem(Struct, frozen=True):
    """One entry of `errors`: `path` as in ``messages[3].content``; `message` never contains the value."""

    path: str
    code: str
    message: str


class RequestRejected(WeworkMessageError):  # noqa: N818 - a rejection is an answer to the client, not a fault of ours
    """The request cannot be served; nothing was stored."""

    def __init__(self, status: int, error: str, message: str, errors: Iterable[FieldProblem] = ()) -> None:
        """`status` 400, 413, 422 or 501; `error` the envelope's code; `errors` all problems that were found."""
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.errors = tuple(errors)


def rejection(problems: Iterable[FieldProblem]) -> RequestRejected:
    """The refusal for `problems`: 501 naming the fields that come later, if there are any, else 422."""
    errors = tuple(dict.fromkeys(problems))  # items of one batch can share a fault
    later = tuple(problem for problem in errors if problem.code == ProblemCode.NOT_IMPLEMENTED)
    if later:
        return RequestRejected(501, "NOT_IMPLEMENTED", f"{later[0].path} {later[0].message}", later)
    first = f"{errors[0].path} {errors[0].message}" if errors else "the request is not valid"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return RequestRejected(422, "VALIDATION_FAILED", first + more, errors)
