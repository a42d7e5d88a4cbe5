"""Checks of the fields of short bodies that no Struct reads: texts, choices, instants, flags."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from wework_message.entrypoints.wire.instants import NO_INSTANT, InstantRange, read_instant
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode
from wework_message.entrypoints.wire.requests.body import decode_object

MAX_BYTES: Final = 16_384
"""Of such a body."""


def stated(body: bytes, names: Sequence[str]) -> dict[str, Any]:
    """The fields of a body that may have these `names`: a null of these equals an absent one. Raises `RequestRejected`."""
    decoded = decode_object(body, max_bytes=MAX_BYTES)
    return {name: value for name, value in decoded.items() if value is not None or name not in names}


def unknown_field(name: str) -> FieldProblem:
    """A field that the body may not have."""
    return FieldProblem(name, ProblemCode.UNKNOWN_FIELD, "is not a known field")


def choice_problem(raw: Mapping[str, Any], path: str, choices: Iterable[str]) -> FieldProblem | None:
    """What is wrong with a required field that has one of `choices`."""
    names, value = list(choices), raw.get(path)
    if isinstance(value, str) and value in names:
        return None
    code = ProblemCode.INVALID_VALUE if isinstance(value, str) else ProblemCode.WRONG_TYPE
    code = ProblemCode.REQUIRED if value is None else code
    return FieldProblem(path, code, f"must be one of {', '.join(names)}")


def text_problem(path: str, value: object, max_length: int) -> FieldProblem | None:
    """What is wrong with a text of 1 to `max_length` printable characters."""
    expected = f"must have 1 to {max_length} printable characters"
    if not isinstance(value, str):
        return FieldProblem(path, ProblemCode.WRONG_TYPE, expected)
    if 0 < len(value) <= max_length and value.isprintable():
        return None
    return FieldProblem(path, ProblemCode.TOO_LONG if len(value) > max_length else ProblemCode.INVALID_VALUE, expected)


def instant_problem(path: str, value: object, allowed: InstantRange) -> FieldProblem | None:
    """What is wrong with an instant."""
    if not isinstance(value, str):
        return FieldProblem(path, ProblemCode.WRONG_TYPE, NO_INSTANT)
    try:
        read_instant(value, allowed)
    except ValueError as problem:
        return FieldProblem(path, ProblemCode.INVALID_VALUE, str(problem))
    return None


def flag_problem(raw: Mapping[str, Any], path: str) -> FieldProblem | None:
    """What is wrong with a field that is true or false, and false where it is absent."""
    if isinstance(raw.get(path, False), bool):
        return None
    return FieldProblem(path, ProblemCode.WRONG_TYPE, "must be true or false")
