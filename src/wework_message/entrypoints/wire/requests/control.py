"""The body of pause and resume: what to stop, or what goes on."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from wework_message.domain.control import MAX_ID, MAX_NAME, MAX_REASON, PauseScope
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, rejection
from wework_message.entrypoints.wire.requests.plain_fields import choice_problem, stated, text_problem, unknown_field

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
    raw = stated(body, names)
    if problems := list(_problems(raw, names)):
        raise rejection(problems)
    return ControlRequest(PauseScope(raw["scope"]), raw.get("id", ""), raw.get("reason"), raw.get("by"))


def _problems(raw: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[FieldProblem]:
    for name, value in raw.items():
        if name not in names:
            yield unknown_field(name)
        elif name in TEXTS and (problem := text_problem(name, value, TEXTS[name])) is not None:
            yield problem
    yield from _place_problems(raw)


def _place_problems(raw: Mapping[str, Any]) -> Iterator[FieldProblem]:
    scope = raw.get("scope")
    if (problem := choice_problem(raw, "scope", PauseScope)) is not None:
        yield problem
    elif scope == PauseScope.SERVICE and "id" in raw:
        yield FieldProblem("id", ProblemCode.INVALID_VALUE, "must not be given: the service is one")
    elif scope != PauseScope.SERVICE and "id" not in raw:
        yield FieldProblem("id", ProblemCode.REQUIRED, f"is required for {scope}")
