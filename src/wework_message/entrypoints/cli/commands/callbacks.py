"""``wework-message callbacks``: what providers posted and the service could not use."""

from typing import Final
from urllib.parse import quote

import msgspec
import rich_click as click

from wework_message.domain.inbox import REPLAYABLE
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.commands.callback_tokens import token
from wework_message.entrypoints.cli.commands.callbacks_rebuild import rebuild
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

_ROOT: Final = "/api/callbacks"
_QUARANTINE: Final = f"{_ROOT}/quarantine"
_REPLAYABLE: Final = [state.value for state in REPLAYABLE]
_SHOWN: Final = ("callbackId", "guid", "notifyType", "callbackType", "state", "receiveTime", "messageId")


@click.group("callbacks")
def callbacks() -> None:
    """Callbacks of providers: look at what was not applied, replay it, say who may bring them, verify what they proved."""


callbacks.add_command(token)
callbacks.add_command(rebuild)


@callbacks.command("quarantine")
@click.option("--guid", metavar="GUID", help="Only of this instance.")
@page_options
@client_options
@click.pass_obj
def quarantine(
    services: ClientServices, *, guid: str | None, limit: int, cursor: str | None, url: str, as_json: bool
) -> int:
    """List callbacks that cannot be read, or belong to no sender, newest first."""
    return _listed(services, _QUARANTINE, "the quarantine is empty", guid, limit, cursor, url=url, as_json=as_json)


@callbacks.command("parked")
@click.option("--guid", metavar="GUID", help="Only of this instance.")
@page_options
@client_options
@click.pass_obj
def parked(
    services: ClientServices, *, guid: str | None, limit: int, cursor: str | None, url: str, as_json: bool
) -> int:
    """List records of own accounts that match no message yet, newest first."""
    return _listed(services, f"{_ROOT}/parked", "nothing is parked", guid, limit, cursor, url=url, as_json=as_json)


def _listed(
    services: ClientServices, path: str, empty: str, guid: str | None, limit: int, cursor: str | None, *, url: str,
    as_json: bool,
) -> int:  # fmt: skip
    with client_of(services, url) as client:
        items, following = client.pages(path, _query(guid=guid), limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("received (UTC)", "id", "guid", "type", "characters", right=("id", "type", "characters"))
    for item in items:
        raw = item.get("rawData")
        rows.add_row(
            clock(item.get("receiveTime")), cell(item.get("callbackId")), cell(item.get("guid")),
            cell(item.get("notifyType")), cell(len(raw) if isinstance(raw, str) else None),
        )  # fmt: skip
    show_list(rows, following, empty=empty)
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


@callbacks.command("stats")
@client_options
@click.pass_obj
def stats(services: ClientServices, *, url: str, as_json: bool) -> int:
    """Show how many callbacks are in each state, and what the newest are."""
    with client_of(services, url) as client:
        data = client.data("GET", f"{_ROOT}/stats")
    if as_json:
        print_json(data)
        return ExitCode.OK
    states = table("state", "callbacks", right=("callbacks",))
    for item in data["states"]:
        states.add_row(cell(item["state"]), cell(f"more than {item['count']}" if item["more"] else item["count"]))
    console().print(states)
    newest = table("provider", "type", "name", "state", "of the newest", right=("type", "of the newest"))
    for item in data["newest"]:
        newest.add_row(*[cell(item[name]) for name in ("providerCode", "notifyType", "callbackType", "state", "count")])
    show_list(newest, None, empty="no callback is stored")
    return ExitCode.OK


@callbacks.command("replay")
@click.option(
    "--since", metavar="INSTANT", required=True, help="Only what was received then or later, ISO-8601 with zone."
)
@click.option("--guid", metavar="GUID", help="Only of this instance.")
@click.option("--state", type=click.Choice(_REPLAYABLE), help="Only in this state.")
@click.option("--cursor", metavar="CURSOR", help="Go on where an earlier replay paused.")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@client_options
@click.pass_obj
def replay(
    services: ClientServices, *, since: str, guid: str | None, state: str | None, cursor: str | None, dry_run: bool,
    url: str, as_json: bool,
) -> int:  # fmt: skip
    """Judge callbacks again that were not applied. They keep the time of their arrival."""
    body = msgspec.json.encode(_query(since=since, guid=guid, state=state) | ({"dryRun": True} if dry_run else {}))
    replayed, waited = 0, False
    with client_of(services, url) as client:
        while True:
            data = client.data("POST", f"{_ROOT}/replay", params=_query(cursor=cursor), body=body)
            replayed += data["replayed"]
            waited = data["more"] and data["nextCursor"] == cursor
            cursor = data["nextCursor"]
            if waited or not data["more"]:
                break
    if as_json:
        print_json({"replayed": replayed, "dryRun": dry_run, "nextCursor": cursor})
        return ExitCode.OK
    console().print_line(f"{replayed} {'would be replayed' if dry_run else 'replayed'}")
    if waited:
        console().print_line(f"many wait to be applied; go on later with --cursor {cursor}")
    return ExitCode.OK


def _query(**parameters: str | None) -> dict[str, str]:
    """The parameters that have a value."""
    return {name: value for name, value in parameters.items() if value is not None}
