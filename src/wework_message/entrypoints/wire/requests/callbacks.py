"""The body of a replay of callbacks: which ones are judged again (W-5)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from wework_message.application.callbacks.replay import ReplayCallbacks
from wework_message.domain.ids import Guid
from wework_message.domain.inbox import REPLAYABLE, InboxState
from wework_message.domain.ports.inbox import ReplaySelection
from wework_message.entrypoints.wire.instants import NO_INSTANT, InstantRange, read_instant
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, rejection
from wework_message.entrypoints.wire.requests.body import decode_object

MAX_BYTES: Final = 16_384
"""Of the body."""

MAX_GUID: Final = 255
"""Characters."""

NAMES: Final = ("since", "guid", "state", "dryRun")


def parse_callback_replay(body: bytes, allowed: InstantRange, before: int | None) -> ReplayCallbacks:
    """Read a body; `before` is the id within the request's cursor. Raises `RequestRejected` with every problem.

    A null equals an absent field.
    """
    decoded = decode_object(body, max_bytes=MAX_BYTES)
    raw = {name: value for name, value in decoded.items() if value is not None or name not in NAMES}
    if problems := [*_problems(raw), *_since_problems(raw, allowed)]:
        raise rejection(problems)
    states = (InboxState(raw["state"]),) if "state" in raw else REPLAYABLE
    guid = Guid(raw["guid"]) if "guid" in raw else None
    selection = ReplaySelection(states, read_instant(raw["since"], allowed), guid)
    return ReplayCallbacks(selection, before, dry_run=raw.get("dryRun", False))


def _problems(raw: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for name in raw:
        if name not in NAMES:
            yield FieldProblem(name, ProblemCode.UNKNOWN_FIELD, "is not a known field")
    if not isinstance(raw.get("dryRun", False), bool):
        yield FieldProblem("dryRun", ProblemCode.WRONG_TYPE, "must be true or false")
    state = raw.get("state", REPLAYABLE[0].value)
    if not isinstance(state, str) or state not in REPLAYABLE:
        code = ProblemCode.INVALID_VALUE if isinstance(state, str) else ProblemCode.WRONG_TYPE
        yield FieldProblem("state", code, f"must be one of {', '.join(REPLAYABLE)}")
    guid = raw.get("guid", "-")
    expected = f"must have 1 to {MAX_GUID} printable characters"
    if not isinstance(guid, str):
        yield FieldProblem("guid", ProblemCode.WRONG_TYPE, expected)
    elif not (0 < len(guid) <= MAX_GUID and guid.isprintable()):
        code = ProblemCode.TOO_LONG if len(guid) > MAX_GUID else ProblemCode.INVALID_VALUE
        yield FieldProblem("guid", code, expected)


def _since_problems(raw: Mapping[str, Any], allowed: InstantRange) -> Iterator[FieldProblem]:
    since = raw.get("since")
    if since is None:
        yield FieldProblem("since", ProblemCode.REQUIRED, "is required")
    elif not isinstance(since, str):
        yield FieldProblem("since", ProblemCode.WRONG_TYPE, NO_INSTANT)
    else:
        try:
            read_instant(since, allowed)
        except ValueError as problem:
            yield FieldProblem("since", ProblemCode.INVALID_VALUE, str(problem))
