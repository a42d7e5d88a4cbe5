"""``wework-message providers``: the providers with their health and calls."""

from typing import Any

import rich_click as click
from rich.text import Text

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import cell, console, print_json, table

_HEALTH = {True: ("healthy", "green"), False: ("unhealthy", "bold red"), None: ("not observed yet", "yellow")}


@click.command("providers")
@client_options
@click.pass_obj
def providers(services: ClientServices, *, url: str, as_json: bool) -> int:
    """List the providers, the preferred one first, with their health."""
    with client_of(services, url) as client:
        answers = client.data("GET", "/api/providers")
        stats = {} if as_json else _stats(client)
    if as_json:
        print_json(answers)
        return ExitCode.OK
    rows = table(
        "provider", "name", "health", "priority", "calls", "good", "p95 ms", "where",
        right=("priority", "calls", "good", "p95 ms"),
    )  # fmt: skip
    for provider in sorted(answers, key=_rank):
        counted = stats.get(provider["code"], {})
        rows.add_row(
            cell(provider["code"]), cell(provider["name"]), _health(provider), cell(provider["priority"]), cell(counted.get("sent")),
            _share(counted.get("successRate")), _rounded(counted.get("p95Ms")), _place(provider),
        )  # fmt: skip
    console().print(rows if answers else "no providers")
    return ExitCode.OK


def _rank(provider: dict[str, Any]) -> tuple[bool, int]:
    """As the default provider is found: the enabled one with the smallest priority, ties by the order of the settings."""
    return not provider.get("enabled", True), provider.get("priority", 0)


def _stats(client: ServiceClient) -> dict[str, dict[str, Any]]:
    """The counted calls by the provider's code."""
    return {provider["code"]: provider for provider in client.data("GET", "/api/providers/stats")["providers"]}


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _rounded(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _health(provider: dict[str, Any]) -> Text:
    if not provider.get("enabled", True):
        return Text("disabled", style="dim")
    text, style = _HEALTH[provider.get("healthy")]
    return Text(text, style=style)


def _place(provider: dict[str, Any]) -> Text:
    if provider.get("simulated"):
        return Text("built-in simulator", style="yellow")
    return Text(cell(provider.get("apiUrl")))
