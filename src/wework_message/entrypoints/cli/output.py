"""Output for a person: tables that fit 100 columns. For a program: the data as JSON, and nothing else on stdout."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.text import Text

from wework_message.entrypoints.cli.terminal import Grid, Terminal, harmless_json, visible

STYLES: Final = {
    "DELIVERED": "green",
    "SENT": "green",
    "RECALLED": "cyan",
    "FAILED": "bold red",
    "EXPIRED": "red",
    "CANCELLED": "red",
    "UNKNOWN": "bold yellow",
    "HELD": "yellow",
    "RETRY_WAIT": "yellow",
}
"""Styles of statuses."""

_SHOWN: Final = (
    ("messageId", "message"),
    ("messageType", "type"),
    ("conversationId", "conversation"),
    ("reason", "reason"),
    ("errorCode", "provider's code"),
    ("errorMessage", "provider's text"),
    ("attempts", "attempts"),
    ("providerCode", "provider"),
    ("providerMessageId", "provider's id"),
    ("duration", "duration, ms"),
    ("scheduledAt", "scheduled at"),
    ("nextAttemptAt", "next attempt at"),
    ("updateTime", "updated at"),
)


def console() -> Terminal:
    """Standard output."""
    return Terminal()


def error_console() -> Terminal:
    """Standard error."""
    return Terminal(stderr=True)


def survives_full_output(show: Callable[[], None]) -> None:
    """Print what a service can do without: a standard error that takes nothing does not stop its start."""
    try:
        show()
    except OSError:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- for as long as the process; what is buffered would fail again at the exit


def print_json(data: Any, *, indent: int = 2) -> None:
    """`data` as JSON, in UTF-8 whatever the locale says; a negative `indent` makes one line."""
    print_text(harmless_json(msgspec.json.format(msgspec.json.encode(data), indent=indent).decode()) + "\n")


def print_text(text: str) -> None:
    """A document, whose characters its writer has made harmless, in UTF-8 whatever the locale says."""
    if (binary := getattr(sys.stdout, "buffer", None)) is not None:
        sys.stdout.flush()
        binary.write(text.encode())
        binary.flush()
    else:
        sys.stdout.write(text)


def table(*columns: str, right: Iterable[str] = (), title: str | None = None) -> Grid:
    """An empty table with these headings; the columns named in `right` hold numbers."""
    numbers = frozenset(right)
    made = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", title=title, title_justify="left")
    for name in columns:
        made.add_column(name, justify="right" if name in numbers else "left", no_wrap=True, overflow="ellipsis")
    return made


def details() -> Grid:
    """An empty table without headings: a name in each row, and its value, however long it is."""
    grid = table("", "")
    grid.show_header = False
    grid.columns[1].no_wrap = False
    return grid


def print_page(items: Sequence[Any], following: str | None) -> None:
    """Print a page of a list as JSON."""
    print_json({"items": items, "nextCursor": following})


def show_list(rows: Grid, following: str | None, *, empty: str) -> None:
    """Print a page of a list, or `empty` where it has no rows, and how to go on where there are more."""
    out = console()
    out.print(rows if rows.row_count else empty)
    if following:
        out.print_line(f"there are more: --cursor {following}")


def status_text(status: str | None) -> Text:
    """A status in its colour."""
    return Text(visible(status or "-"), style=STYLES.get(status or "", ""))


def job_state(data: Mapping[str, Any]) -> str:
    """The state of a stored job, and whether it only counts."""
    return f"{data.get('state')} (dry run)" if data.get("dryRun") else str(data.get("state"))


def cell(value: object) -> str:
    """A value in a table: a dash where there is none, on one line and without escapes."""
    return "-" if value is None or value == "" else visible(value)


def clock(instant: object) -> str:
    """Date and second of an answer's instant (UTC), as ``11-24 12:06:03``."""
    text = str(instant or "")
    return visible(f"{text[5:10]} {text[11:19]}") if len(text) >= 19 else cell(instant)  # noqa: PLR2004 - ISO to the second


def time_of_day(instant: object) -> str:
    """Time of an answer's instant (UTC) to the millisecond, as ``12:06:03.123``."""
    return visible(str(instant or "")[11:23]) or "-"


def show_message(out: Terminal, data: Mapping[str, Any]) -> None:
    """Print the status of one message."""
    grid = details()
    head = status_text(data.get("status"))
    notes = [
        ("simulated", "by the built-in simulator: nothing reached WeCom"),
        ("duplicate", "an earlier request with this key: nothing new was accepted"),
        ("possibleDuplicate", "its recipient may have got it twice"),
    ]
    for flag, text in notes:
        if data.get(flag):
            head.append(f"  ({text})", style="yellow")
    grid.add_row("status", head)
    for name, label in _SHOWN:
        if data.get(name) not in (None, "") and not _is_noise(name, data):
            grid.add_row(label, cell(data[name]))
    out.print(grid)


def _is_noise(name: str, data: Mapping[str, Any]) -> bool:
    """A send's `messageType` is the vendor's integer; code 0 and its text say no more than the status does."""
    if name in {"errorCode", "errorMessage"}:
        return data.get("errorCode") == 0
    return name == "messageType" and not isinstance(data[name], str)


def timeline_table(message: Mapping[str, Any]) -> Grid:
    """What happened to a message, oldest first."""
    made = table("time (UTC)", "what", "attempt", "provider", "outcome", "detail", right=("attempt",))
    made.columns[-1].no_wrap = False
    for entry in message.get("timeline", ()):
        made.add_row(
            time_of_day(entry.get("at")),
            cell(entry.get("kind")),
            cell(entry.get("attempt")),
            cell(entry.get("providerCode")),
            cell(entry.get("outcome")),
            cell(entry.get("detail")),
        )
    return made


def candidates_table(decision: Mapping[str, Any]) -> Grid:
    """The bindings that a decision was between, with their scores or why they were left out; an arrow shows the choice."""
    made = table("", "guid", "provider", "score", "excluded because", right=("score",))
    chosen = decision.get("chosen")
    for candidate in decision.get("candidates", ()):
        score = candidate.get("score")
        is_chosen = chosen is not None and candidate.get("bindingId") == chosen
        made.add_row(
            "->" if is_chosen else "", cell(candidate.get("guid")), cell(candidate.get("providerCode")),
            "-" if score is None else f"{score:.3f}", cell(candidate.get("excluded")),
        )  # fmt: skip
    return made
