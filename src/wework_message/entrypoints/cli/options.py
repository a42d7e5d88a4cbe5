"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import rich_click as click

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.services import Services

DEFAULT_URL: Final = "http://127.0.0.1:8082/message"

_Command = TypeVar("_Command", bound=Callable[..., Any])

url_option = click.option(
    "--url",
    envvar="WEWORK_MESSAGE_URL",
    default=DEFAULT_URL,
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="The running service, with its context path.",
)
JSON_REQUESTED: Final = "wework_message.cli.json"
"""Key in the context's shared `meta`: a failure is printed as JSON too."""


def _note_json(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    ctx.meta[JSON_REQUESTED] = value
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_note_json, help="Print the answer's data as JSON, and nothing else."
)


def client_options(command: _Command) -> _Command:
    """`--url` and `--json`."""
    return url_option(json_option(command))


def client_of(services: Services, url: str) -> ServiceClient:
    """A client for the service at `url`."""
    return ServiceClient(url, services.transport)
