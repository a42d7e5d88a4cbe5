"""``wework-message messages resolve``: a person says what became of UNKNOWN messages."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
import rich_click as click

from wework_message.domain.message.resolution import Resolution
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.commands.message_filters import filter_options, named
from wework_message.entrypoints.cli.commands.messages import MESSAGES
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import console, print_json, show_message

_COUNTED: Final = 1_000
"""Messages that one request counts."""

_RESOLVED: Final = 100
"""Messages that one request resolves; the bar moves after each."""


@click.command("resolve")
@click.argument("message_id", required=False)
@click.option("--sent", "outcome", flag_value=Resolution.SENT.value, help="They were sent.")
@click.option("--not-sent", "outcome", flag_value=Resolution.NOT_SENT.value, help="They were not sent.")
@click.option("--note", metavar="TEXT", help="Why, for the timeline.")
@click.option("--by", metavar="NAME", help="Who decides, for the timeline.")
@filter_options
@click.option("--dry-run", is_flag=True, help="Only count what the filters select, and show some of it.")
@client_options
@click.pass_obj
def resolve_messages(
    services: ClientServices,
    /,
    *,
    message_id: str | None,
    outcome: str | None,
    note: str | None,
    by: str | None,
    dry_run: bool,
    url: str,
    as_json: bool,
    **filters: str | None,
) -> int:
    """Say what became of an UNKNOWN message, or of all that the filters select. Nothing is sent.

    What was not sent is FAILED: `retry` sends one of them, `failed replay --cause NOT_SENT_BY_PERSON` all. Run it again after
    an interruption: what is settled is left alone.
    """
    if outcome is None:
        raise click.UsageError("Say --sent or --not-sent.")
    word = {name: value for name, value in {"outcome": outcome, "note": note, "by": by}.items() if value is not None}
    selected = named(filters)
    if message_id is not None and (selected or dry_run):
        raise click.UsageError("Filters and --dry-run go without MESSAGE_ID.")
    if message_id is None and not selected:
        raise click.UsageError("Name a message, or at least one filter: --status UNKNOWN selects all.")
    with client_of(services, url) as client:
        if message_id is not None:
            path = f"{MESSAGES}/{quote(message_id, safe='')}/resolve"
            data = client.data("POST", path, body=msgspec.json.encode(word))
        else:
            data = _in_bulk(client, word | selected, dry_run=dry_run, quiet=as_json)
    if as_json:
        print_json(data)
    elif message_id is not None:
        show_message(console(), data)
    else:
        _show(data)
    return ExitCode.OK


def _in_bulk(client: ServiceClient, body: Mapping[str, Any], *, dry_run: bool, quiet: bool) -> dict[str, Any]:
    """Count first: only what was counted is resolved, by the instant of the first answer."""
    counted = _sum(_parts(client, {**body, "dryRun": True}, _COUNTED))
    if dry_run:
        return counted
    parts = []
    with click.progressbar(length=counted["matched"], label="resolved", file=sys.stderr, hidden=quiet) as bar:
        for part in _parts(client, {**body, "asOf": counted["asOf"]}, _RESOLVED):
            parts.append(part)
            bar.update(part["matched"])
    return _sum(iter(parts))


def _parts(client: ServiceClient, body: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """The answers, one after the other."""
    cursor = None
    while True:
        params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        part = client.data("POST", f"{MESSAGES}/resolve", params=params, body=msgspec.json.encode(body))
        yield part
        body["asOf"], cursor = part["asOf"], part["nextCursor"]
        if cursor is None:
            return


def _sum(parts: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """The first answer, with the numbers of all."""
    total = dict(next(parts))
    for part in parts:
        total["matched"] += part["matched"]
        total["resolved"] += part["resolved"]
        total["sampleMessageIds"] = total["sampleMessageIds"] or part["sampleMessageIds"]
    return total | {"nextCursor": None}


def _show(data: Mapping[str, Any]) -> None:
    out = console()
    if data["dryRun"]:
        out.print_line(f"{data['matched']} are UNKNOWN and would be {data['outcome']}")
        for message_id in data["sampleMessageIds"]:
            out.print_line(f"such as {message_id}")
    else:
        left = data["matched"] - data["resolved"]
        out.print_line(f"{data['resolved']} resolved as {data['outcome']}, {left} were settled meanwhile")
