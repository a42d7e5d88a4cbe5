"""The demo's one table."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Any

from rich.table import Table
from rich.text import Text

from wework_message.demo.play import Played, Sent
from wework_message.entrypoints.cli.output import cell, status_text, table


def result_table(played: Played) -> Table:
    """A row per message; a batch is one row, and so is a request that made no message."""
    made = table("request", "type", "mode", "status", "attempts", "provider id", "ms", right=("attempts", "ms"))
    seen: set[str] = set()
    for sent in played.sent:
        for row in _rows(sent, played, seen):
            made.add_row(*row)
        seen |= set(sent.message_ids)
    return made


def _rows(sent: Sent, played: Played, seen: set[str]) -> Iterable[tuple[str | Text, ...]]:
    step = sent.step
    head = (cell(step.name), cell(step.type), cell(step.mode))
    listed = [played.listed[one] for one in sent.message_ids if one in played.listed]
    if step.expect.same_as is not None:
        same = bool(seen & set(sent.message_ids))
        yield (*head, Text(f"same id as {step.expect.same_as}" if same else "new id!", style="cyan"), "", "", "")
    elif sent.error is not None:
        yield (*head, Text(f"refused {sent.http}", style="cyan"), "", "", "")
    elif not step.expect.calls:
        status = listed[0]["status"] if listed else "unchanged"
        yield (*head, Text(f"{step.target} is {status}", style="cyan"), "", "", "")
    elif step.repeat is not None:
        yield (*head, *_summary(listed))
    else:
        for index, one in enumerate(listed):
            part = f"{step.name}[{index}]" if len(listed) > 1 else step.name
            yield (cell(part), cell(one["messageType"]), cell(step.mode), *_row(one))


def _row(one: dict[str, Any]) -> tuple[str | Text, ...]:
    return (
        status_text(one["status"]), cell(one["attempts"]), cell(one["providerMessageId"]), str(milliseconds(one)),
    )  # fmt: skip


def _summary(listed: list[dict[str, Any]]) -> tuple[str | Text, ...]:
    if not listed:
        return ("-", "", "", "")
    counts = Counter(one["status"] for one in listed)
    status = Text(", ").join([Text(f"{count} ").append_text(status_text(name)) for name, count in counts.most_common()])
    ids = {one["providerMessageId"] for one in listed} - {None}
    attempts = Counter(one["attempts"] for one in listed)
    times = [milliseconds(one) for one in listed]
    return (
        status, ", ".join(str(number) for number in sorted(attempts)), f"{len(ids)} ids",
        f"{median(times):.0f}, max {max(times)}",
    )  # fmt: skip


def milliseconds(one: dict[str, Any]) -> int:
    """From the acceptance of a message to its last change, ms."""
    first, last = (datetime.fromisoformat(one[name]) for name in ("createdAt", "updateTime"))
    return round((last - first).total_seconds() * 1000)
