"""The command line as a whole: its commands, and the one place where a failure becomes an exit code."""

import logging
import traceback
from typing import Any, Final, NoReturn

import rich_click as click

from wework_message import __version__
from wework_message.domain.errors import WeworkMessageError
from wework_message.entrypoints.cli.commands.callbacks import callbacks
from wework_message.entrypoints.cli.commands.dead_letters import dlq
from wework_message.entrypoints.cli.commands.doctor import doctor
from wework_message.entrypoints.cli.commands.messages import cancel, messages, recall, retry, status
from wework_message.entrypoints.cli.commands.providers import providers
from wework_message.entrypoints.cli.commands.recover import recover
from wework_message.entrypoints.cli.commands.rocketmq import rocketmq
from wework_message.entrypoints.cli.commands.send import send
from wework_message.entrypoints.cli.commands.serve import config, consume, migrate, serve
from wework_message.entrypoints.cli.commands.simulate import simulate
from wework_message.entrypoints.cli.exit_codes import ExitCode, of_error, table
from wework_message.entrypoints.cli.failure import CommandFailedError, not_installed
from wework_message.entrypoints.cli.options import JSON_REQUESTED
from wework_message.entrypoints.cli.output import error_console, print_json
from wework_message.entrypoints.cli.services import Services
from wework_message.entrypoints.cli.terminal import VisibleFormatter, visible_lines

_PROCESSES: Final = (serve, consume, simulate)
_COMMANDS: Final = (
    send, status, retry, cancel, recall, messages, providers, dlq, callbacks, migrate, rocketmq,
    config, doctor, recover,
)  # fmt: skip
_CLICK_USAGE: Final = 2
_OWN_PACKAGE: Final = "wework_message"


class CommandLine(click.RichGroup):
    """A group whose commands return their exit code and whose failures have one from the table."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """As click's, but a wrong command line ends with 64, and log lines are as harmless as every other output."""
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
        except WeworkMessageError as error:
            code = _report(CommandFailedError(of_error(error), str(error)))
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == _OWN_PACKAGE:
                code = _report_bug(error)
            else:
                code = _report(CommandFailedError(ExitCode.UNAVAILABLE, not_installed(error.name)))
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        except (click.ClickException, BrokenPipeError):
            raise
        except Exception as error:
            if hasattr(error, "exit_code"):
                raise  # click's own Exit, after --help
            code = _report_bug(error)
        ctx.exit(ExitCode.OK if code is None else int(code))


def build_cli(services: Services, *programs: click.Command) -> click.RichGroup:
    """``wework-message`` with everything behind it.

    `programs` are commands that use this command line themselves; they are listed after those that start processes.
    """
    epilog = f"Exit codes:\n\n{table()}"
    group = CommandLine(
        name="wework-message",
        help="WeCom (企业微信) message gateway: accept once, send once, keep an honest status.",
        epilog=epilog,
        no_args_is_help=True,
        context_settings={"obj": services, "help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    for command in (*_PROCESSES, *programs, *_COMMANDS):
        group.add_command(command)
    return click.version_option(__version__, prog_name="wework-message")(group)


def _report(failure: CommandFailedError, *, as_json: bool = False) -> ExitCode:
    if as_json and failure.document is not None:
        print_json(failure.document)
        return failure.code
    out = error_console()
    first, *others = visible_lines(failure.message)
    out.print_line(("error:", "bold red"), " ", first)
    for line in (*others, *(line for detail in failure.details for line in visible_lines(detail))):
        out.print_line("  ", line)
    return failure.code


def _report_bug(error: Exception) -> ExitCode:
    """Print where it broke, not the error's text: that of a foreign error may hold a message's content or a secret."""
    out = error_console()
    out.print_line(("bug:", "bold red"), f" {type(error).__name__} (please report it with the lines below)")
    for frame in traceback.extract_tb(error.__traceback__):
        out.print_line(f"  {frame.filename}:{frame.lineno} in {frame.name}")
    return ExitCode.BUG
