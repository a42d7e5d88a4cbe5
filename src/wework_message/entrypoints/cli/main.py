"""The command line as a whole: its commands, and the one place where a failure becomes an exit code."""

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NoReturn

import rich_click as click

from wework_message import __version__
from wework_message.entrypoints.cli.exit_codes import ExitCode, table
from wework_message.entrypoints.cli.failure import CommandFailedError, not_installed
from wework_message.entrypoints.cli.lazy_command import LazyCommand
from wework_message.entrypoints.cli.options import JSON_REQUESTED

_COMMANDS: Final = "wework_message.entrypoints.cli.commands"
_PROCESSES: Final = (
    ("serve", "serve", "Run the service: REST API, dispatch and callbacks, until SIGTERM or Ctrl-C."),
    ("consume", "serve", "Dispatch and project for `serve --no-dispatch`, until SIGTERM or Ctrl-C; health and metrics, but no REST API."),
)  # fmt: skip
_SIMULATOR: Final = (
    ("simulate", "simulate", "Imitate the API of the provider, strictly and with a ledger of what it executed."),
)  # fmt: skip
_OF_A_SERVICE: Final = (
    ("send", "send", "Send one message."),
    (
        "send-batch",
        "send_batch",
        "Send the messages of a file, of any length; after an interruption, the rest of them.",
    ),
    ("send-mass", "send_mass", "Send one content to many, by the provider's mass-send assistant."),
    ("status", "messages", "Show where a message stands."),
    ("retry", "messages", "Send a FAILED or EXPIRED message once more, under its id."),
    ("cancel", "messages", "Take back a message that nobody has begun to send."),
    ("recall", "messages", "Recall a message that was sent, from the conversation it is in."),
    ("messages", "message_list", "List messages, newest first."),
    ("batches", "batches", "Batches: withdraw what is not sent yet."),
    (
        "control",
        "control",
        "Stop sends at once, and let them go on: of an account, a provider, a batch, a tenant, or of everything.",
    ),
    ("routes", "explain", "Where a send would go now, and why."),
    (
        "accounts",
        "accounts",
        "Accounts with their bindings: list, create and change them, and keep all of them in a file.",
    ),
    (
        "media",
        "media",
        "Files that messages name by mediaId: upload them, have them fetched, list, show and delete them.",
    ),
    ("providers", "providers", "List the providers, the preferred one first, with their health."),
    ("failed", "failed", "Messages that failed: by cause, one by one, and sent anew at a chosen rate."),
    ("erasures", "erasures", "Erase what is held of a person or a room, a few rows at a time."),
    ("dlq", "dead_letters", "Dead letters of the intake topic: look at them, and put them through again."),
    (
        "callbacks",
        "callbacks",
        "Callbacks of providers: look at what was not applied, replay it, say who may bring them, verify what they proved.",
    ),
    ("audit", "audit", "The audit trail: who did what, from where, and how it ended; list and export it."),
    (
        "webhooks",
        "webhooks",
        "Webhooks: endpoints that are told of events, what became of each, and a receiver for this machine.",
    ),
)
_OF_AN_OPERATOR: Final = (
    ("migrate", "serve", "Bring the database's schema up to this version."),
    ("secrets", "secrets", "Encrypt secrets of files and of the database, and change the key."),
    ("keys", "keys", "API keys: make, list, rotate, revoke. In the database of the settings, which need not be served."),
    ("tenants", "tenants", "Tenants: create, list, disable, enable. In the database of the settings, which need not be served."),
    ("rocketmq", "rocketmq", "Prepare the RocketMQ cluster."),
    ("config", "serve", "Look at the settings."),
    ("doctor", "doctor", "Check settings, providers, database, Redis, RocketMQ, callbacks and what is stored; change nothing."),
    ("recover", "recover", "Mark what a restored backup would send again as UNKNOWN. Run it before any process serves that database."),
)  # fmt: skip
_CLICK_USAGE: Final = 2
_NOT_DECODED: Final = "surrogates not allowed"
"""Python's reason where it encodes bytes of an argument that it could not decode."""
_OWN_PACKAGE: Final = "wework_message"


