"""``wework-message simulate``: the provider simulator as a process of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import rich_click as click

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.output import error_console, print_json
from wework_message.simulator import InstanceOptions, Rule, SimulatorOptions, serve
from wework_message.simulator.faults.script import ScriptError, read_script, script_of
from wework_message.simulator.ledger import entries_of

_Decorator: TypeAlias = Callable[[Callable[..., int]], Callable[..., int]]
_DEFAULT: Final = SimulatorOptions()


@dataclass(frozen=True, slots=True)
class SimulatorServices:
    """What stands behind the command; tests provide their own."""

    simulate: Callable[[SimulatorOptions, str, int, Callable[[str], None]], None] = serve
    """Options, host, port, and what to call with the URL once it answers; returns when it was stopped."""


def _number(flag: str, default: int, text: str) -> _Decorator:
    return click.option(flag, type=int, default=default, show_default=True, metavar="N", help=text)


def _switch(flag: str, default: bool, text: str) -> _Decorator:
    return click.option(flag, default=default, show_default=True, help=text)


def _choice(flag: str, choices: Sequence[str], default: str, text: str) -> _Decorator:
    return click.option(flag, type=click.Choice(choices), default=default, show_default=True, help=text)


class _InstanceType(click.ParamType[InstanceOptions]):
    """``guid=g2,account=sales,slot=ipad,status=1``, as an `InstanceOptions`."""

    name = "instance"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> InstanceOptions:
        """Read one value; fails as a usage error that names the key."""
        if isinstance(value, InstanceOptions):
            return value
        fields: dict[str, str] = {}
        for part in str(value).split(","):
            key, equals, text = part.partition("=")
            if not equals or key in fields:
                self.fail(f"{part!r} is not one KEY=VALUE", param, ctx)
            fields[key] = text
        unknown = sorted(set(fields) - set(InstanceOptions.__dataclass_fields__))
        if unknown:
            self.fail(
                f"{unknown[0]} is unknown; known are {', '.join(InstanceOptions.__dataclass_fields__)}", param, ctx
            )
        try:
            return msgspec.convert(fields, InstanceOptions, strict=False)
        except msgspec.ValidationError as error:
            self.fail(str(error), param, ctx)


def _of_script(path: Path | None) -> tuple[Rule, ...]:
    if path is None:
        return ()
    try:
        return read_script(path.read_bytes())
    except (OSError, ScriptError) as error:
        raise click.BadParameter(_reason(path, error), param_hint="--faults") from None


def _of_ledger(path: Path | None) -> tuple[Rule, ...]:
    if path is None:
        return ()
    try:
        return read_script(msgspec.json.encode(script_of(entries_of(path))))
    except (OSError, msgspec.DecodeError) as error:
        raise click.BadParameter(_reason(path, error), param_hint="--replay") from None


def _reason(path: Path, error: Exception) -> str:
    return f"{path}: {error.strerror if isinstance(error, OSError) else error}"


@click.command("simulate")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=23456, show_default=True, help="0 = any free one.")
@click.option(
    "--guid", "guids", multiple=True, metavar="GUID", help="An instance that exists from the start. Repeatable."
)
@click.option(
    "--instance",
    "instances",
    multiple=True,
    type=_InstanceType(),
    metavar="guid=GUID,KEY=VALUE,...",
    help="An instance with more than a guid: account, slot, status, has_session. Repeatable.",
)
@click.option(
    "--callback-url", metavar="URL", help="Where callbacks go, such as http://HOST:8082/message/api/callbacks/webhook."
)
@click.option(
    "--ledger", type=click.Path(path_type=Path, dir_okay=False), help="File of all calls; continued if it exists."
)
@click.option(
    "--faults",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Fault script, YAML or JSON: what goes wrong with which calls.",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="LEDGER",
    help="Hit the calls again that faults hit in an earlier run.",
)
@_switch("--strict-guids/--any-guid", _DEFAULT.strict_guids, "Only instances that were created exist.")
@_switch("--lenient/--strict", _DEFAULT.lenient, "Let through what the vendor's schema lets through.")
@_switch(
    "--inline-required/--no-inline-required", _DEFAULT.inline_required, "Enforce `required` of hand-typed schemas."
)
@_number("--echo-delay-ms", _DEFAULT.echo_delay_ms, "From the call to its callback, ms.")
@_choice(
    "--echo-form", ["11010", "11013"], _DEFAULT.echo_form, "Notify type of message callbacks: one each, or arrays."
)
@_choice(
    "--sync-form",
    ["callback", "answer", "foreign", "empty"],
    _DEFAULT.sync_form,
    "What a pull of the message stream answers.",
)
@_number("--sync-remember", _DEFAULT.sync_remember, "Records of a stream that can be pulled.")
@_number("--echo-batch-window-ms", _DEFAULT.echo_batch_window_ms, "How long 11013 collects, ms.")
@_number("--callback-workers", _DEFAULT.callback_workers, "Callback posts at once.")
@_number("--callback-timeout-ms", _DEFAULT.callback_timeout_ms, "Longest callback post, ms.")
@_number("--callback-retries", _DEFAULT.callback_retries, "Further tries of a failed callback post.")
@_number("--callback-retry-delay-ms", _DEFAULT.callback_retry_delay_ms, "Between two tries, ms.")
@_number("--latency-ms", _DEFAULT.latency_ms, "Hold back every answer so long, ms.")
@_switch("--fsync/--no-fsync", _DEFAULT.fsync, "The ledger is on disk before the answer leaves.")
@_switch("--keep-marker/--no-keep-marker", _DEFAULT.keep_marker, "Record the header X-Request-Id.")
@_number("--login-delay-ms", _DEFAULT.login_delay_ms, "From a call that logs in to the login, ms.")
@_choice(
    "--slot-rule",
    ["kick", "refuse", "off"],
    _DEFAULT.slot_rule,
    "A login in a slot that another instance of the account holds.",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    metavar="URL",
    help="A simulator with the same accounts; slots are one. Repeatable.",
)
@_switch("--status-wakes/--no-status-wakes", _DEFAULT.status_wakes, "A status call wakes a stopped instance.")
@_number("--calls-per-minute", _DEFAULT.calls_per_minute, "Calls to /msg/ an instance takes, 0 = any number.")
@_number("--throttle-code", _DEFAULT.throttle_code, "error_code above it, 0 = HTTP 429.")
@_number("--remember-messages", _DEFAULT.remember_messages, "Messages that can be recalled.")
@_number("--seed", _DEFAULT.seed, "Seed of every random choice.")
@click.option(
    "--sender-name", default=_DEFAULT.sender_name, show_default=True, metavar="NAME", help="Display name of accounts."
)
@_number("--unknown-guid-code", _DEFAULT.unknown_guid_code, "error_code for an unknown instance.")
@_number("--offline-code", _DEFAULT.offline_code, "error_code for an offline account.")
@_number("--recall-code", _DEFAULT.recall_code, "error_code of a refused recall.")
@_number("--mass-send-code", _DEFAULT.mass_send_code, "error_code of a refused mass send.")
@_number("--login-code", _DEFAULT.login_code, "error_code of a refused login.")
@_number("--verify-code", _DEFAULT.verify_code, "error_code of a refused code for a login.")
@_switch("--mass-send-daily/--no-mass-send-daily", _DEFAULT.mass_send_daily, "One mass send per customer and day.")
@click.option(
    "--day-zone",
    default=_DEFAULT.day_zone,
    show_default=True,
    metavar="ZONE",
    help="The zone of the days of mass sends.",
)
@_choice(
    "--mass-form",
    ["refuse", "partial"],
    _DEFAULT.mass_form,
    "Recipients that cannot get one: the call is refused, or they are left out and named.",
)
@_switch("--mass-task-id/--no-mass-task-id", _DEFAULT.mass_task_id, "The answer to a mass send has a task id.")
@_switch("--mass-status/--no-mass-status", _DEFAULT.mass_status, "The status call answers about tasks.")
@_switch("--mass-echoes/--no-mass-echoes", _DEFAULT.mass_echoes, "Messages of mass sends come back as callbacks.")
@click.option("--mass-blocked", multiple=True, metavar="ID", help="It never gets a mass send. Repeatable.")
@_choice("--upload-form", ["file_id", "fileid"], _DEFAULT.upload_form, "Spelling of answers to uploads.")
@_switch("--cdn-rule/--no-cdn-rule", _DEFAULT.cdn_rule, "Uploads need update_cdn_rule first (-5103011).")
@_number("--fetch-timeout-ms", _DEFAULT.fetch_timeout_ms, "Longest fetch of the URL of an upload, ms.")
@_number("--handle-sends", _DEFAULT.handle_sends, "Sends after which a handle has expired, 0 = never.")
@_switch("--strict-media/--any-media", _DEFAULT.strict_media, "Sends name only files that an upload has answered.")
@_number("--fetch-code", _DEFAULT.fetch_code, "error_code of an upload that cannot be fetched.")
@_number("--media-code", _DEFAULT.media_code, "error_code of a send of an unknown file.")
@_number("--expired-code", _DEFAULT.expired_code, "error_code of a send of an expired handle.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line once it answers.")
@click.pass_obj
def simulate(
    services: SimulatorServices,
    /,
    *,
    host: str,
    port: int,
    as_json: bool,
    faults: Path | None,
    replay: Path | None,
    **options: Any,
) -> int:
    """Imitate the API of the provider, strictly and with a ledger of what it executed.

    Faults, echoes and the ledger are reached below /_sim/ while it runs. Ends with SIGTERM or Ctrl-C.
    """
    try:
        chosen = SimulatorOptions(rules=(*_of_script(faults), *_of_ledger(replay)), **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    def ready(url: str) -> None:
        ledger = None if chosen.ledger is None else str(chosen.ledger.absolute())
        if as_json:
            print_json({"url": url, "ledger": ledger}, indent=-1)
            return
        out = error_console()
        out.print_line(("provider simulator: nothing reaches WeCom", "bold yellow"))
        out.print_line(f"API     {url}")
        out.print_line(
            f"ledger  {url}/_sim/ledger  ({ledger or 'a temporary file, removed at the end; keep one with --ledger'})"
        )

    try:
        services.simulate(chosen, host, port, ready)
    except (OSError, msgspec.DecodeError) as error:
        raise CommandFailedError(ExitCode.CONFIGURATION, f"the simulator cannot start: {error}") from None
    return ExitCode.OK
