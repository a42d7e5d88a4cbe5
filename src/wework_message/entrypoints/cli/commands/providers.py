"""``wework-message providers``: what the service knows of its providers."""

from typing import Any

import rich_click as click
from rich.text import Text

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.options import client_of, client_options
from wework_message.entrypoints.cli.output import cell, console, print_json, table
from wework_message.entrypoints.cli.services import Services

_HEALTH = {True: ("healthy", "green"), False: ("unhealthy", "bold red"), None: ("not observed yet", "yellow")}


@click.command("providers")
@client_options
@click.pass_obj
def providers(services: Services, *, url: str, as_json: bool) -> int:
    """List the providers, the preferred one first, with their health."""
    with client_of(services, url) as client:
        found = client.data("GET", "/api/providers")
        stats = {} if as_json else {one["code"]: one for one in client.data("GET", "/api/providers/stats")["providers"]}
    if as_json:
        print_json(found)
        return ExitCode.OK
    rows = table(
        "provider", "name", "health", "priority", "calls", "good", "p95 ms", "where",
        right=("priority", "calls", "good", "p95 ms"),
    )  # fmt: skip
    for one in found:
        seen = stats.get(one["code"], {})
        rows.add_row(
            cell(one["code"]), cell(one["name"]), _health(one), cell(one["priority"]), cell(seen.get("sent")),
            _share(seen.get("successRate")), _rounded(seen.get("p95Ms")), _place(one),
        )  # fmt: skip
    console().print(rows if found else "no providers")
    return ExitCode.OK


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _rounded(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _health(one: dict[str, Any]) -> Text:
    if not one.get("enabled", True):
        return Text("disabled", style="dim")
    text, style = _HEALTH[one.get("healthy")]
    return Text(text, style=style)


def _place(one: dict[str, Any]) -> Text:
    return Text("built-in simulator", style="yellow") if one.get("simulated") else Text(str(one.get("apiUrl") or "-"))
