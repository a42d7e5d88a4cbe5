"""``wework-message dlq``: what other systems queued and the service could not take."""

from typing import Final
from urllib.parse import quote

import rich_click as click

from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import (
    cell,
    clock,
    console,
    details,
    print_json,
    print_page,
    show_list,
    table,
)
from wework_message.entrypoints.cli.terminal import visible_lines

_ROOT: Final = "/api/dead-letters/intake"
_SHOWN: Final = (
    ("brokerMessageId", "broker's id"),
    ("partId", "stored at"),
    ("key", "key"),
    ("size", "bytes"),
    ("deliveries", "deliveries"),
    ("receivedAt", "received at"),
    ("replayedAt", "replayed at"),
    ("target", "became"),
)


@click.group("dlq")
def dlq() -> None:
    """Dead letters of the intake topic: look at them, and put them through again."""


@dlq.command("list")
@page_options
@client_options
@click.pass_obj
def listed(services: ClientServices, *, limit: int, cursor: str | None, url: str, as_json: bool) -> int:
    """List dead letters, newest first, without their bodies."""
    with client_of(services, url) as client:
        items, following = client.pages(_ROOT, {}, limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("received (UTC)", "id", "reason", "fields", "key", "bytes", "became", right=("id", "bytes"))
    for item in items:
        paths = ", ".join(dict.fromkeys(str(problem.get("path")) for problem in item.get("errors", ())))
        rows.add_row(
            clock(item.get("receivedAt")), cell(item.get("deadLetterId")), cell(item.get("reason")), cell(paths),
            cell(item.get("key")), cell(item.get("size")), cell(item.get("target")),
        )  # fmt: skip
    show_list(rows, following, empty="no dead letters")
    return ExitCode.OK


@dlq.command("show")
@click.argument("dead_letter_id")
@client_options
@click.pass_obj
def show(services: ClientServices, *, dead_letter_id: str, url: str, as_json: bool) -> int:
    """Show one dead letter with its body, which is message content."""
    with client_of(services, url) as client:
        data = client.data("GET", _path(dead_letter_id))
    if as_json:
        print_json(data)
        return ExitCode.OK
    out = console()
    grid = details()
    grid.add_row("reason", cell(data.get("reason")))
    for problem in data.get("errors", ()):
        grid.add_row(cell(problem.get("path")), cell(f"{problem.get('code')}: {problem.get('message')}"))
    for name, label in _SHOWN:
        if data.get(name) is not None:
            grid.add_row(label, cell(data[name]))
    out.print(grid)
    out.print()
    out.print_line(f"body ({data.get('encoding')}):")
    for line in visible_lines(data.get("body")):
        out.print_line("  ", line)
    return ExitCode.OK


@dlq.command("replay")
@click.argument("dead_letter_id")
@client_options
@click.pass_obj
def replay(services: ClientServices, *, dead_letter_id: str, url: str, as_json: bool) -> int:
    """Put one dead letter through the intake again, under its idempotency key."""
    with client_of(services, url) as client:
        data = client.data("POST", f"{_path(dead_letter_id)}/replay")
    if as_json:
        print_json(data)
        return ExitCode.OK
    became = data.get("messageId") or data.get("groupId")
    note = " (it had been accepted before)" if data.get("duplicate") else ""
    console().print_line(f"accepted as {became}{note}")
    return ExitCode.OK


def _path(dead_letter_id: str) -> str:
    return f"{_ROOT}/{quote(dead_letter_id, safe='')}"
