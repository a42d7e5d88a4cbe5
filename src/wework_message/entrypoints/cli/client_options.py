"""What the commands share that ask a running service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx
import rich_click as click

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.keys import DEFAULT_FILE, FILE_VARIABLE, KEY_VARIABLE, key_of
from wework_message.entrypoints.cli.options import json_option

DEFAULT_URL: Final = "http://127.0.0.1:8082/message"

_Command = TypeVar("_Command", bound=Callable[..., Any])

_url_option = click.option(
    "--url",
    envvar="WEWORK_MESSAGE_URL",
    default="",
    show_default="where the settings of this folder and the environment have it listen",
    show_envvar=True,
    metavar="URL",
    help="The running service, with its context path.",
)


_KEY_FILE: Final = "wework_message.cli.key_file"
"""Key in the context's shared `meta`: the file with the API key, where one is named."""


def _note_key_file(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    ctx.meta[_KEY_FILE] = value


_key_file_option = click.option(
    "--key-file",
    envvar=FILE_VARIABLE,
    show_envvar=True,
    metavar="FILE",
    expose_value=False,
    callback=_note_key_file,
    help=f"The file with the API key, with the mode 0600; default {DEFAULT_FILE}. {KEY_VARIABLE} may hold the key itself.",
)


@dataclass(frozen=True, slots=True)
class ServicePlace:
    """Where a service should listen."""

    url: str
    """With its context path."""
    reason: str = ""
    """Who says so, such as ``server.port of file config/application.yml``; empty = nobody: it is the default."""


def default_place() -> ServicePlace:
    """The place of a service whose settings say nothing of it."""
    return ServicePlace(DEFAULT_URL)


@dataclass(frozen=True, slots=True)
class ClientServices:
    """What stands behind the commands that ask a running service; tests provide their own."""

    transport: httpx.BaseTransport | None = None
    """None = the network."""
    find_service: Callable[[], ServicePlace] = default_place
    """Called where no URL is named; raises `CommandFailedError` where the settings cannot be read."""


def service_options(command: _Command) -> _Command:
    """`--url` and `--key-file`, of every command that asks a service."""
    return _url_option(_key_file_option(command))


def client_options(command: _Command) -> _Command:
    """`--url`, `--key-file` and `--json`."""
    return service_options(json_option(command))


def page_options(command: _Command) -> _Command:
    """`--limit` and `--cursor` of a list."""
    limit = click.option(
        "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
    )
    cursor = click.option("--cursor", metavar="CURSOR", help="Go on where an earlier list ended.")
    return limit(cursor(command))


def client_of(services: ClientServices, url: str) -> ServiceClient:
    """A client for the service at `url` (empty = where it is to be looked for), with the caller's key; raises `CommandFailedError`."""
    place = ServicePlace(url) if url else services.find_service()
    return ServiceClient(place.url, services.transport, key=key_of(_named_key_file()), reason=place.reason)


def _named_key_file() -> str | None:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_KEY_FILE)
