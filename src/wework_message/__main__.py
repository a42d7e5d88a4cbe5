"""The console script, and ``python -m wework_message``."""

import sys

_EX_UNAVAILABLE = 69
"""`ExitCode.UNAVAILABLE`, whose module may be out of reach here."""


def main() -> None:
    """Run the command line; without the extra `server` it says what to install and ends with 69."""
    try:
        from wework_message.bootstrap.commands import cli  # noqa: PLC0415 - its packages may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "wework_message":
            raise
        sys.stderr.write(
            f"wework-message: the package {error.name} is not installed; "
            "install the service with: pip install 'wework-message[server]'\n"
        )
        sys.exit(_EX_UNAVAILABLE)
    cli()


if __name__ == "__main__":
    main()
