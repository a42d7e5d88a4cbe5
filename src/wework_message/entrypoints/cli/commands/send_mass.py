"""``wework-message send-mass``: one content to many, by the provider's mass-send assistant."""

import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, BinaryIO

import msgspec
import rich_click as click

from wework_message.entrypoints.cli.client import Answer, ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.output import console, print_json

_PATH = "/api/messages/send/batch"


@click.command("send-mass")
@click.argument("recipients", nargs=-1)
@click.option("--guid", metavar="GUID", help="The sender's instance.")
@click.option("--account", "account_id", metavar="ID", help="The sender's account, instead of --guid.")
@click.option("--text", metavar="TEXT", help="The text.")
@click.option(
    "--contents", type=click.File("rb"), metavar="FILE",
    help="A JSON object with more of the request, such as linkMsgList; - = stdin.",
)  # fmt: skip
@click.option(
    "--recipients", "listed", type=click.File("rb"), metavar="FILE", help="Recipients, one on each line; - = stdin."
)
@click.option("--key", metavar="KEY", help="Idempotency key: the same key never sends twice. Default: a new one.")
@click.option("--yes", is_flag=True, help="Confirm a mass send to many without a question.")
@client_options
@click.pass_obj
def send_mass(
    services: ClientServices, *, recipients: tuple[str, ...], guid: str | None, account_id: str | None, text: str | None,
    contents: BinaryIO | None, listed: BinaryIO | None, key: str | None, yes: bool, url: str, as_json: bool,
) -> int:  # fmt: skip
    """Send one content to many, by the provider's mass-send assistant.

    RECIPIENTS are S:<user>, or a user id alone, or R:<room>. A customer gets one a day.

    Examples: `send-mass --guid g1 --text "See you at ten" S:1001 R:2001`, or
    `send-mass --guid g1 --text hello --recipients people.txt --yes`.
    """
    named = [*recipients, *([] if listed is None else _lines(listed.read()))]
    if not named:
        raise click.UsageError("Name recipients, or a file of them with --recipients.")
    flags = {"guid": guid, "accountId": account_id, "content": text}
    request = {
        **({} if contents is None else _object(contents.read())),
        **{name: value for name, value in flags.items() if value is not None},
        "userList": [name for name in named if not name.startswith("R:")],
        "roomList": [name for name in named if name.startswith("R:")],
    }
    used = key or f"cli-{uuid.uuid4()}"
    with client_of(services, url) as client:
        answer = _post(client, request, used)
        if answer.error == "CONFIRMATION_REQUIRED" and isinstance(answer.data, dict):
            if not yes and not click.confirm(_question(answer.data), err=True):
                return ExitCode.INTERRUPTED
            answer = _post(client, request | {"confirmToken": answer.data.get("confirmToken")}, used)
    if answer.status >= HTTPStatus.BAD_REQUEST or not isinstance(answer.data, dict):
        raise answer.failure()
    if as_json:
        print_json(answer.data)
    else:
        _show(answer.data)
    return ExitCode.OK if answer.data["rejected"] == 0 else ExitCode.REFUSED


def _post(client: ServiceClient, request: dict[str, Any], key: str) -> Answer:
    headers = {"Idempotency-Key": key}
    try:
        return client.request("POST", _PATH, body=msgspec.json.encode(request), headers=headers)
    except CommandFailedError as failure:
        if failure.code is not ExitCode.TRY_AGAIN:
            raise
        raise CommandFailedError(
            failure.code, failure.message, *failure.details,
            f"it may have been accepted: repeat it with --key {key}, which never sends twice", document=failure.document,
        ) from None  # fmt: skip


def _lines(raw: bytes) -> Sequence[str]:
    try:
        return [line.strip() for line in raw.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise CommandFailedError(ExitCode.USAGE, "the file of recipients is not UTF-8") from None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        request = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        request = None
    if not isinstance(request, dict):
        raise CommandFailedError(ExitCode.USAGE, "--contents must be a file with a JSON object")
    return request


def _question(data: dict[str, Any]) -> str:
    return f"Send to {data.get('recipients')} recipients in {data.get('chunks')} calls?"


def _show(data: dict[str, Any]) -> None:
    out = console()
    calls = len(data.get("chunks") or ())
    out.print_line(
        f"batch {data['batchId']}: {data['accepted']} accepted, {data['rejected']} rejected, {calls} calls"
        + (" (accepted before)" if data.get("duplicate") else "")
    )
    for item in data["items"]:
        for problem in item.get("errors") or ():
            out.print_line(f"  {problem['path']}: {problem['message']}")
