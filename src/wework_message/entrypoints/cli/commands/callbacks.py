"""``wework-message callbacks``: what providers posted and the service could not use."""

from typing import Final
from urllib.parse import quote

import rich_click as click

from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.commands.callback_tokens import token
from wework_message.entrypoints.cli.commands.callbacks_rebuild import rebuild
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import cell, clock, console, details, print_json, show_list, table
from wework_message.entrypoints.cli.terminal import visible_lines

_QUARANTINE: Final = "/api/callbacks/quarantine"
_SHOWN: Final = ("callbackId", "guid", "notifyType", "callbackType", "state", "receiveTime", "messageId")


@click.group("callbacks")
def callbacks() -> None:
    """Callbacks of providers: look at the quarantine, purge it, say who may bring them, and verify what they proved."""


callbacks.add_command(token)
callbacks.add_command(rebuild)


@callbacks.command("quarantine")
@click.option("--guid", metavar="GUID", help="Only of this instance.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@click.option("--cursor", metavar="CURSOR", help="Go on where an earlier list ended.")
@client_options
@click.pass_obj
def quarantine(
    services: ClientServices, *, guid: str | None, limit: int, cursor: str | None, url: str, as_json: bool
) -> int:
    """List callbacks that cannot be read, or belong to no sender, newest first."""
    with client_of(services, url) as client:
        items, following = client.pages(_QUARANTINE, _query(guid=guid), limit=limit, cursor=cursor)
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
    show_list(rows, following, empty="the quarantine is empty")
    return ExitCode.OK


@callbacks.command("show")
@click.argument("callback_id")
@client_options
@click.pass_obj
def show(services: ClientServices, *, callback_id: str, url: str, as_json: bool) -> int:
    """Show one callback with its text, which may be message content."""
    with client_of(services, url) as client:
        data = client.data("GET", f"/api/callbacks/by-id/{quote(callback_id, safe='')}")
    if as_json:
        print_json(data)
        return ExitCode.OK
    out = console()
    grid = details()
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
def purge(services: ClientServices, *, guid: str | None, before: str | None, yes: bool, url: str, as_json: bool) -> int:
    """Delete quarantined callbacks for good."""
    if not yes:
        raise click.UsageError("A purge deletes for good: add --yes.")
    params = _query(guid=guid, before=before)
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


def _query(**parameters: str | None) -> dict[str, str]:
    """The parameters that have a value."""
    return {name: value for name, value in parameters.items() if value is not None}
