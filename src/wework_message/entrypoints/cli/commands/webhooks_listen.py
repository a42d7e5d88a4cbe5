"""``wework-message webhooks listen``: a receiver for developers."""

import contextlib
import signal
import time
from typing import Any

import rich_click as click

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.instants import utc_text
from wework_message.domain.signatures import SigningSecret
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.output import cell, console, print_json, time_of_day
from wework_message.entrypoints.cli.terminal import visible_lines
from wework_message.entrypoints.cli.webhook_receiver import ReceivedEvent, WebhookReceiver


class _SecretType(click.ParamType[SigningSecret]):
    """``whsec_...``, which no error text repeats."""

    name = "secret"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> SigningSecret:
        """Read one secret; fails as a usage error."""
        if isinstance(value, SigningSecret):
            return value
        try:
            return SigningSecret.parse(str(value))
        except InvalidValueError as error:
            self.fail(error.message, param, ctx)


@click.command("listen")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="0 = any free one.")
@click.option(
    "--secret", "secrets", type=_SecretType(), multiple=True, required=True, metavar="whsec_...",
    envvar="WEWORK_MESSAGE_WEBHOOK_SECRET", show_envvar=True,
    help="A secret of the endpoint. Repeatable, while it is rotated. Other users of this machine do not see the variable.",
)  # fmt: skip
@click.option(
    "--answer", type=click.IntRange(200, 599), default=204, show_default=True, metavar="STATUS",
    help="What verified events are answered with, such as 500. Others are answered 401.",
)  # fmt: skip
@click.option("--show-content", is_flag=True, help="Print the bodies too: they are about customers.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each event, and one with the URL first.")
def listen(
    *, host: str, port: int, secrets: tuple[SigningSecret, ...], answer: int, show_content: bool, as_json: bool
) -> int:
    """Receive events on this machine, verify their signatures, and print a line for each. Ends with Ctrl-C.

    The service delivers to this machine only where app.outbound.allow-networks has its address.
    """

    def show(event: ReceivedEvent) -> None:
        if as_json:
            print_json(_document(event, show_content=show_content), indent=-1)
        else:
            _print(event, show_content=show_content)

    try:
        receiver = WebhookReceiver((host, port), secrets, answer, show)
    except OSError as error:
        raise CommandFailedError(ExitCode.CONFIGURATION, f"cannot listen on {host}:{port}: {error.strerror}") from None
    with receiver, contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if as_json:
            print_json({"url": receiver.url}, indent=-1)
        else:
            console().print_line(f"listening on {receiver.url}")
        receiver.serve_forever(poll_interval=0.1)
    return ExitCode.OK


def _document(event: ReceivedEvent, *, show_content: bool) -> dict[str, object]:
    document = {
        "receivedAt": _now(), "verified": event.verified, "check": event.check, "webhookId": event.webhook_id,
        "type": event.type, "messageId": event.message_id, "status": event.status, "sequence": event.sequence,
        "answered": event.answered,
    }  # fmt: skip
    return document | ({"body": event.body} if show_content else {})


def _print(event: ReceivedEvent, *, show_content: bool) -> None:
    out = console()
    sequence = "-" if event.sequence is None else f"#{event.sequence}"
    fields = (event.type, event.message_id, event.status, sequence, event.webhook_id)
    verified = ("verified", "green") if event.verified else (f"NOT VERIFIED ({event.check})", "bold red")
    out.print_line(time_of_day(_now()), "  ", verified, "  ", "  ".join(map(cell, fields)), f"  -> {event.answered}")
    for line in visible_lines(event.body) if show_content else ():
        out.print_line("  ", line)


def _now() -> str:
    return utc_text(time.time_ns() // 1_000_000)
