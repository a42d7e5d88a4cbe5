"""``wework-message media``: files that messages name by their id."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
import rich_click as click

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import (
    cell,
    clock,
    console,
    details,
    print_json,
    print_page,
    show_list,
    table,
)
from wework_message.entrypoints.cli.uploading import EXISTING_FILE, MEDIA, upload_file

_FOLLOW_S: Final = 0.5
"""Between two looks at an asset."""

_SHOWN: Final = (
    ("mediaId", "media id"),
    ("state", "state"),
    ("reason", "failed because"),
    ("fileName", "name"),
    ("mimeType", "type"),
    ("size", "bytes"),
    ("sha256", "sha256"),
    ("width", "width"),
    ("height", "height"),
    ("durationSeconds", "seconds"),
    ("contentUrl", "content"),
)


@click.group("media")
def media() -> None:
    """Files that messages name by mediaId: upload them, have them fetched, list, show and delete them."""


@media.command("upload")
@click.argument("file", type=EXISTING_FILE)
@client_options
@click.pass_obj
def upload(services: ClientServices, *, file: Path, url: str, as_json: bool) -> int:
    """Upload FILE."""
    with client_of(services, url) as client:
        data = upload_file(client, file)
    return _show(data, as_json=as_json)


@media.command("fetch")
@click.argument("file_url", metavar="URL")
@click.option("--name", metavar="TEXT", help="Its file name, where that is not the end of the URL.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Stay until it is fetched, or failed.")
@client_options
@click.pass_obj
def fetch(services: ClientServices, *, file_url: str, name: str | None, follow: bool, url: str, as_json: bool) -> int:
    """Have the service fetch the file at URL. Exit code 65 where it failed."""
    body = {"url": file_url, "fileName": name}
    with client_of(services, url) as client:
        data = client.data("POST", MEDIA, body=msgspec.json.encode(body))
        if follow:
            data = _followed(client, data)
    return _show(data, as_json=as_json)


@media.command("list")
@page_options
@client_options
@click.pass_obj
def listed(services: ClientServices, *, limit: int, cursor: str | None, url: str, as_json: bool) -> int:
    """List assets, newest first."""
    with client_of(services, url) as client:
        items, following = client.pages(MEDIA, {}, limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("made (UTC)", "media id", "state", "type", "bytes", "name", right=("bytes",))
    for item in items:
        rows.add_row(
            clock(item.get("createdAt")), cell(item.get("mediaId")), cell(item.get("reason") or item.get("state")),
            cell(item.get("mimeType")), cell(item.get("size")), cell(item.get("fileName")),
        )  # fmt: skip
    show_list(rows, following, empty="no media")
    return ExitCode.OK


@media.command("show")
@click.argument("media_id")
@click.option("--follow", is_flag=True, help="Stay until it is fetched, or failed.")
@client_options
@click.pass_obj
def show(services: ClientServices, *, media_id: str, follow: bool, url: str, as_json: bool) -> int:
    """Show an asset, and the handles that providers gave for it. Exit code 65 where it failed."""
    with client_of(services, url) as client:
        data = client.data("GET", _path(media_id))
        if follow:
            data = _followed(client, data)
    return _show(data, as_json=as_json)


@media.command("delete")
@click.argument("media_id")
@client_options
@click.pass_obj
def delete(services: ClientServices, *, media_id: str, url: str, as_json: bool) -> int:
    """Delete an asset that no open message needs."""
    with client_of(services, url) as client:
        data = client.data("DELETE", _path(media_id))
    if as_json:
        print_json(data)
    else:
        console().print("deleted")
    return ExitCode.OK


def _followed(client: ServiceClient, data: dict[str, Any]) -> dict[str, Any]:
    """The asset once it is there, or will never be."""
    while data.get("state") == "PENDING":
        time.sleep(_FOLLOW_S)
        data = client.data("GET", _path(str(data["mediaId"])))
    return data


def _show(data: Mapping[str, Any], *, as_json: bool) -> int:
    code = ExitCode.REFUSED if data.get("state") == "FAILED" else ExitCode.OK
    if as_json:
        print_json(data)
        return code
    grid = details()
    for name, words in _SHOWN:
        if data.get(name) is not None:
            grid.add_row(words, cell(data[name]))
    for handle in data.get("handles") or ():
        grid.add_row(cell(handle.get("providerCode")), cell(f"{handle.get('kind')} {handle.get('fileId')}".rstrip()))
    console().print(grid)
    return code


def _path(media_id: str) -> str:
    return f"{MEDIA}/{quote(media_id, safe='')}"
