"""``wework-message accounts``: the senders with their bindings; what changes them is in modules of its own."""

from collections.abc import Mapping
from typing import Any

import rich_click as click
from rich.text import Text

from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.commands.account_bindings import BINDINGS
from wework_message.entrypoints.cli.commands.account_changes import CHANGES
from wework_message.entrypoints.cli.commands.account_output import account_path, limits_text, show_account
from wework_message.entrypoints.cli.commands.fleet import FLEET
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.fleet.run import ACCOUNTS
from wework_message.entrypoints.cli.output import cell, print_page, show_list, table


@click.group("accounts")
def accounts() -> None:
    """Accounts with their bindings: list, create and change them, and keep all of them in a file."""


@accounts.command("list")
@click.option("--guid", metavar="GUID", help="Only the account with this guid.")
@click.option("--provider", "provider_code", metavar="CODE", help="Only accounts with a binding at this provider.")
@click.option("--pool", metavar="POOL", help="Only accounts of this pool.")
@click.option("--enabled/--disabled", "enabled", default=None, help="Only accounts that are switched on, or off.")
@click.option("--implicit", is_flag=True, help="With the accounts of guids that nobody registered.")
@page_options
@client_options
@click.pass_obj
def listed(
    services: ClientServices, *, guid: str | None, provider_code: str | None, pool: str | None, enabled: bool | None,
    implicit: bool, limit: int, cursor: str | None, url: str, as_json: bool,
) -> int:  # fmt: skip
    """List accounts by id."""
    filters = {
        "guid": guid, "providerCode": provider_code, "pool": pool, "enabled": None if enabled is None else str(enabled).lower(),
        "includeImplicit": "true" if implicit else None,
    }  # fmt: skip
    query = {name: value for name, value in filters.items() if value is not None}
    with client_of(services, url) as client:
        items, following = client.pages(ACCOUNTS, query, limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("account", "name", "state", "pools", "bindings", "limits", right=("bindings",))
    for item in items:
        rows.add_row(
            cell(item.get("accountId")), cell(item.get("name")), _state(item), cell(", ".join(item.get("pools", ()))),
            cell(len(item.get("bindings", ()))), cell(limits_text(item)),
        )  # fmt: skip
    show_list(rows, following, empty="no accounts")
    return ExitCode.OK


@accounts.command("show")
@click.argument("account_id")
@client_options
@click.pass_obj
def show(services: ClientServices, *, account_id: str, url: str, as_json: bool) -> int:
    """Show one account with its bindings."""
    with client_of(services, url) as client:
        data = client.data("GET", account_path(account_id))
    show_account(data, as_json=as_json)
    return ExitCode.OK


def _state(account: Mapping[str, Any]) -> Text:
    if not account.get("enabled", True):
        return Text("disabled", style="dim")
    state = str(account.get("state"))
    return Text(cell(state), style={"ONLINE": "green", "OFFLINE": "bold red"}.get(state, ""))


for _command in (*CHANGES, *BINDINGS, *FLEET):
    accounts.add_command(_command)
