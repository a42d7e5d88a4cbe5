"""The slow path: finds all problems of a request, each once and with its path.

It runs only after the fast path has refused, so it may take its time.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from wework_message.domain.content import (
    CONTENTS,
    MERGED_ITEMS,
    OBJECTS,
    QUOTABLE,
    LinkedContent,
    MessageType,
    WithFile,
    rules_of,
)
from wework_message.domain.content.files import MEDIA_NAMES
from wework_message.domain.content.mass import MassImage
from wework_message.domain.content.rules import EMPTY_TEXT, Rule, Words
from wework_message.domain.errors import InvalidValueError
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode
from wework_message.entrypoints.wire.requests.body import MAX_EXTRA_BYTES, Bounds
from wework_message.entrypoints.wire.requests.fields import (
    COMMON_NAMES,
    EXPECTED,
    KNOWN_NAMES,
    Common,
)

MIN_PARTS: Final = 2
MAX_PARTS: Final = 20

SENDERS: Final = ("guid", "accountId", "pool")
"""A request names its sender by one of these."""

_TYPE_NAMES: Final = frozenset(MessageType)
_OF_FILES: Final = (WithFile, MassImage)


@cache
def _shape(kind: type[Struct]) -> Mapping[str, FieldInfo]:
    return {info.encode_name: info for info in fields(kind)}


# -- common fields -------------------------------------------------------------------------------------------------


def common_problems(
    common: Mapping[str, Any], bounds: Bounds, *, prefix: str = "", to_one: bool = True
) -> Iterator[FieldProblem]:
    """Problems of the common fields; `to_one` where the message names its conversation."""
    senders = [name for name in SENDERS if name in common]
    if not any(common[name] for name in senders):
        yield FieldProblem(f"{prefix}guid", ProblemCode.REQUIRED, "or accountId or pool is required")
    for name in senders[1:]:
        yield FieldProblem(f"{prefix}{name}", ProblemCode.INVALID_VALUE, f"must not be given beside {senders[0]}")
    if to_one and common.get("conversationId", "") == "":
        yield FieldProblem(f"{prefix}conversationId", ProblemCode.REQUIRED, "is required")
    for name, value in common.items():
        if not (value == "" and name in {*SENDERS, "conversationId"}):
            yield from _common_problem(name, value, f"{prefix}{name}", bounds)


def _common_problem(name: str, value: Any, path: str, bounds: Bounds) -> Iterator[FieldProblem]:
    expected = _shape(Common)[name].type
    try:
        converted = msgspec.convert(value, expected)
    except msgspec.ValidationError:
        right_type = isinstance(value, str) and name not in {
            "duplicateSafe",
            "async",
            "extra",
            "priority",
            "retryCount",
        }
        in_range = isinstance(value, int) and not isinstance(value, bool) and name in {"priority", "retryCount"}
        code = ProblemCode.INVALID_VALUE if right_type or in_range else ProblemCode.WRONG_TYPE
        yield FieldProblem(path, code, EXPECTED[name])
        return
    if name == "conversationId":
        try:
            bounds.conversations.parse(converted)
        except InvalidValueError as problem:
            yield FieldProblem(path, ProblemCode.INVALID_VALUE, problem.message)
    elif name == "extra":
        yield from extra_problem(converted, path)
    elif isinstance(converted, datetime) and (text := bounds.instants.problem(converted)) is not None:
        yield FieldProblem(path, ProblemCode.INVALID_VALUE, text)


def extra_problem(extra: Mapping[str, Any], path: str = "extra") -> Iterator[FieldProblem]:
    """Whether `extra` is small enough."""
    if len(msgspec.json.encode(extra)) > MAX_EXTRA_BYTES:
        yield FieldProblem(path, ProblemCode.TOO_LONG, f"must have at most {MAX_EXTRA_BYTES} bytes as JSON")


# -- contents ------------------------------------------------------------------------------------------------------


def own_problems(own: Mapping[str, Any], *, bounds: Bounds, prefix: str = "") -> Iterator[FieldProblem]:
    """Problems of a message's other fields, MIXED included; `bounds` has the longest text."""
    if own.get("messageType") == MessageType.MIXED:
        yield from _mixed_problems(own, bounds=bounds, prefix=prefix)
    else:
        yield from content_problems(own, CONTENTS, bounds=bounds, prefix=prefix, among=_TYPE_NAMES)


def content_problems(
    own: Any, kinds: Mapping[str, type[Struct]], *, bounds: Bounds, prefix: str, among: frozenset[str] | None = None
) -> Iterator[FieldProblem]:
    """Problems of one content object whose `messageType` must be one of `kinds`."""
    if not isinstance(own, dict):
        yield FieldProblem(prefix.removesuffix("."), ProblemCode.WRONG_TYPE, "must be an object")
        return
    tag = own.get("messageType")
    kind = kinds.get(tag) if isinstance(tag, str) else None
    if kind is None:
        code = ProblemCode.REQUIRED if not tag else ProblemCode.INVALID_VALUE
        if tag and not isinstance(tag, str):
            code = ProblemCode.WRONG_TYPE
        yield FieldProblem(f"{prefix}messageType", code, f"must be one of {', '.join(sorted(among or kinds))}")
        return
    yield from _struct_problems(own, kind, tag, bounds=bounds, prefix=prefix)


