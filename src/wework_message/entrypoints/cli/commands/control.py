"""``wework-message control``: stop sends at once, and let them go on."""

from getpass import getuser
from typing import Any, Final

import msgspec
import rich_click as click

from wework_message.domain.control import PauseScope
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import cell, clock, console, print_json, show_list, table

_ROOT: Final = "/api/control"
_SCOPES: Final = click.Choice([scope.value.lower() for scope in PauseScope], case_sensitive=False)


@click.group("control")
def control() -> None:
    """Stop sends at once, and let them go on: of an account, a provider, a batch, a tenant, or of everything."""


@control.command("list")
@client_options
@click.pass_obj
def listed(services: ClientServices, *, url: str, as_json: bool) -> int:
    """List what is paused, the oldest pause first."""
    with client_of(services, url) as client:
        data = client.data("GET", _ROOT)
    if as_json:
        print_json(data)
        return ExitCode.OK
    rows = table("since (UTC)", "scope", "id", "by", "reason")
    for item in data["items"]:
        rows.add_row(
            clock(item.get("since")), cell(item.get("scope")), cell(item.get("id")), cell(item.get("by")),
            cell(item.get("reason")),
        )  # fmt: skip
    show_list(rows, None, empty="nothing is paused")
    return ExitCode.OK


@control.command("pause")
@click.argument("scope", type=_SCOPES)
@click.argument("scope_id", metavar="[ID]", required=False)
@click.option("--reason", metavar="TEXT", help="Why, for those who find it paused.")
@click.option("--by", metavar="NAME", help="Who pauses.  [default: your login name]")
@client_options
@click.pass_obj
def pause(
    services: ClientServices, *, scope: str, scope_id: str | None, reason: str | None, by: str | None,
    url: str, as_json: bool,
) -> int:  # fmt: skip
    """Stop the sends of SCOPE: service, tenant, provider, account or batch; all but service need an ID."""
    body = _place(scope, scope_id) | _present(reason=reason, by=by or _login())
    with client_of(services, url) as client:
        data = client.data("POST", f"{_ROOT}/pause", body=msgspec.json.encode(body))
    if as_json:
        print_json(data)
    else:
        console().print_line(f"{_named(data)} is paused since {data['since']}; calls that are open end by themselves")
    return ExitCode.OK


@control.command("resume")
@click.argument("scope", type=_SCOPES)
@click.argument("scope_id", metavar="[ID]", required=False)
@client_options
@click.pass_obj
def resume(services: ClientServices, *, scope: str, scope_id: str | None, url: str, as_json: bool) -> int:
    """Take the pause of SCOPE back: what waited is due again, at the usual pace."""
    with client_of(services, url) as client:
        data = client.data("POST", f"{_ROOT}/resume", body=msgspec.json.encode(_place(scope, scope_id)))
    if as_json:
        print_json(data)
    else:
        console().print_line(f"{_named(data)} {'goes on' if data['resumed'] else 'was not paused'}")
    return ExitCode.OK


def _place(scope: str, scope_id: str | None) -> dict[str, Any]:
    return {"scope": scope.upper()} | _present(id=scope_id)


def _present(**fields: str | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _named(data: dict[str, Any]) -> str:
    scope = str(data["scope"]).lower()
    return f"the {scope}" if data.get("id") is None else f"{scope} {data['id']}"


def _login() -> str | None:
    """A container may have no name for its user."""
    try:
        return getuser()
    except (KeyError, OSError):
        return None
