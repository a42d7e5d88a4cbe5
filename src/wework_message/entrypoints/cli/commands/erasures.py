"""``wework-message erasures``: erase what is held of a person or a room."""

import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
import rich_click as click

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import (
    cell,
    clock,
    console,
    details,
    job_state,
    print_json,
    print_page,
    show_list,
    table,
)

_ROOT: Final = "/api/erasures"
_FOLLOW_S: Final = 0.5
"""Between two looks at an erasure."""

_COUNTS: Final = (
    ("messages", "messages"),
    ("keys", "hashes of requests"),
    ("callbacks", "callbacks"),
    ("events", "events for webhooks"),
    ("deadLetters", "dead letters"),
    ("poolChoices", "choices of pools"),
)


@click.group("erasures")
def erasures() -> None:
    """Erase what is held of a person or a room, a few rows at a time."""


@erasures.command("create")
@click.argument("conversation", metavar="CONVERSATION")
@click.option("--dry-run", is_flag=True, help="Only count what would be erased.")
@click.option("--note", metavar="TEXT", help="Why. It is kept: name nobody in it.")
@click.option("--yes", is_flag=True, help="Confirm: it is gone for good.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Stay until it is done, or waits.")
@client_options
@click.pass_obj
def create(
    services: ClientServices,
    /,
    *,
    conversation: str,
    dry_run: bool,
    note: str | None,
    yes: bool,
    follow: bool,
    url: str,
    as_json: bool,
) -> int:
    """Erase what is held of S:<user> or R:<room>."""
    if not (yes or dry_run):
        raise click.UsageError("What is erased is gone for good: add --yes, or --dry-run to count it.")
    body = {"conversationId": conversation, "dryRun": dry_run, "note": note}
    with client_of(services, url) as client:
        data = client.data("POST", _ROOT, body=msgspec.json.encode(body))
        if follow:
            data = _followed(client, data)
    return _end(data, as_json=as_json)


@erasures.command("list")
@page_options
@client_options
@click.pass_obj
def listed(services: ClientServices, *, limit: int, cursor: str | None, url: str, as_json: bool) -> int:
    """List erasures, newest first."""
    with client_of(services, url) as client:
        items, following = client.pages(_ROOT, {}, limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table(
        "begun (UTC)", "erasure", "state", "messages", "callbacks", "remaining",
        right=("messages", "callbacks", "remaining"),
    )  # fmt: skip
    for item in items:
        rows.add_row(
            clock(item.get("createdAt")), cell(item.get("erasureId")), cell(job_state(item)),
            cell(item["erased"].get("messages")), cell(item["erased"].get("callbacks")), cell(item.get("remaining")),
        )  # fmt: skip
    show_list(rows, following, empty="no erasures")
    return ExitCode.OK


@erasures.command("show")
@click.argument("erasure_id")
@click.option("--follow", is_flag=True, help="Stay until it is done, or waits.")
@client_options
@click.pass_obj
def show(services: ClientServices, *, erasure_id: str, follow: bool, url: str, as_json: bool) -> int:
    """Show how far an erasure is."""
    with client_of(services, url) as client:
        data = client.data("GET", _path(erasure_id))
        if follow:
            data = _followed(client, data)
    return _end(data, as_json=as_json)


def _followed(client: ServiceClient, data: dict[str, Any]) -> dict[str, Any]:
    """The erasure once it is done, or waits for what does not rest: that may take days."""
    while data.get("state") == "RUNNING":
        time.sleep(_FOLLOW_S)
        data = client.data("GET", _path(str(data["erasureId"])))
    return data


def _end(data: Mapping[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(data)
        return ExitCode.OK
    grid = details()
    grid.add_row("erasure", cell(data.get("erasureId")))
    grid.add_row("state", cell(job_state(data)))
    if data.get("part") is not None:
        grid.add_row("looks at", cell(data["part"]))
    for name, words in _COUNTS:
        grid.add_row(words, cell(data["erased"].get(name)))
    grid.add_row("do not rest yet", cell(data.get("remaining")))
    console().print(grid)
    return ExitCode.OK


def _path(erasure_id: str) -> str:
    return f"{_ROOT}/{quote(erasure_id, safe='')}"
