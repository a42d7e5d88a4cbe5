"""The bodies of a person's word about UNKNOWN messages: about one, and about all that pass the filters of the list (W-5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.resolution import MAX_BY, MAX_NOTE, Resolution, Word
from wework_message.domain.message_filter import FILTERS, Filter, MessageFilter
from wework_message.entrypoints.wire.instants import InstantRange, read_instant
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, rejection
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.plain_fields import (
    choice_problem,
    flag_problem,
    instant_problem,
    stated,
    text_problem,
    unknown_field,
)

MAX_TEXT: Final = 255
"""Characters of the value of a filter, as in a query."""

TEXTS: Final[Mapping[str, int]] = {"note": MAX_NOTE, "by": MAX_BY}
"""The longest text of each field, in characters."""

WORD_NAMES: Final = ("outcome", "note", "by")
AS_OF: Final = "asOf"
FILTER_NAMES: Final = {message_filter.query_name: name for name, message_filter in FILTERS.items()}
"""Filters as the body spells them, and their names in `FILTERS`."""

BULK_NAMES: Final = (*WORD_NAMES, "dryRun", AS_OF, *FILTER_NAMES)


@dataclass(frozen=True, slots=True)
class BulkResolution:
    """What a request in bulk says."""

    word: Word
    filters: MessageFilter
    """With the status UNKNOWN."""
    as_of: int | None
    """Epoch ms; None = now."""
    dry_run: bool


def parse_resolution(body: bytes) -> Word:
    """Read the body about one message; raises `RequestRejected` with every problem. A null equals an absent field."""
    raw = stated(body, WORD_NAMES)
    if problems := list(_word_problems(raw, WORD_NAMES)):
        raise rejection(problems)
    return _word(raw)


def parse_bulk_resolution(body: bytes, *, limits: Limits, now: int) -> BulkResolution:
    """Read the body about many; `now` is epoch ms. Raises `RequestRejected` with every problem: also without any filter."""
    raw = stated(body, BULK_NAMES)
    allowed = limits.at(now).instants
    problems = [*_word_problems(raw, BULK_NAMES), *_bulk_problems(raw, allowed)]
    if problems:
        raise rejection(problems)
    filters = {name: _value(FILTERS[name], raw[path], allowed) for path, name in FILTER_NAMES.items() if path in raw}
    as_of = read_instant(raw[AS_OF], allowed) if AS_OF in raw else None
    unknown = replace(MessageFilter(**filters), status=MessageStatus.UNKNOWN)
    return BulkResolution(_word(raw), unknown, as_of, raw.get("dryRun", False))


def _word(raw: Mapping[str, Any]) -> Word:
    return Word(Resolution(raw["outcome"]), raw.get("by"), raw.get("note"))


def _word_problems(raw: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[FieldProblem]:
    if (problem := choice_problem(raw, "outcome", Resolution)) is not None:
        yield problem
    for name, value in raw.items():
        if name not in names:
            yield unknown_field(name)
        elif name in TEXTS and (problem := text_problem(name, value, TEXTS[name])) is not None:
            yield problem


def _bulk_problems(raw: Mapping[str, Any], allowed: InstantRange) -> Iterator[FieldProblem]:
    if (problem := flag_problem(raw, "dryRun")) is not None:
        yield problem
    if AS_OF in raw and (problem := instant_problem(AS_OF, raw[AS_OF], allowed)) is not None:
        yield problem
    named = [path for path in FILTER_NAMES if path in raw]
    if not named:
        text = f"a field that selects messages is required, one of {', '.join(FILTER_NAMES)}"
        yield FieldProblem("status", ProblemCode.REQUIRED, text)
    for path in named:
        problem = _filter_problem(FILTERS[FILTER_NAMES[path]], raw[path], allowed)
        if problem is not None:
            yield problem


def _filter_problem(message_filter: Filter, value: object, allowed: InstantRange) -> FieldProblem | None:
    path = message_filter.query_name
    if message_filter.is_instant:
        return instant_problem(path, value, allowed)
    problem = text_problem(path, value, MAX_TEXT)
    if problem is not None or message_filter.choices is None:
        return problem
    if message_filter.choices is MessageStatus:
        unknown = value == MessageStatus.UNKNOWN
        return None if unknown else FieldProblem(path, ProblemCode.INVALID_VALUE, "must be UNKNOWN")
    known = value in list(message_filter.choices)
    return None if known else FieldProblem(path, ProblemCode.INVALID_VALUE, message_filter.expected)


def _value(message_filter: Filter, value: str, allowed: InstantRange) -> Any:
    if message_filter.is_instant:
        return read_instant(value, allowed)
    return value if message_filter.choices is None else message_filter.choices(value)