class CommandLine(click.RichGroup):
    """A group whose commands return their exit code and whose failures have one from the table."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """As click's, but a wrong command line ends with 64, and log lines are as harmless as every other output."""
        from wework_message.entrypoints.cli.terminal import VisibleFormatter  # noqa: PLC0415

        if logging.lastResort is not None:
            logging.lastResort.setFormatter(VisibleFormatter())
        try:
            return super().main(*args, **extra)
        except SystemExit as ended:
            if ended.code == _CLICK_USAGE:
                raise SystemExit(ExitCode.USAGE) from None
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """In the order in which they were added, the first to try first."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> NoReturn:
        """Run the command and end with its code."""
        try:
            code = super().invoke(ctx)
        except CommandFailedError as failure:
            code = _report(failure, as_json=ctx.meta.get(JSON_REQUESTED, False))
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == _OWN_PACKAGE:
                code = _report_bug(error)
            else:
                code = _report(CommandFailedError(ExitCode.UNAVAILABLE, not_installed(error.name)))
        except (KeyboardInterrupt, click.Abort):  # the second where a question has no answer
            code = ExitCode.INTERRUPTED
        except (click.ClickException, BrokenPipeError):
            raise
        except Exception as error:
            if hasattr(error, "exit_code"):
                raise  # click's own Exit, after --help
            code = _report_error(error)
        ctx.exit(ExitCode.OK if code is None else int(code))


def _over_the_network() -> object:
    from wework_message.entrypoints.cli.client_options import ClientServices  # noqa: PLC0415 - only clients need it

    return ClientServices()


def _own_simulator() -> object:
    from wework_message.entrypoints.cli.commands.simulate import SimulatorServices  # noqa: PLC0415 - as above

    return SimulatorServices()


def build_cli(
    services: Callable[[], object],
    *programs: click.Command,
    client_services: Callable[[], object] = _over_the_network,
    simulator_services: Callable[[], object] = _own_simulator,
) -> click.RichGroup:
    """``wework-message`` with everything behind it; a command is imported when it is used, and what it calls is made then.

    `services` makes the `Services` of commands that read the settings, `client_services` the `ClientServices` of those that ask
    a running service, `simulator_services` the `SimulatorServices`. `programs` are commands that use this command line
    themselves; they are listed after those that start processes.
    """
    epilog = f"Exit codes:\n\n{table()}"
    group = CommandLine(
        name="wework-message",
        help="WeCom message gateway: accept once, send once, keep an honest status.",
        epilog=epilog,
        no_args_is_help=True,
        # `obj` is for a command that reads the settings in a group of commands that ask a service.
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "obj": services},
    )
    for command in (
        *_entries(_PROCESSES, services),
        *_entries(_SIMULATOR, simulator_services),
        *programs,
        *_entries(_OF_A_SERVICE, client_services),
        *_entries(_OF_AN_OPERATOR, services),
    ):
        group.add_command(command)
    return click.version_option(__version__, prog_name="wework-message")(group)


def _entries(rows: Iterable[tuple[str, str, str]], services: Callable[[], object]) -> Iterator[LazyCommand]:
    for name, module, summary in rows:
        yield LazyCommand(name, f"{_COMMANDS}.{module}", summary, services)


def _report(failure: CommandFailedError, *, as_json: bool = False) -> ExitCode:
    from wework_message.entrypoints.cli.output import error_console, print_json  # noqa: PLC0415 - `--version` prints without it
    from wework_message.entrypoints.cli.terminal import visible_lines  # noqa: PLC0415 - as above

    if as_json and failure.document is not None:
        print_json(failure.document)
        return failure.code
    out = error_console()
    first, *others = visible_lines(failure.message)
    out.print_line(("error:", "bold red"), " ", first)
    for line in (*others, *(line for detail in failure.details for line in visible_lines(detail))):
        out.print_line("  ", line)
    return failure.code


def _report_error(error: Exception) -> ExitCode:
    """One of our own errors has a code of the table, every other one is a bug."""
    from wework_message.domain.errors import WeworkMessageError  # noqa: PLC0415 - clients do without the domain

    if isinstance(error, UnicodeEncodeError) and error.reason == _NOT_DECODED:
        advice = "it must be UTF-8, and so must the locale: LC_ALL=C.UTF-8"
        return _report(
            CommandFailedError(ExitCode.USAGE, "an argument or a variable is no text in this locale", advice)
        )
    if not isinstance(error, WeworkMessageError):
        return _report_bug(error)
    from wework_message.entrypoints.cli.own_errors import of_error  # noqa: PLC0415 - as above

    return _report(CommandFailedError(of_error(error), str(error)))


def _report_bug(error: Exception) -> ExitCode:
    """Print where it broke, not the error's text: that of a foreign error may hold a message's content or a secret."""
    from wework_message.entrypoints.cli.output import error_console  # noqa: PLC0415 - `--version` prints without it

    out = error_console()
    out.print_line(("bug:", "bold red"), f" {type(error).__name__} (please report it with the lines below)")
    for frame in traceback.extract_tb(error.__traceback__):
        out.print_line(f"  {frame.filename}:{frame.lineno} in {frame.name}")
    return ExitCode.BUG
