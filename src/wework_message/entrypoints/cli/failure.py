"""The error that ends a command."""

from collections.abc import Mapping
from typing import Any

from wework_message.entrypoints.cli.exit_codes import ExitCode


class CommandFailedError(Exception):
    """The command ends with `code`; the text is for a person and safe to show."""

    def __init__(self, code: ExitCode, message: str, *details: str, document: Mapping[str, Any] | None = None) -> None:
        """`details` are further lines, `document` what ``--json`` prints instead of them."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.document = document


def not_installed(package: str | None) -> str:
    """What to do about a missing third-party package."""
    return (
        f"the package {package or 'that this needs'} is not installed; "
        "install the service with: pip install 'wework-message[server]'"
    )
