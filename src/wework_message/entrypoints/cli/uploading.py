"""A file on its way from this machine to the service."""

from pathlib import Path
from typing import Any, Final

import rich_click as click

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

MEDIA: Final = "/api/media"

EXISTING_FILE: Final = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
"""The type of a parameter that names a file to upload."""


def upload_file(client: ServiceClient, file: Path) -> Any:
    """The asset that it became; raises `CommandFailedError`, also where the file cannot be read."""
    try:
        with file.open("rb") as opened:
            return client.data("POST", MEDIA, files={"file": (file.name, opened)})
    except OSError as error:
        raise CommandFailedError(ExitCode.USAGE, f"the file cannot be read: {error.strerror}") from None
