"""Commands about one message: ``status``, ``retry``, ``cancel``, ``recall``."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import rich_click as click

from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.follow import follow
from wework_message.entrypoints.cli.output import (
    candidates_table,
    cell,
    console,
    print_json,
    show_message,
    timeline_table,
)

MESSAGES: Final = "/api/messages"


@click.command("status")
@click.argument("message_id")
@click.option("--timeline", is_flag=True, help="Show the whole message: what happened when, and why it went where.")
@click.option("--wait", type=click.IntRange(1, 86_400), metavar="SECONDS", help="Wait until the message rests.")
@client_options
@click.pass_obj
def status(
    services: ClientServices, *, message_id: str, timeline: bool, wait: int | None, url: str, as_json: bool
) -> int:
    """Show where a message stands."""
    with client_of(services, url) as client:
        data = client.data("GET", f"{_path(message_id)}/status")
        if wait is not None:
            data = follow(client, data, wait)
        if timeline:
            data = client.data("GET", _path(message_id))
    if as_json:
        print_json(data)
    else:
        _show(data, timeline=timeline)
    return ExitCode.TRY_AGAIN if wait is not None and not data.get("final") else ExitCode.OK


def _show(data: Mapping[str, Any], *, timeline: bool) -> None:
    out = console()
    attempts = data.get("attempts")
    show_message(out, {**data, "attempts": len(attempts)} if isinstance(attempts, list) else data)
    if not timeline:
        return
    out.print()
    out.print(timeline_table(data))
    for attempt in data.get("attempts", ()):
        decision = attempt.get("decision")
        if decision is None:
            continue
        out.print()
        out.print_line(f"why attempt {attempt['number']} went there: {cell(decision.get('reason'))}")
        out.print(candidates_table(decision))


@click.command("retry")
@click.argument("message_id")
@click.option("--force", is_flag=True, help="Also an UNKNOWN one, which may reach its recipient a second time.")
@client_options
@click.pass_obj
def retry(services: ClientServices, *, message_id: str, force: bool, url: str, as_json: bool) -> int:
    """Send a FAILED or EXPIRED message once more, under its id."""
    params = {"force": "true"} if force else None
    return _change(services, url, "POST", f"{_path(message_id)}/retry", params, as_json=as_json)


@click.command("cancel")
@click.argument("message_id")
@client_options
@click.pass_obj
def cancel(services: ClientServices, *, message_id: str, url: str, as_json: bool) -> int:
    """Take back a message that nobody has begun to send."""
    return _change(services, url, "POST", f"{_path(message_id)}/cancel", None, as_json=as_json)


@click.command("recall")
@click.argument("message_id")
@click.option("--guid", metavar="GUID", help="The sender's instance; needed only for a provider's id.")
@client_options
@click.pass_obj
def recall(services: ClientServices, *, message_id: str, guid: str | None, url: str, as_json: bool) -> int:
    """Recall a message that was sent, from the conversation it is in."""
    if guid is None:
        with client_of(services, url) as client:
            guid = str(client.data("GET", _path(message_id))["guid"])
    path = f"{MESSAGES}/{quote(guid, safe='')}/messages/{quote(message_id, safe='')}"
    return _change(services, url, "DELETE", path, None, as_json=as_json)


def _change(
    services: ClientServices, url: str, method: str, path: str, params: Mapping[str, Any] | None, *, as_json: bool
) -> int:
    with client_of(services, url) as client:
        data = client.data(method, path, params=params)
    if as_json:
        print_json(data)
    else:
        show_message(console(), data)
    return ExitCode.OK


def _path(message_id: str) -> str:
    return f"{MESSAGES}/{quote(message_id, safe='')}"
