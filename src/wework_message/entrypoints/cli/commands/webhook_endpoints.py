"""``wework-message webhooks list|create|change|delete|test|deliveries|recover|rotate``: endpoints of a running service."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec
import rich_click as click

from wework_message.domain.webhooks.event import SUBSCRIBABLE
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
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

_ROOT: Final = "/api/webhooks"
_SHOWN: Final = (
    ("webhookId", "id"),
    ("url", "url"),
    ("enabled", "enabled"),
    ("disabledReason", "disabled because"),
    ("failingSince", "failing since"),
    ("previousSecretUntil", "former secret until"),
    ("secret", "secret"),
)
_event = click.option(
    "--event", "events", multiple=True, type=click.Choice([kind.value for kind in SUBSCRIBABLE]), metavar="TYPE",
    help="A type of event that it is told of; may be repeated.  [default: message.status]",
)  # fmt: skip


@click.command("list")
@client_options
@click.pass_obj
def listed(services: ClientServices, *, url: str, as_json: bool) -> int:
    """List endpoints, the oldest first."""
    with client_of(services, url) as client:
        data = client.data("GET", _ROOT)
    if as_json:
        print_json(data)
        return ExitCode.OK
    rows = table("id", "url", "events", "enabled", "why not", "failing since (UTC)")
    for item in data["items"]:
        rows.add_row(
            cell(item["webhookId"]), cell(item["url"]), cell(", ".join(item["events"])), cell(item["enabled"]),
            cell(item.get("disabledReason")), clock(item.get("failingSince")),
        )  # fmt: skip
    show_list(rows, None, empty="no webhooks")
    return ExitCode.OK


@click.command("create")
@click.argument("endpoint_url", metavar="ENDPOINT")
@_event
@client_options
@click.pass_obj
def create(services: ClientServices, *, endpoint_url: str, events: tuple[str, ...], url: str, as_json: bool) -> int:
    """Create an endpoint at the URL ENDPOINT; its secret is shown this once."""
    body = {"url": endpoint_url} | ({"events": events} if events else {})
    with client_of(services, url) as client:
        _show(client.data("POST", _ROOT, body=msgspec.json.encode(body)), as_json=as_json)
    return ExitCode.OK


@click.command("change")
@click.argument("webhook_id")
@click.option("--to", "endpoint_url", metavar="ENDPOINT", help="The URL that it has from now on.")
@_event
@click.option("--enabled/--disabled", "enabled", default=None, help="Whether it is told of anything.")
@client_options
@click.pass_obj
def change(
    services: ClientServices, *, webhook_id: str, endpoint_url: str | None, events: tuple[str, ...],
    enabled: bool | None, url: str, as_json: bool,
) -> int:  # fmt: skip
    """Change an endpoint; what is not named stays as it is."""
    changes = {"url": endpoint_url, "events": events or None, "enabled": enabled}
    with client_of(services, url) as client:
        items = client.data("GET", _ROOT)["items"]
        stored = next((item for item in items if item["webhookId"] == webhook_id), None)
        if stored is None:
            text = "no such webhook"
            raise CommandFailedError(ExitCode.NOT_FOUND, text, document={"error": "NOT_FOUND", "message": text})
        body = {name: stored[name] if value is None else value for name, value in changes.items()}
        _show(client.data("PUT", _path(webhook_id), body=msgspec.json.encode(body)), as_json=as_json)
    return ExitCode.OK


@click.command("delete")
@click.argument("webhook_id")
@client_options
@click.pass_obj
def delete(services: ClientServices, *, webhook_id: str, url: str, as_json: bool) -> int:
    """Delete an endpoint; what waits for it is not sent any more."""
    with client_of(services, url) as client:
        _show(client.data("DELETE", _path(webhook_id)), as_json=as_json)
    return ExitCode.OK


@click.command("rotate")
@click.argument("webhook_id")
@client_options
@click.pass_obj
def rotate(services: ClientServices, *, webhook_id: str, url: str, as_json: bool) -> int:
    """Make a new secret, shown this once; the former one signs too for 24 hours."""
    with client_of(services, url) as client:
        _show(client.data("POST", f"{_path(webhook_id)}/rotate"), as_json=as_json)
    return ExitCode.OK


@click.command("test")
@click.argument("webhook_id")
@client_options
@click.pass_obj
def test(services: ClientServices, *, webhook_id: str, url: str, as_json: bool) -> int:
    """Send an endpoint a webhook.test event; `webhooks deliveries` shows what became of it."""
    with client_of(services, url) as client:
        data = client.data("POST", f"{_path(webhook_id)}/test")
    if as_json:
        print_json(data)
    else:
        console().print_line(f"event {data['eventId']} is on its way")
    return ExitCode.OK


@click.command("recover")
@click.argument("webhook_id")
@click.option(
    "--since", required=True, type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]), metavar="TIME",
    help="Such as 2026-01-05T08:00:00Z: events that were recorded then or later.",
)  # fmt: skip
@client_options
@click.pass_obj
def recover(services: ClientServices, *, webhook_id: str, since: datetime, url: str, as_json: bool) -> int:
    """Deliver what failed since a time once more."""
    body = msgspec.json.encode({"since": f"{since.isoformat()}Z"})
    recovered = 0
    with client_of(services, url) as client:
        while True:
            data = client.data("POST", f"{_path(webhook_id)}/recover", body=body)
            recovered += data["recovered"]
            if not data["more"]:
                break
    if as_json:
        print_json(dict(data) | {"recovered": recovered})
    else:
        console().print_line(f"{recovered} events are delivered once more")
    return ExitCode.OK


@click.command("deliveries")
@click.argument("webhook_id")
@page_options
@client_options
@click.pass_obj
def deliveries(
    services: ClientServices, *, webhook_id: str, limit: int, cursor: str | None, url: str, as_json: bool
) -> int:
    """List events for an endpoint and what became of them, newest first."""
    with client_of(services, url) as client:
        items, following = client.pages(f"{_path(webhook_id)}/deliveries", {}, limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("recorded (UTC)", "event", "type", "message", "state", "tries", "last", "http", "next (UTC)")
    for item in items:
        rows.add_row(
            clock(item.get("createdAt")), cell(item.get("eventId")), cell(item.get("type")), cell(item.get("messageId")),
            cell(item.get("state")), cell(item.get("attempts")), cell(item.get("outcome")), cell(item.get("httpStatus")),
            clock(item.get("nextAttemptAt")),
        )  # fmt: skip
    show_list(rows, following, empty="no deliveries")
    return ExitCode.OK


def _path(webhook_id: str) -> str:
    return f"{_ROOT}/{quote(webhook_id, safe='')}"


def _show(data: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(data)
        return
    grid = details()
    for name, label in _SHOWN:
        if data.get(name) is not None:
            grid.add_row(label, cell(data[name]))
    grid.add_row("events", cell(", ".join(data["events"])))
    console().print(grid)


ENDPOINTS: Final = (listed, create, change, delete, test, deliveries, recover, rotate)
