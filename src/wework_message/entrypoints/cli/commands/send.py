"""``wework-message send``: one message from flags, fields or a file."""

import uuid
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import rich_click as click

from wework_message.domain.content import CONTENTS
from wework_message.domain.lifecycle import RESTING
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.field_values import field_value
from wework_message.entrypoints.cli.follow import follow, unsettled
from wework_message.entrypoints.cli.output import console, print_json, show_message, status_text
from wework_message.entrypoints.cli.uploading import EXISTING_FILE, upload_file

TYPES: Final = (*CONTENTS, "MIXED")
_MAX_SYNC_WAIT_S: Final = 30


@click.command("send")
@click.option("--guid", metavar="GUID", help="The sender's instance.")
@click.option("--account", "account_id", metavar="ID", help="The sender's account, instead of --guid.")
@click.option(
    "--pool", metavar="POOL", help="A pool of accounts, instead of --guid: the conversation keeps its account."
)
@click.option("--to", "conversation_id", metavar="CONVERSATION", help="S:<user>, S:<user>;<asid> or R:<room>.")
@click.option("--text", metavar="TEXT", help="The content of a TEXT.")
@click.option(
    "--type", "message_type", type=click.Choice(TYPES, case_sensitive=False), metavar="TYPE",
    help=f"Message type; TEXT if it is left out. One of {', '.join(TYPES)}.",
)  # fmt: skip
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE",
    help="A field of the request in the API's own name; numbers, true, false, lists and objects as JSON. Repeatable.",
)  # fmt: skip
@click.option("--file", "file", type=click.File("rb"), metavar="FILE", help="A whole request as JSON; - = stdin.")
@click.option("--media", type=EXISTING_FILE, metavar="FILE", help="Upload FILE, and send it as this --type.")
@click.option("--async", "is_async", is_flag=True, help="Return once it is accepted, do not wait for the outcome.")
@click.option("--key", metavar="KEY", help="Idempotency key: the same key never sends twice. Default: a new one.")
@click.option("--wait", type=click.IntRange(1, 86_400), metavar="SECONDS", help="Wait until the message rests.")
@client_options
@click.pass_obj
def send(
    services: ClientServices, *, guid: str | None, account_id: str | None, pool: str | None,
    conversation_id: str | None, text: str | None,
    message_type: str | None, fields: tuple[str, ...], file: BinaryIO | None, media: Path | None, is_async: bool,
    key: str | None, wait: int | None, url: str, as_json: bool,
) -> int:  # fmt: skip
    """Send one message.

    Examples: `send --guid g1 --to S:12345 --text Hello`, or
    `send --guid g1 --to R:1 --type MENTION --field content=Meeting --field 'atList=["0"]'`, or
    `send --guid g1 --to S:12345 --type IMAGE --media picture.png`, or `send --file request.json`.
    """
    flags = {"guid": guid, "accountId": account_id, "pool": pool, "conversationId": conversation_id, "content": text}
    flagged = {name: value for name, value in flags.items() if value is not None}
    if file is not None:
        if flagged or message_type or fields or media:
            raise click.UsageError("--file holds the whole request; leave the other fields out.")
        body = file.read()
    else:
        body = msgspec.json.encode(_request(flagged, message_type, fields))
    if media is not None and message_type is None:
        raise click.UsageError("--media needs --type, such as IMAGE or FILE.")
    with client_of(services, url) as client:
        repeated = ""
        if media is not None:
            fields = (*fields, f"mediaId={upload_file(client, media)['mediaId']}")
            body = msgspec.json.encode(_request(flagged, message_type, fields))
            repeated = f" and --field {fields[-1]} instead of --media"
        data, used = _post(client, body, repeated, is_async=is_async, key=key, wait=wait)
        if wait is not None and "messageId" in data:
            data = follow(client, data, wait)
    if as_json:
        print_json(data)
    else:
        _show(data, used)
    return _exit_code(data, waited=wait is not None)


def _request(flagged: dict[str, Any], message_type: str | None, fields: tuple[str, ...]) -> dict[str, Any]:
    if message_type is None and "content" not in flagged:
        raise click.UsageError("Say what to send: --text, --type with --field, or --file.")
    kind = (message_type or "TEXT").upper()
    request = {"messageType": kind, **flagged}
    for field in fields:
        name, equals, value = field.partition("=")
        if not name or not equals:
            raise click.UsageError(f"--field {field}: must be NAME=VALUE.")
        request[name] = field_value(kind, name, value)
    return request


def _post(
    client: ServiceClient, body: bytes, repeated: str, *, is_async: bool, key: str | None, wait: int | None
) -> tuple[dict[str, Any], str | None]:
    """The answer's data, and the idempotency key that a repetition needs (None where the body has one).

    `repeated`: what a repetition needs beside the key.
    """
    used = key or (None if _has_key(body) else f"cli-{uuid.uuid4()}")
    headers = {} if used is None else {"Idempotency-Key": used}
    if wait is not None and not is_async:
        headers["Prefer"] = f"wait={min(wait, _MAX_SYNC_WAIT_S)}"
    try:
        data = client.data(
            "POST", "/api/messages/send/async" if is_async else "/api/messages/send", body=body, headers=headers
        )
    except CommandFailedError as failure:
        if failure.code is not ExitCode.TRY_AGAIN or used is None:
            raise
        raise CommandFailedError(
            failure.code, failure.message, *failure.details,
            f"it may have been accepted: repeat it with --key {used}{repeated}, which never sends twice", document=failure.document,
        ) from None  # fmt: skip
    return data, used


def _has_key(body: bytes) -> bool:
    try:
        request = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    return isinstance(request, dict) and request.get("clientMessageId") is not None


def _show(data: dict[str, Any], key: str | None) -> None:
    out = console()
    for part in data.get("parts", ()):
        out.print_line(f"part {part['index'] + 1}  {part['messageId']}  ", status_text(part["status"]))
    if "groupId" in data:
        out.print_line(f"group   {data['groupId']}")
        return
    show_message(out, data)
    if data["status"] not in RESTING:
        out.print_line(
            f"accepted, not settled yet; follow it with: wework-message status {data['messageId']} --wait 60"
        )
        if key is not None:
            out.print_line(f"key {key}: a repetition with it sends nothing new")


def _exit_code(data: dict[str, Any], *, waited: bool) -> int:
    statuses = [part["status"] for part in data["parts"]] if "parts" in data else [data["status"]]
    if any(status in {"FAILED", "EXPIRED", "CANCELLED"} for status in statuses):
        return ExitCode.REFUSED
    return ExitCode.TRY_AGAIN if waited and unsettled(statuses) else ExitCode.OK
