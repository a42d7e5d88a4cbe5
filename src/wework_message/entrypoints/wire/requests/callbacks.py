"""The body of a replay of callbacks: which ones are judged again (W-5)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from wework_message.application.callbacks.replay import ReplayCallbacks
from wework_message.domain.ids import Guid, TenantId
from wework_message.domain.inbox import REPLAYABLE, InboxState
from wework_message.domain.ports.inbox import ReplaySelection
from wework_message.entrypoints.wire.instants import InstantRange, read_instant
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, rejection
from wework_message.entrypoints.wire.requests.plain_fields import (
    choice_problem,
    flag_problem,
    instant_problem,
    stated,
    text_problem,
    unknown_field,
)

MAX_GUID: Final = 255
"""Characters."""

NAMES: Final = ("since", "guid", "state", "dryRun")


def parse_callback_replay(
    body: bytes, tenant_id: TenantId, allowed: InstantRange, before: int | None
) -> ReplayCallbacks:
    """Read a body of this tenant; `before` is the id within the request's cursor. Raises `RequestRejected` with every problem.

    A null equals an absent field.
    """
    raw = stated(body, NAMES)
    if problems := [*_problems(raw), *_since_problems(raw, allowed)]:
        raise rejection(problems)
    states = (InboxState(raw["state"]),) if "state" in raw else REPLAYABLE
    guid = Guid(raw["guid"]) if "guid" in raw else None
    selection = ReplaySelection(states, read_instant(raw["since"], allowed), guid, tenant_id)
    return ReplayCallbacks(selection, before, dry_run=raw.get("dryRun", False))


def _problems(raw: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for name in raw:
        if name not in NAMES:
            yield unknown_field(name)
    if (problem := flag_problem(raw, "dryRun")) is not None:
        yield problem
    if "state" in raw and (problem := choice_problem(raw, "state", REPLAYABLE)) is not None:
        yield problem
    if "guid" in raw and (problem := text_problem("guid", raw["guid"], MAX_GUID)) is not None:
        yield problem


def _since_problems(raw: Mapping[str, Any], allowed: InstantRange) -> Iterator[FieldProblem]:
    if "since" not in raw:
        yield FieldProblem("since", ProblemCode.REQUIRED, "is required")
    elif (problem := instant_problem("since", raw["since"], allowed)) is not None:
        yield problem
