"""The table of the demo."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Any

from rich.text import Text

from wework_message.demo.play import Played, Sent
from wework_message.entrypoints.cli.output import cell, status_text, table
from wework_message.entrypoints.cli.terminal import Grid, visible


def result_table(played: Played) -> Grid:
    """A row per message; a batch is one row, and so is a request that made no message."""
    results = table("request", "type", "mode", "status", "attempts", "provider id", "ms", right=("attempts", "ms"))
    earlier_ids: set[str] = set()
    for sent in played.sent:
        for row in _rows(sent, played, earlier_ids):
            results.add_row(*row)
        earlier_ids |= set(sent.message_ids)
    return results


def _rows(sent: Sent, played: Played, earlier_ids: set[str]) -> Iterable[tuple[str | Text, ...]]:
    step = sent.step
    head = (cell(step.name), cell(step.type), cell(step.mode))
    listed = [played.listed[message_id] for message_id in sent.message_ids if message_id in played.listed]
    if step.expect.same_as is not None:
        same = bool(earlier_ids & set(sent.message_ids))
        yield (
            *head,
            Text(visible(f"same id as {step.expect.same_as}") if same else "new id!", style="cyan"),
            "",
            "",
            "",
        )
    elif sent.error is not None:
        yield (*head, Text(f"refused {sent.http}", style="cyan"), "", "", "")
    elif not step.expect.calls:
        status = listed[0]["status"] if listed else "unchanged"
        yield (*head, Text(visible(f"{step.target} is {status}"), style="cyan"), "", "", "")
    elif step.repeat is not None:
        yield (*head, *_summary(listed))
    else:
        for index, message in enumerate(listed):
            part = f"{step.name}[{index}]" if len(listed) > 1 else step.name
            yield (cell(part), cell(message["messageType"]), cell(step.mode), *_row(message))


def _row(message: dict[str, Any]) -> tuple[str | Text, ...]:
    return (
        status_text(message["status"]), cell(message["attempts"]), cell(message["providerMessageId"]), str(milliseconds(message)),
    )  # fmt: skip


def _summary(listed: list[dict[str, Any]]) -> tuple[str | Text, ...]:
    if not listed:
        return ("-", "", "", "")
    counts = Counter(message["status"] for message in listed)
    status = Text(", ").join([Text(f"{count} ").append_text(status_text(name)) for name, count in counts.most_common()])
    ids = {message["providerMessageId"] for message in listed} - {None}
    attempts = Counter(message["attempts"] for message in listed)
    times = [milliseconds(message) for message in listed]
    return (
        status, ", ".join(str(number) for number in sorted(attempts)), f"{len(ids)} ids",
        f"{median(times):.0f}, max {max(times)}",
    )  # fmt: skip


def milliseconds(message: dict[str, Any]) -> int:
    """From the acceptance of a message to its last change, ms."""
    accepted_at, updated_at = (datetime.fromisoformat(message[name]) for name in ("createdAt", "updateTime"))
    return round((updated_at - accepted_at).total_seconds() * 1000)
