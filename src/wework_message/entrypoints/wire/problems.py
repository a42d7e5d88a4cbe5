"""How a request is refused: an HTTP status, a stable error code, and every problem with its path."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from wework_message.domain.errors import WeworkMessageError

MAX_PROBLEMS: Final = 100
"""Problems in one answer. A request of 4 MiB can have 300,000; a person corrects them from the first on."""
MAX_PATH_CHARS: Final = 200
"""Longest path; the names in it are the client's and can be as long as the request."""
MAX_MESSAGE_CHARS: Final = 500


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
    """What the field asks for, the provider cannot do, or may not."""


class FieldProblem(Struct, frozen=True):
    """One entry of `errors`: `path` as in ``messages[3].content``; `message` never contains the value. Both are cut."""

    path: str
    code: str
    message: str

    def __post_init__(self) -> None:
        """Cut what is too long to show."""
        if len(self.path) > MAX_PATH_CHARS:
            structs.force_setattr(self, "path", f"{self.path[: MAX_PATH_CHARS - 1]}…")
        if len(self.message) > MAX_MESSAGE_CHARS:
            structs.force_setattr(self, "message", f"{self.message[: MAX_MESSAGE_CHARS - 1]}…")


class RequestRejected(WeworkMessageError):  # noqa: N818 - a rejection is an answer to the client, not a fault of ours
    """The request cannot be served; nothing was stored."""

    def __init__(
        self, status: int, error: str, message: str, errors: Sequence[FieldProblem] = (),
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:  # fmt: skip
        """`status` 400, 413 or 422, or 501 for a coding of the transfer; `error` the envelope's code; `errors` the first `MAX_PROBLEMS` that were found.

        `headers` belong to the answer where the client came by HTTP.
        """
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.errors = tuple(errors[:MAX_PROBLEMS])
        self.headers = tuple(headers)


class Problems:
    """Collects problems: keeps the first `MAX_PROBLEMS` different ones and counts the others."""

    def __init__(self, problems: Iterable[FieldProblem] = ()) -> None:
        """With `problems` found so far; an iterator is read to its end, and what is beyond the limit is not kept."""
        self._kept: dict[FieldProblem, None] = {}  # items of one batch can share a fault
        self._total = 0
        for problem in problems:
            self.add(problem)

    def __bool__(self) -> bool:
        return self._total > 0

    def add(self, problem: FieldProblem) -> None:
        """One more."""
        if problem in self._kept:
            return
        self._total += 1
        if len(self._kept) < MAX_PROBLEMS:
            self._kept[problem] = None

    def rejection(self) -> RequestRejected:
        """The refusal: 422 with each of them."""
        errors = tuple(self._kept)
        first = f"{errors[0].path} {errors[0].message}" if errors else "the request is not valid"
        more = f" (and {self._total - 1} more)" if self._total > 1 else ""
        return RequestRejected(422, "VALIDATION_FAILED", first + more, errors)


def rejection(problems: Iterable[FieldProblem]) -> RequestRejected:
    """The refusal for `problems`: 422 with each of them."""
    return Problems(problems).rejection()


def bounded(problems: Iterable[FieldProblem], limit: int = MAX_PROBLEMS) -> tuple[FieldProblem, ...]:
    """At most `limit` (at least 1) of `problems`; where some are left out, the last one says how many."""
    kept: list[FieldProblem] = []
    more = 0
    for problem in problems:
        if len(kept) < limit:
            kept.append(problem)
        else:
            more += 1
    if more:
        kept[-1] = FieldProblem(kept[-1].path, kept[-1].code, f"and {more + 1} more problems")
    return tuple(kept)
