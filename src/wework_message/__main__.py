"""The console script, and ``python -m wework_message``."""

import io
import os
import signal
import sys

_EX_UNAVAILABLE = 69
"""`ExitCode.UNAVAILABLE`, whose module may be out of reach here."""


def _open_standard_streams() -> None:
    """Put /dev/null where a standard stream is closed: the next file or socket would get its number, and our output."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 -- for as long as the process


def _escape_what_has_no_bytes() -> None:
    """A stream that cannot encode a character, as in ``LC_ALL=C`` or a Windows code page, gets its escape: no output ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end_by_sigterm() -> None:
    """Process 1, as in a container, has no default action: until the service takes it over, SIGTERM would be lost on it."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))


def main() -> None:
    """Run the command line; without the extra `server` it says what to install and ends with 69."""
    _end_by_sigterm()
    _open_standard_streams()
    _escape_what_has_no_bytes()
    # A directory that another program left in the environment: our registry is of one process, and must not share its files.
    for variable in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        os.environ.pop(variable, None)
    try:
        from wework_message.bootstrap.command_line import cli  # noqa: PLC0415 - its packages may be missing
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
