"""``wework-message batches``: withdraw what a batch has not sent."""

import sys
from typing import Final
from urllib.parse import quote

import rich_click as click

from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import console, print_json

_SLICE: Final = 50
"""Messages that one request cancels; the bar moves after each."""


@click.group("batches")
def batches() -> None:
    """Batches: withdraw what is not sent yet."""


@batches.command("cancel")
@click.argument("batch_id")
@client_options
@click.pass_obj
def cancel(services: ClientServices, *, batch_id: str, url: str, as_json: bool) -> int:
    """Withdraw what the batch has not begun to send. What is sent or in flight stays; run it again after an interruption."""
    path = f"/api/messages/batches/{quote(batch_id, safe='')}/cancel"
    with client_of(services, url) as client:
        data = client.data("POST", path, params={"limit": _SLICE})
        with click.progressbar(length=data["total"], label="settled", file=sys.stderr, hidden=as_json) as bar:
            bar.update(data["total"] - data["remaining"])
            while data["remaining"] and data["newlyCancelled"]:
                before = data["remaining"]
                data = client.data("POST", path, params={"limit": _SLICE})
                bar.update(before - data["remaining"])
    if as_json:
        print_json(data)
    else:
        console().print_line(
            f"{data['cancelled']} of {data['total']} cancelled, {data['sent']} already sent, {data['inFlight']} in flight, "
            f"{data['ended']} failed or expired, {data['remaining']} remain"
        )
    return ExitCode.OK if data["done"] else ExitCode.TRY_AGAIN