def _struct_problems(
    own: Mapping[str, Any], kind: type[Struct], tag: str | None, *, bounds: Bounds, prefix: str
) -> Iterator[FieldProblem]:
    shape = _shape(kind)
    rules = rules_of(kind)
    for name in own:
        if name not in shape and not (name == "messageType" and tag is not None):
            yield _unexpected(name, tag, prefix)
    good: dict[str, Any] = {}
    bad: set[str] = set()
    for name, info in shape.items():
        if name in own:
            path = f"{prefix}{name}"
            good[name] = own[name]
            problems = _field_problems(name, own[name], info, rules.get(name), bounds=bounds, path=path)
            if name == "url" and issubclass(kind, _OF_FILES):
                problems = _with_target(problems, own[name], bounds=bounds, path=path)
            for problem in problems:
                bad.add(name)
                good.pop(name, None)
                yield problem
        elif info.required:
            bad.add(name)
            yield FieldProblem(f"{prefix}{name}", ProblemCode.REQUIRED, "is required")
    if issubclass(kind, LinkedContent | MassImage):
        good |= {name: own[name] for name in bad.intersection(MEDIA_NAMES, own)}  # they name the file, if wrongly
        yield from (_linked(*problem, own, prefix) for problem in kind.linked_problems(good) if problem[0] not in bad)


def _linked(name: str, message: str, own: Mapping[str, Any], prefix: str) -> FieldProblem:
    code = ProblemCode.INVALID_VALUE if own.get(name) else ProblemCode.REQUIRED
    return FieldProblem(f"{prefix}{name}", code, message)


def _with_target(problems: Iterator[FieldProblem], url: Any, *, bounds: Bounds, path: str) -> Iterator[FieldProblem]:
    """The problems of a URL of media; what it may name is asked where it is one."""
    first = next(problems, None)
    if first is not None:
        yield first
        return
    try:
        bounds.check_url(url, path)
    except InvalidValueError as error:
        yield FieldProblem(path, ProblemCode.INVALID_VALUE, error.message)


def _unexpected(name: str, tag: str | None, prefix: str) -> FieldProblem:
    if name in KNOWN_NAMES:
        where = "here" if tag is None or name in COMMON_NAMES else f"to {tag}"
        return FieldProblem(f"{prefix}{name}", ProblemCode.NOT_FOR_THIS_TYPE, f"does not belong {where}")
    return FieldProblem(f"{prefix}{name}", ProblemCode.UNKNOWN_FIELD, "is not a known field")


def _field_problems(
    name: str, value: Any, info: FieldInfo, rule: Rule | None, *, bounds: Bounds, path: str
) -> Iterator[FieldProblem]:
    if name == "quoteMessage":
        yield from content_problems(value, QUOTABLE, bounds=bounds, prefix=f"{path}.")
        return
    if name in OBJECTS and isinstance(value, dict):
        yield from _struct_problems(value, OBJECTS[name], None, bounds=bounds, prefix=f"{path}.")
        return
    nested = name == "messages" and isinstance(value, list)
    try:
        converted = value if nested else msgspec.convert(value, info.type)
    except msgspec.ValidationError as error:
        text, inner = located(error)
        yield FieldProblem(path + inner, ProblemCode.WRONG_TYPE, text)
        return
    if isinstance(converted, datetime) and (too_far := bounds.instants.problem(converted)) is not None:
        yield FieldProblem(path, ProblemCode.INVALID_VALUE, too_far)
    if rule is not None and (info.default is NODEFAULT or converted != info.default):
        problem = rule.problem(converted)
        if problem is not None:
            code = ProblemCode.REQUIRED if problem == EMPTY_TEXT else ProblemCode.INVALID_VALUE
            yield FieldProblem(path, code, problem)
        elif isinstance(rule, Words) and len(converted) > bounds.max_text_length:
            yield FieldProblem(path, ProblemCode.TOO_LONG, f"must have at most {bounds.max_text_length} characters")
    if nested:
        for position, item in enumerate(value):
            yield from content_problems(item, MERGED_ITEMS, bounds=bounds, prefix=f"{path}[{position}].")


def _mixed_problems(own: Mapping[str, Any], *, bounds: Bounds, prefix: str) -> Iterator[FieldProblem]:
    path = f"{prefix}parts"
    for name in own:
        if name not in {"messageType", "parts"}:
            yield _unexpected(name, MessageType.MIXED, prefix)
    parts = own.get("parts")
    if parts is None or parts == []:
        yield FieldProblem(path, ProblemCode.REQUIRED, f"is required: {MIN_PARTS} to {MAX_PARTS} content objects")
    elif not isinstance(parts, list):
        yield FieldProblem(path, ProblemCode.WRONG_TYPE, "must be a list of content objects")
    elif not MIN_PARTS <= len(parts) <= MAX_PARTS:
        yield FieldProblem(path, ProblemCode.INVALID_VALUE, f"must have {MIN_PARTS} to {MAX_PARTS} entries")
    else:
        for position, part in enumerate(parts):
            yield from content_problems(part, CONTENTS, bounds=bounds, prefix=f"{path}[{position}].")


def unexplained(error: Exception, *, prefix: str = "") -> FieldProblem:
    """The problem behind an error of the fast path that no other check names."""
    cause: BaseException | None = error
    if isinstance(error, msgspec.ValidationError):
        cause = error.__cause__
    _, inner = located(error)
    inner = inner.removeprefix(".")
    if isinstance(cause, InvalidValueError):
        where = f"{inner}.{cause.path}" if inner else cause.path
        return FieldProblem(prefix + where, ProblemCode.INVALID_VALUE, cause.message)
    return FieldProblem(prefix + inner, ProblemCode.INVALID_VALUE, "is not valid")


def located(error: Exception) -> tuple[str, str]:
    """Text and path of a msgspec error, whose text ends in ``- at `$.path` ``."""
    text, separator, path = str(error).partition(" - at `$")
    return text.replace("`", "").lower(), path.rstrip("`") if separator else ""
