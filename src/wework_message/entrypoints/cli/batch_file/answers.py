"""What the service answers to a request of several items, item by item."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wework_message.entrypoints.cli.batch_file.run import ItemResult
from wework_message.entrypoints.cli.client import Answer
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.wire.problems import FieldProblem

REJECTED: Final = "REJECTED"

REFUSALS: Final = frozenset({400, 409, 413, 422, 501})
"""HTTP statuses that say that something is wrong with the items; nothing was stored."""

_PLACE: Final = re.compile(r"messages\[(\d+)\](?:\.|\Z)")


@dataclass(frozen=True, slots=True)
class Sendable:
    """An item that has a message."""

    line: int
    key: str | None
    """None where the item's own `clientMessageId` is none."""
    message: Mapping[str, Any]

    def rejected(self, error: str, errors: Sequence[FieldProblem]) -> ItemResult:
        """It was not accepted."""
        return ItemResult(
            line=self.line, client_message_id=self.key, status=REJECTED, error=error, errors=tuple(errors)
        )

    def accepted(self, entry: Mapping[str, Any], batch_id: str | None) -> ItemResult:
        """It was."""
        return ItemResult(
            line=self.line, client_message_id=self.key, message_id=str(entry["messageId"]), status=str(entry["status"]),
            duplicate=bool(entry.get("duplicate")), batch_id=batch_id,
        )  # fmt: skip


def accepted_batch(items: Sequence[Sendable], data: Any) -> list[ItemResult]:
    """The results of a request that was accepted, in order; raises `CommandFailedError` where the answer has not one for each."""
    answered = {entry["index"]: entry for entry in data["items"]} if isinstance(data, dict) and "items" in data else {}
    if sorted(answered) != list(range(len(items))):
        raise CommandFailedError(ExitCode.UNAVAILABLE, "the answer is none of this service: is --url right?")
    results = []
    for place, item in enumerate(items):
        entry = answered[place]
        if entry.get("messageId") is None:
            results.append(item.rejected(str(entry["error"]), _problems(entry.get("errors") or ())))
        else:
            results.append(item.accepted(entry, data["batchId"]))
    return results


def refused_batch(items: Sequence[Sendable], answer: Answer) -> list[ItemResult] | None:
    """The results of a request of which nothing was stored; None where its answer does not say what is wrong with each."""
    error = answer.error or f"HTTP_{answer.status}"
    problems = [problem for problem in answer.envelope.get("errors") or () if isinstance(problem, dict)]
    if len(items) == 1:
        return [items[0].rejected(error, _problems(problems))]
    by_place: dict[int, list[dict[str, Any]]] = {}
    for problem in problems:
        if (place := _PLACE.match(str(problem.get("path")))) is not None:
            by_place.setdefault(int(place[1]), []).append(problem)
    if len(by_place) < len(items):
        return None
    return [item.rejected(error, _problems(by_place.get(place, ()))) for place, item in enumerate(items)]


def _problems(problems: Iterable[Mapping[str, Any]]) -> tuple[FieldProblem, ...]:
    """With paths that begin in the item."""
    return tuple(
        FieldProblem(
            _PLACE.sub("", str(problem.get("path") or ""), count=1),
            str(problem.get("code")),
            str(problem.get("message")),
        )
        for problem in problems
    )
