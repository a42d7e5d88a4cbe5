"""What changes accounts: ``accounts create|change|enable|disable``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, Final, TypeVar

import msgspec
import rich_click as click

from wework_message.domain.message.options import OnUnknown
from wework_message.domain.quota import Period
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.commands.account_output import account_path, show_account
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.fleet.document import CHANGED_BY_PUT
from wework_message.entrypoints.cli.fleet.run import ACCOUNTS

_Command = TypeVar("_Command", bound=Callable[..., Any])

UNSETTABLE: Final = tuple(name for name in CHANGED_BY_PUT if name not in {"enabled", "vid"})
"""`enabled` has commands of its own, and a `vid` that is known stays."""


class BudgetType(click.ParamType[dict[str, Any]]):
    """``MINUTE=20`` as the API has it."""

    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """A period and a number; whether it may be that number, the service says."""
        per, _, limit = str(value).partition("=")
        if per.upper() not in tuple(Period) or not (limit.isascii() and limit.isdecimal()):
            self.fail(f"{value}: must be {', '.join(Period)} and a number, such as MINUTE=20.", param, ctx)
        return {"per": per.upper(), "limit": int(limit)}


_SETTINGS: Final = (
    click.option("--name", metavar="TEXT", help="Its name, for people."),
    click.option("--corp-id", metavar="ID", help="The enterprise that it belongs to."),
    click.option("--vid", metavar="DIGITS", help="Its own WeCom user id; learnt from answers where it is not given."),
    click.option("--pool", "pools", multiple=True, metavar="POOL", help="A pool that it is in. Repeatable."),
    click.option(
        "--on-unknown", type=click.Choice(tuple(OnUnknown), case_sensitive=False), metavar="WHAT",
        help=f"What becomes of its messages that are UNKNOWN: {', '.join(OnUnknown)}.",
    ),
    click.option(
        "--budget", "budgets", type=BudgetType(), multiple=True, metavar="PERIOD=LIMIT",
        help="How much it may send: MINUTE=20, HOUR=500 or DAY=3000. Repeatable.",
    ),
    click.option("--min-interval-ms", type=int, metavar="MS", help="Between two calls of one conversation."),
    click.option(
        "--quiet-hours", nargs=3, metavar="FROM TO ZONE",
        help="When it sends nothing, such as 22:00 08:00 Asia/Shanghai.",
    ),
    click.option("--bulk-share", type=float, metavar="PART", help="The part of each budget that bulk may use, such as 0.5."),
)  # fmt: skip


def _settings_options(command: _Command) -> _Command:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the options that were given, in the API's names."""
    quiet = options["quiet_hours"]
    fields = {
        "name": options["name"],
        "corpId": options["corp_id"],
        "vid": options["vid"],
        "pools": list(options["pools"]) or None,
        "onUnknown": options["on_unknown"],
        "budgets": list(options["budgets"]) or None,
        "minIntervalMs": options["min_interval_ms"],
        "quietHours": quiet and {"from": quiet[0], "to": quiet[1], "zone": quiet[2]},
        "bulkShare": options["bulk_share"],
    }
    return {name: value for name, value in fields.items() if value is not None}


@click.command("create")
@click.argument("account_id", required=False)
@_settings_options
@click.option("--disabled", is_flag=True, help="Switched off at first.")
@click.option(
    "--bind", "instances", nargs=2, multiple=True, metavar="PROVIDER GUID", help="An instance of it. Repeatable."
)
@click.option("--place", is_flag=True, help="Make an instance for it, at the provider with the most room.")
@click.option("--provider", "provider_code", metavar="CODE", help="With --place: only there.")
@click.option("--place-again", is_flag=True, help="With --place: another one, although one was perhaps made before.")
@click.option("--file", "file", type=click.File("rb"), metavar="FILE", help="The whole request as JSON; - = stdin.")
@client_options
@click.pass_obj
def create(
    services: ClientServices, /, *, account_id: str | None, disabled: bool, instances: Sequence[tuple[str, str]], place: bool,
    provider_code: str | None, place_again: bool, file: BinaryIO | None, url: str, as_json: bool, **settings: Any,
) -> int:  # fmt: skip
    """Register an account.

    Without ACCOUNT_ID it is named after its first guid, and takes over what was sent under that guid before. With --place an
    instance is made for it; `accounts login` shows what to scan then. The same command again makes no second one.
    """
    body: dict[str, Any] = {} if account_id is None else {"accountId": account_id}
    placing = {"place": place, "providerCode": provider_code, "placeAgain": place_again}
    body |= {name: value for name, value in placing.items() if value}
    body |= _settings(settings)
    if disabled:
        body["enabled"] = False
    if instances:
        body["bindings"] = [{"providerCode": code, "guid": guid} for code, guid in instances]
    if file is not None and body:
        raise click.UsageError("--file holds the whole request; leave the other fields out.")
    with client_of(services, url) as client:
        content = msgspec.json.encode(body) if file is None else file.read()
        show_account(client.data("POST", ACCOUNTS, body=content), as_json=as_json)
    return ExitCode.OK


@click.command("change")
@click.argument("account_id")
@_settings_options
@click.option(
    "--unset", multiple=True, type=click.Choice(UNSETTABLE), metavar="FIELD",
    help=f"Give a field its default: {', '.join(UNSETTABLE)}. Repeatable.",
)  # fmt: skip
@client_options
@click.pass_obj
def change(
    services: ClientServices, /, *, account_id: str, unset: Sequence[str], url: str, as_json: bool, **settings: Any
) -> int:
    """Change some fields of an account; the others stay."""
    changes = _settings(settings)
    if not changes and not unset:
        raise click.UsageError("Say what to change.")
    if both := sorted(changes.keys() & set(unset)):
        raise click.UsageError(f"{both[0]} cannot be set and unset.")
    return _change(services, url, account_id, {**changes, **dict.fromkeys(unset)}, as_json=as_json)


@click.command("enable")
@click.argument("account_id")
@client_options
@click.pass_obj
def enable(services: ClientServices, *, account_id: str, url: str, as_json: bool) -> int:
    """Switch an account on: what was held for it goes out."""
    return _change(services, url, account_id, {"enabled": True}, as_json=as_json)


@click.command("disable")
@click.argument("account_id")
@client_options
@click.pass_obj
def disable(services: ClientServices, *, account_id: str, url: str, as_json: bool) -> int:
    """Switch an account off: sends are refused, and what waits is held."""
    return _change(services, url, account_id, {"enabled": False}, as_json=as_json)


def _change(services: ClientServices, url: str, account_id: str, changes: Mapping[str, Any], *, as_json: bool) -> int:
    """PUT replaces: what stays is sent as it was read, and refused where somebody changed it meanwhile."""
    path = account_path(account_id)
    with client_of(services, url) as client:
        stored = client.data("GET", path)
        body = {name: stored[name] for name in CHANGED_BY_PUT} | {"version": stored["version"]} | dict(changes)
        show_account(client.data("PUT", path, body=msgspec.json.encode(body)), as_json=as_json)
    return ExitCode.OK


CHANGES: Final = (create, change, enable, disable)
