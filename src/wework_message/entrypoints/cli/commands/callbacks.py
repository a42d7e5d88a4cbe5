"""``wework-message callbacks``: what providers posted and the service could not use."""

from typing import Any, Final
from urllib.parse import quote

import rich_click as click

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.options import client_of, client_options
from wework_message.entrypoints.cli.output import cell, clock, console, print_json, table
from wework_message.entrypoints.cli.services import Services
from wework_message.entrypoints.cli.terminal import visible_lines

MAX_PAGE: Final = 100
"""The most callbacks of one request."""

_QUARANTINE: Final = "/api/callbacks/quarantine"
_SHOWN: Final = ("callbackId", "guid", "notifyType", "callbackType", "state", "receiveTime", "messageId")


@click.group("callbacks")
def callbacks() -> None:
    """Callbacks of providers: look at the quarantine, and purge it."""


@callbacks.command("quarantine")
@click.option("--guid", metavar="GUID", help="Only of this instance.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@click.option("--cursor", metavar="CURSOR", help="Go on where an earlier list ended.")
@client_options
@click.pass_obj
def quarantine(services: Services, *, guid: str | None, limit: int, cursor: str | None, url: str, as_json: bool) -> int:
    """List callbacks that cannot be read, or belong to no sender, newest first."""
    with client_of(services, url) as client:
        items, following = _pages(client, guid, limit=limit, cursor=cursor)
    if as_json:
        print_json({"items": items, "nextCursor": following})
        return ExitCode.OK
    rows = table("received (UTC)", "id", "guid", "type", "characters", right=("id", "type", "characters"))
    for item in items:
        raw = item.get("rawData")
        rows.add_row(
            clock(item.get("receiveTime")), cell(item.get("callbackId")), cell(item.get("guid")),
            cell(item.get("notifyType")), cell(len(raw) if isinstance(raw, str) else None),
        )  # fmt: skip
    out = console()
    out.print(rows if items else "the quarantine is empty")
    if following:
        out.print_line(f"there are more: --cursor {following}")
    return ExitCode.OK


def _pages(
    client: ServiceClient, guid: str | None, *, limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    items: list[dict[str, Any]] = []
    while True:
        params = {"limit": str(min(MAX_PAGE, limit - len(items)))}
        params |= {name: value for name, value in (("guid", guid), ("cursor", cursor)) if value is not None}
        page = client.data("GET", _QUARANTINE, params=params)
        items += page["items"]
        cursor = page.get("nextCursor")
        if cursor is None or len(items) >= limit:
            return items, cursor


@callbacks.command("show")
@click.argument("callback_id")
@client_options
@click.pass_obj
def show(services: Services, *, callback_id: str, url: str, as_json: bool) -> int:
    """Show one callback with its text, which may be message content."""
    with client_of(services, url) as client:
        data = client.data("GET", f"/api/callbacks/by-id/{quote(callback_id, safe='')}")
    if as_json:
        print_json(data)
        return ExitCode.OK
    out = console()
    grid = table("", "")
    grid.show_header = False
    grid.columns[1].no_wrap = False
    for name in _SHOWN:
        if data.get(name) is not None:
            grid.add_row(name, cell(data[name]))
    out.print(grid)
    out.print()
    for line in visible_lines(data.get("rawData")):
        out.print_line("  ", line)
    return ExitCode.OK


@callbacks.command("purge")
@click.option("--guid", metavar="GUID", help="Only of this instance.")
@click.option("--before", metavar="INSTANT", help="Only what was received before, ISO-8601 with zone.")
@click.option("--yes", is_flag=True, help="Confirm: they are gone for good.")
@client_options
@click.pass_obj
def purge(services: Services, *, guid: str | None, before: str | None, yes: bool, url: str, as_json: bool) -> int:
    """Delete quarantined callbacks for good."""
    if not yes:
        raise click.UsageError("A purge deletes for good: add --yes.")
    params = {name: value for name, value in (("guid", guid), ("before", before)) if value is not None}
    deleted, more = 0, True
    with client_of(services, url) as client:
        while more:
            data = client.data("DELETE", _QUARANTINE, params=params)
            deleted, more = deleted + data["deleted"], data["more"]
    if as_json:
        print_json({"deleted": deleted})
    else:
        console().print_line(f"{deleted} deleted")
    return ExitCode.OK
