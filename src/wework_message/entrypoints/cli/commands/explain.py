"""Why a message went where it went, or where one would go: ``messages explain`` and ``routes explain``."""

from collections.abc import Mapping
from typing import Any, BinaryIO
from urllib.parse import quote

import rich_click as click

from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import candidates_table, clock, console, print_json, status_text
from wework_message.entrypoints.cli.terminal import Terminal


@click.command("explain")
@click.argument("message_id")
@client_options
@click.pass_obj
def explain_message(services: ClientServices, *, message_id: str, url: str, as_json: bool) -> int:
    """Show for every attempt of a message which bindings there were, why some were left out, and which was chosen."""
    with client_of(services, url) as client:
        data = client.data("GET", f"/api/messages/{quote(message_id, safe='')}")
    if as_json:
        print_json(data)
    else:
        show_explained(console(), data)
    return ExitCode.OK


def show_explained(out: Terminal, data: Mapping[str, Any]) -> None:
    """Print where a message stands, and why each attempt went where it went."""
    reason = f" ({data['reason']})" if data.get("reason") else ""
    out.print_line(f"{data.get('messageId')} is ", status_text(data.get("status")), reason)
    if data.get("nextAttemptAt"):
        out.print_line(f"next attempt at {clock(data['nextAttemptAt'])} UTC")
    attempts = data.get("attempts", ())
    for attempt in attempts:
        out.print()
        parts = (attempt.get("providerCode"), attempt.get("guid"), attempt.get("outcome"))
        out.print_line(f"attempt {attempt.get('number')}: ", " ".join(str(part) for part in parts if part))
        show_decision(out, attempt.get("decision"))
    if not attempts:
        out.print_line("no attempt yet: routes explain shows where it would go now")


@click.group("routes")
def routes() -> None:
    """Where a send would go now, and why."""


@routes.command("explain")
@click.argument("file", type=click.File("rb"))
@client_options
@click.pass_obj
def explain_route(services: ClientServices, *, file: BinaryIO, url: str, as_json: bool) -> int:
    """Show where the send in FILE (JSON, as for `send --file`; - = stdin) would go now; nothing is stored or sent."""
    with client_of(services, url) as client:
        data = client.data("POST", "/api/routing/explain", body=file.read())
    if as_json:
        print_json(data)
    else:
        show_decision(console(), data)
    return ExitCode.OK


def show_decision(out: Terminal, decision: Mapping[str, Any] | None) -> None:
    """Print the candidates with scores or the reason of their exclusion, and the choice."""
    if decision is None:
        out.print_line("no decision was recorded")
        return
    out.print_line(
        str(decision.get("reason")) if decision.get("chosen") else f"nobody takes it: {decision.get('reason')}"
    )
    rows = candidates_table(decision)
    out.print(rows if rows.row_count else "no candidates")
