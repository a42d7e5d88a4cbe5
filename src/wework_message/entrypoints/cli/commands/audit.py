"""``wework-message audit``: who did what, from where, and how it ended (ADR 70)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import rich_click as click

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import (
    ClientServices,
    client_of,
    client_options,
    page_options,
    service_options,
)
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import cell, clock, print_json, print_page, show_list, table

_ROOT: Final = "/api/audit"
_PAGE: Final = 100
"""Entries of one answer while the trail is exported."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _filters(command: _Command) -> _Command:
    options = (
        click.option("--action", metavar="NAME", help="Only this action, such as key.create."),
        click.option("--actor", metavar="ID", help="Only of this key, subject or user."),
        click.option("--target", metavar="ID", help="Only about this id."),
        click.option("--from", "since", metavar="INSTANT", help="Only from this time on."),
        click.option("--to", "until", metavar="INSTANT", help="Only before this time."),
        click.option("--tenant", metavar="ID", help="The trail of this tenant; for operators."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _query(
    action: str | None, actor: str | None, target: str | None, since: str | None, until: str | None, tenant: str | None
) -> Mapping[str, str]:
    named = {"action": action, "actorId": actor, "target": target, "from": since, "to": until, "tenantId": tenant}
    return {name: value for name, value in named.items() if value is not None}


@click.group("audit")
def audit() -> None:
    """The audit trail: who did what, from where, and how it ended; list and export it."""


@audit.command("list")
@_filters
@page_options
@client_options
@click.pass_obj
def listed(
    services: ClientServices, /, *, limit: int, cursor: str | None, url: str, as_json: bool, **filters: str | None
) -> int:
    """List entries, newest first. What was begun and how it ended are two entries."""
    with client_of(services, url) as client:
        items, following = client.pages(_ROOT, _query(**filters), limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("at (UTC)", "who", "action", "target", "outcome", "from", "count", right=("count",))
    for item in items:
        rows.add_row(
            clock(item.get("at")), cell(item.get("actorId") or item.get("actorKind")), cell(item.get("action")),
            cell(item.get("target")), cell(item.get("outcome")), cell(item.get("address")), cell(item.get("count")),
        )  # fmt: skip
    show_list(rows, following, empty="no entries")
    return ExitCode.OK


@audit.command("export")
@_filters
@service_options
@click.pass_obj
def export(services: ClientServices, /, *, url: str, **filters: str | None) -> int:
    """Print every entry as a line of JSON, newest first, to standard output."""
    with client_of(services, url) as client:
        for item in _all(client, _query(**filters)):
            print_json(item, indent=-1)
    return ExitCode.OK


def _all(client: ServiceClient, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        items, cursor = client.pages(_ROOT, query, limit=_PAGE, cursor=cursor)
        yield from items
        if cursor is None:
            return
