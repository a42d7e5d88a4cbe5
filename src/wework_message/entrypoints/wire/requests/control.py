"""The body of pause and resume: what to stop, or what goes on."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from wework_message.domain.control import MAX_ID, MAX_NAME, MAX_REASON, PauseScope
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, rejection
from wework_message.entrypoints.wire.requests.body import decode_object

MAX_BYTES: Final = 16_384
"""Of the body."""

TEXTS: Final[Mapping[str, int]] = {"id": MAX_ID, "reason": MAX_REASON, "by": MAX_NAME}
"""The longest text of each field, in characters."""

PAUSE_NAMES: Final = ("scope", "id", "reason", "by")
RESUME_NAMES: Final = ("scope", "id")


class ControlRequest(NamedTuple):
    """What a request names."""

    scope: PauseScope
    id: str
    """Empty for the service."""
    reason: str | None
    by: str | None


def parse_control(body: bytes, names: tuple[str, ...]) -> ControlRequest:
    """Read a body that may have these `names`; raises `RequestRejected` with every problem.

    A null of these names equals an absent field.
    """
    decoded = decode_object(body, max_bytes=MAX_BYTES)
    raw = {name: value for name, value in decoded.items() if value is not None or name not in names}
    if problems := list(_problems(raw, names)):
        raise rejection(problems)
    return ControlRequest(PauseScope(raw["scope"]), raw.get("id", ""), raw.get("reason"), raw.get("by"))


def _problems(raw: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[FieldProblem]:
    for name, value in raw.items():
        if name not in names:
            yield FieldProblem(name, ProblemCode.UNKNOWN_FIELD, "is not a known field")
        elif name in TEXTS and (problem := _text_problem(name, value)) is not None:
            yield problem
    yield from _place_problems(raw)


def _place_problems(raw: Mapping[str, Any]) -> Iterator[FieldProblem]:
    scope = raw.get("scope")
    if not isinstance(scope, str) or scope not in list(PauseScope):
        code = ProblemCode.INVALID_VALUE if isinstance(scope, str) else ProblemCode.WRONG_TYPE
        code = ProblemCode.REQUIRED if scope is None else code
        yield FieldProblem("scope", code, f"must be one of {', '.join(PauseScope)}")
    elif scope == PauseScope.SERVICE and "id" in raw:
        yield FieldProblem("id", ProblemCode.INVALID_VALUE, "must not be given: the service is one")
    elif scope != PauseScope.SERVICE and "id" not in raw:
        yield FieldProblem("id", ProblemCode.REQUIRED, f"is required for {scope}")


def _text_problem(name: str, value: object) -> FieldProblem | None:
    expected = f"must have 1 to {TEXTS[name]} printable characters"
    if not isinstance(value, str):
        return FieldProblem(name, ProblemCode.WRONG_TYPE, expected)
    if 0 < len(value) <= TEXTS[name] and value.isprintable():
        return None
    return FieldProblem(name, ProblemCode.TOO_LONG if len(value) > TEXTS[name] else ProblemCode.INVALID_VALUE, expected)
