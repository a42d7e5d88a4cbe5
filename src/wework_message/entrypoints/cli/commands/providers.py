"""``wework-message providers``: the providers with their health and calls, and their instances."""

from typing import Any
from urllib.parse import quote

import rich_click as click
from rich.text import Text

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import cell, console, print_json, print_page, show_list, table

_HEALTH = {True: ("healthy", "green"), False: ("unhealthy", "bold red"), None: ("not observed yet", "yellow")}


@click.group("providers", invoke_without_command=True)
@client_options
@click.pass_context
def providers(context: click.Context, *, url: str, as_json: bool) -> int:
    """List the providers, the preferred one first, with their health."""
    return _list(context.obj, url, as_json=as_json) if context.invoked_subcommand is None else ExitCode.OK


def _list(services: ClientServices, url: str, *, as_json: bool) -> int:
    with client_of(services, url) as client:
        answers = client.data("GET", "/api/providers")
        stats = {} if as_json else _stats(client)
    if as_json:
        print_json(answers)
        return ExitCode.OK
    rows = table(
        "provider", "name", "health", "priority", "calls", "good", "p95 ms", "no sibling", "where",
        right=("priority", "calls", "good", "p95 ms", "no sibling"),
    )  # fmt: skip
    for provider in sorted(answers, key=_rank):
        counted = stats.get(provider["code"], {})
        rows.add_row(
            cell(provider["code"]), cell(provider["name"]), _health(provider), cell(provider["priority"]), cell(counted.get("sent")),
            _share(counted.get("successRate")), _rounded(counted.get("p95Ms")),
            cell(counted.get("accountsWithoutSibling")), _place(provider),
        )  # fmt: skip
    console().print(rows if answers else "no providers")
    return ExitCode.OK


def _rank(provider: dict[str, Any]) -> tuple[bool, int]:
    """As the default provider is found: the enabled one with the smallest priority, ties by the order of the settings."""
    return not provider.get("enabled", True), provider.get("priority", 0)


@providers.command("clients")
@click.argument("code", metavar="CODE")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1_000, show_default=True, help="At most so many.")
@click.option("--without-account", is_flag=True, help="Only those that no registered account has.")
@client_options
@click.pass_obj
def clients(services: ClientServices, *, code: str, limit: int, without_account: bool, url: str, as_json: bool) -> int:
    """List the guids of all instances at a provider, as it lists them now."""
    query = {"withoutAccount": "true"} if without_account else {}
    with client_of(services, url) as client:
        guids, more = client.bare_pages(f"/api/providers/{quote(code, safe='')}/clients", query, limit=limit)
    if as_json:
        print_json({"clients": guids, "more": more})
        return ExitCode.OK
    out = console()
    for guid in guids:
        out.print_line(guid)
    if more or not guids:
        out.print("more: take a larger --limit" if more else "no instances")
    return ExitCode.OK


@providers.command("client")
@click.argument("code", metavar="CODE")
@click.argument("guid", metavar="GUID")
@client_options
@click.pass_obj
def client_status(services: ClientServices, *, code: str, guid: str, url: str, as_json: bool) -> int:
    """Ask a provider whether an instance is online. At some providers that starts the login of a stopped one."""
    path = f"/api/providers/{quote(code, safe='')}/clients/{quote(guid, safe='')}/status"
    with client_of(services, url) as client:
        data = client.data("GET", path)
    if as_json:
        print_json(data)
    else:
        console().print_line(data["guid"], "  ", data["state"])
    return ExitCode.OK


@providers.command("without-sibling")
@click.argument("code", metavar="CODE")
@page_options
@client_options
@click.pass_obj
def without_sibling(
    services: ClientServices, *, code: str, limit: int, cursor: str | None, url: str, as_json: bool
) -> int:
    """List the accounts whose only usable binding is at this provider: they never fail over."""
    path = f"/api/providers/{quote(code, safe='')}/accounts-without-sibling"
    with client_of(services, url) as client:
        items, following = client.pages(path, {}, limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("account", "guid", "standby")
    for item in items:
        rows.add_row(cell(item["accountId"]), cell(item["guid"]), cell(item["standby"]))
    show_list(rows, following, empty="every account of this provider has a sibling elsewhere")
    return ExitCode.OK


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
    if provider.get("paused"):
        return Text("paused", style="bold yellow")
    text, style = _HEALTH[provider.get("healthy")]
    return Text(text, style=style)


def _place(provider: dict[str, Any]) -> Text:
    if provider.get("simulated"):
        return Text("built-in simulator", style="yellow")
    return Text(cell(provider.get("apiUrl")))
