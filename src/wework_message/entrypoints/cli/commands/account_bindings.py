"""What concerns the bindings of accounts: ``accounts bind|unbind|activate|login``."""

import sys
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, BinaryIO, Final
from urllib.parse import quote

import msgspec
import rich_click as click

from wework_message.domain.account import Standby
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.commands.account_output import account_path, show_account
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.fleet.document import BINDING_SETTINGS
from wework_message.entrypoints.cli.output import console, print_json


@click.command("bind")
@click.argument("account_id")
@click.argument("provider_code", metavar="PROVIDER")
@click.argument("guid")
@click.option(
    "--standby", type=click.Choice(tuple(Standby), case_sensitive=False), metavar="WHAT",
    help="HOT sends, WARM has a saved session, COLD needs a person.",
)  # fmt: skip
@click.option("--priority", type=int, metavar="N", help="Smaller is tried first.")
@click.option("--weight", type=int, metavar="N", help="Its share among equals.")
@click.option("--device-slot", metavar="TEXT", help="The kind of device that it logs in as.")
@click.option("--enabled/--disabled", "enabled", default=None, help="Whether it takes messages.")
@client_options
@click.pass_obj
def bind(
    services: ClientServices, *, account_id: str, provider_code: str, guid: str, standby: str | None, priority: int | None,
    weight: int | None, device_slot: str | None, enabled: bool | None, url: str, as_json: bool,
) -> int:  # fmt: skip
    """Bind an instance to an account, or change the binding that it has there already."""
    options = {
        "standby": standby, "priority": priority, "weight": weight, "deviceSlot": device_slot, "enabled": enabled,
    }  # fmt: skip
    settings = {name: value for name, value in options.items() if value is not None}
    path = account_path(account_id)
    with client_of(services, url) as client:
        known = _binding(client, path, provider_code, guid)
        if known is None:
            body = {"providerCode": provider_code, "guid": guid, **settings}
            data = client.data("POST", f"{path}/bindings", body=msgspec.json.encode(body))
        else:
            body = {name: known[name] for name in BINDING_SETTINGS} | settings
            data = client.data("PUT", _binding_path(path, known), body=msgspec.json.encode(body))
    show_account(data, as_json=as_json)
    return ExitCode.OK


@click.command("unbind")
@click.argument("account_id")
@click.argument("provider_code", metavar="PROVIDER")
@click.argument("guid")
@client_options
@click.pass_obj
def unbind(services: ClientServices, *, account_id: str, provider_code: str, guid: str, url: str, as_json: bool) -> int:
    """Remove an instance from an account; calls that are open end as they would have."""
    with client_of(services, url) as client:
        data = client.data("DELETE", _known_path(client, account_id, provider_code, guid))
    show_account(data, as_json=as_json)
    return ExitCode.OK


@click.command("activate")
@click.argument("account_id")
@click.argument("provider_code", metavar="PROVIDER")
@click.argument("guid")
@click.option("--demote", is_flag=True, help="Also where an instance that may be online holds its device slot.")
@client_options
@click.pass_obj
def activate(
    services: ClientServices, *, account_id: str, provider_code: str, guid: str, demote: bool, url: str, as_json: bool
) -> int:
    """Log the instance of a WARM binding in, and send through it; takes up to 25 s."""
    with client_of(services, url) as client:
        path = _known_path(client, account_id, provider_code, guid)
        data = client.data("POST", f"{path}/activate", params={"demote": "true"} if demote else None)
    show_account(data, as_json=as_json)
    return ExitCode.OK


@click.command("login")
@click.argument("account_id")
@click.argument("provider_code", metavar="[PROVIDER]", required=False)
@click.argument("guid", required=False)
@click.option(
    "--image", type=click.File("wb", lazy=True), metavar="FILE", help="Write the QR code as a picture; - = stdout."
)
@click.option(
    "--code",
    "verify",
    is_flag=True,
    help="Pass on the code that WeCom asks for after the scan; it is typed unseen.",
)
@client_options
@click.pass_obj
def login(
    services: ClientServices, *, account_id: str, provider_code: str | None, guid: str | None, image: BinaryIO | None, verify: bool,
    url: str, as_json: bool,
) -> int:  # fmt: skip
    """Show what a person scans to log an instance in: the content of a QR code.

    PROVIDER and GUID name the instance where the account has several. Whoever scans it puts an account of theirs there.
    Where WeCom then asks for a code, pass it on with --code; it is no argument, because those are in the history of the shell.
    """
    if (provider_code is None) != (guid is None):
        raise click.UsageError("Name the instance by PROVIDER and GUID, or by neither.")
    if verify and image is not None:
        raise click.UsageError("--code passes a code on and shows none: leave --image out.")
    body = _typed_code() if verify else None
    with client_of(services, url) as client:
        if provider_code is None or guid is None:
            path = _only_path(client, account_id)
        else:
            path = _known_path(client, account_id, provider_code, guid)
        data = client.data("POST", f"{path}/login-code" if body is None else f"{path}/login-code/verify", body=body)
    if body is not None:
        show_account(data, as_json=as_json)
    elif image is not None:
        if not data.get("image"):
            raise CommandFailedError(ExitCode.REFUSED, "the provider gave no picture; leave --image out")
        image.write(b64decode(data["image"]))
    elif as_json:
        print_json(data)
    else:
        console().print_line(data["content"])
    return ExitCode.OK


def _typed_code() -> bytes:
    """The request with the code of a login, which a person types unseen; without a terminal it is a line of stdin."""
    typed = click.prompt("Code", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return msgspec.json.encode({"code": typed.strip()})


def _only_path(client: ServiceClient, account_id: str) -> str:
    path = account_path(account_id)
    bindings = client.data("GET", path)["bindings"]
    if len(bindings) != 1:
        text = f"account {account_id} has {len(bindings)} bindings: name the instance by PROVIDER and GUID"
        raise CommandFailedError(ExitCode.USAGE, text, document={"error": "VALIDATION_FAILED", "message": text})
    return _binding_path(path, bindings[0])


def _known_path(client: ServiceClient, account_id: str, provider_code: str, guid: str) -> str:
    path = account_path(account_id)
    known = _binding(client, path, provider_code, guid)
    if known is None:
        text = f"account {account_id} has no binding {provider_code} {guid}"
        raise CommandFailedError(ExitCode.NOT_FOUND, text, document={"error": "NOT_FOUND", "message": text})
    return _binding_path(path, known)


def _binding(client: ServiceClient, path: str, provider_code: str, guid: str) -> Mapping[str, Any] | None:
    bindings = client.data("GET", path)["bindings"]
    return next((known for known in bindings if (known["providerCode"], known["guid"]) == (provider_code, guid)), None)


def _binding_path(path: str, binding: Mapping[str, Any]) -> str:
    return f"{path}/bindings/{quote(binding['bindingId'], safe='')}"


BINDINGS: Final = (bind, unbind, activate, login)
