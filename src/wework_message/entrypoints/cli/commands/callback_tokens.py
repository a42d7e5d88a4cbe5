"""``wework-message callbacks token``: who may bring callbacks."""

from typing import Any, Final
from urllib.parse import quote

import msgspec
import rich_click as click

from wework_message.domain.callback_tokens import DEFAULT_OVERLAP_S, MAX_OVERLAP_S
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import cell, clock, console, print_json, show_list, table

_TOKENS: Final = "/api/callbacks/tokens"


@click.group("token")
def token() -> None:
    """Tokens of callback URLs: make, list, rotate, revoke."""


@token.command("create")
@click.option("--provider", metavar="CODE", required=True, help="Whose callbacks come with it.")
@click.option("--guid", metavar="GUID", help="Only this instance's.  [default: all of the provider]")
@client_options
@click.pass_obj
def create(services: ClientServices, *, provider: str, guid: str | None, url: str, as_json: bool) -> int:
    """Make a token and show it, this once."""
    body = {"providerCode": provider} | ({} if guid is None else {"guid": guid})
    with client_of(services, url) as client:
        data = client.data("POST", _TOKENS, body=msgspec.json.encode(body))
    return _show_issued(data, as_json=as_json)


@token.command("list")
@client_options
@click.pass_obj
def listed(services: ClientServices, *, url: str, as_json: bool) -> int:
    """List the tokens that are valid, without their texts, which are kept nowhere."""
    with client_of(services, url) as client:
        data = client.data("GET", _TOKENS)
    if as_json:
        print_json(data)
        return ExitCode.OK
    rows = table("made (UTC)", "id", "provider", "guid", "ends (UTC)")
    for item in data["items"]:
        rows.add_row(
            clock(item.get("createdAt")), cell(item.get("tokenId")), cell(item.get("providerCode")),
            cell(item.get("guid")), clock(item.get("endsAt")),
        )  # fmt: skip
    show_list(rows, None, empty="there are no tokens")
    return ExitCode.OK


@token.command("rotate")
@click.argument("token_id", metavar="ID")
@click.option(
    "--overlap", metavar="SECONDS", type=click.IntRange(0, MAX_OVERLAP_S), default=DEFAULT_OVERLAP_S, show_default=True,
    help="How long the old one stays valid.",
)  # fmt: skip
@client_options
@click.pass_obj
def rotate(services: ClientServices, *, token_id: str, overlap: int, url: str, as_json: bool) -> int:
    """Make a token in the place of ID and show it, this once."""
    body = msgspec.json.encode({"overlapSeconds": overlap})
    with client_of(services, url) as client:
        data = client.data("POST", f"{_TOKENS}/{quote(token_id, safe='')}/rotate", body=body)
    code = _show_issued(data, as_json=as_json)
    if not as_json:
        console().print_line(f"{token_id} stays valid for {overlap} s more")
    return code


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Confirm: callbacks that come with it are refused from now on.")
@client_options
@click.pass_obj
def revoke(services: ClientServices, *, token_id: str, yes: bool, url: str, as_json: bool) -> int:
    """End a token now."""
    if not yes:
        raise click.UsageError("Callbacks that come with it are refused from now on: add --yes.")
    with client_of(services, url) as client:
        data = client.data("DELETE", f"{_TOKENS}/{quote(token_id, safe='')}")
    if as_json:
        print_json(data)
    else:
        console().print_line(f"{data['tokenId']} is revoked; every process refuses it within 5 s")
    return ExitCode.OK


def _show_issued(data: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(data)
        return ExitCode.OK
    out = console()
    out.print_line(data["token"])
    out.print_line("it is shown this once; every process knows it within 5 s. Its path behind the service's address:")
    out.print_line(data["path"])
    out.print_line(f"its id is {data['tokenId']}")
    return ExitCode.OK
