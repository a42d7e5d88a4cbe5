"""``wework-message doctor``: check everything that the service needs, and print what to do."""

from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import rich_click as click
from rich.text import Text

from wework_message import __version__
from wework_message.application.queries.diagnosis import Diagnosis, Examined
from wework_message.domain.ports.checks import Fault, Verdict
from wework_message.entrypoints.cli.commands.serve import settings_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.options import json_option
from wework_message.entrypoints.cli.output import console, print_json, table
from wework_message.entrypoints.cli.properties import WithProperties, properties_option
from wework_message.entrypoints.cli.services import Services, SettingsSource
from wework_message.entrypoints.cli.terminal import Terminal, visible

_OF_FAULT: Final = MappingProxyType(
    {
        None: ExitCode.OK,
        Fault.SETTINGS: ExitCode.CONFIGURATION,
        Fault.UNAVAILABLE: ExitCode.UNAVAILABLE,
        Fault.BROKEN: ExitCode.DIFFERENT,
    }
)
_STYLES: Final = MappingProxyType(
    {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red", Verdict.SKIPPED: "dim"}
)
_MAX_TIMEOUT_S: Final = 300
_DEFAULT_TIMEOUT_S: Final = 5


@click.command("doctor", cls=WithProperties)
@settings_options
@properties_option
@click.option(
    "--timeout", type=click.FloatRange(0, _MAX_TIMEOUT_S, min_open=True), default=_DEFAULT_TIMEOUT_S, show_default=True,
    metavar="SECONDS", help="How long one check may take; all of them run at once.",
)  # fmt: skip
@json_option
@click.pass_obj
def doctor(
    services: Services, *, config: Path | None, profile: str | None, timeout: float, as_json: bool,
    properties: tuple[str, ...],
) -> int:  # fmt: skip
    """Check settings, providers, database, Redis, RocketMQ, callbacks and what is stored; change nothing.

    Ends with 0 where nothing failed, else with 78 (settings of ours or of a server), 69 (something does not answer) or 1
    (stored data break a rule), the first of these that applies.
    """
    diagnosis = services.startup(SettingsSource(config, profile, properties=properties)).examine(timeout)
    code = _OF_FAULT[diagnosis.fault]
    if as_json:
        print_json(_document(diagnosis, code))
    else:
        _show(console(), diagnosis)
    return code


def _document(diagnosis: Diagnosis, code: ExitCode) -> dict[str, Any]:
    return {
        "version": __version__,
        "verdict": diagnosis.verdict.value,
        "exitCode": int(code),
        "counts": {verdict.value: count for verdict, count in diagnosis.counts.items()},
        "checks": [_entry(examined) for examined in diagnosis.examined],
    }


def _entry(examined: Examined) -> dict[str, Any]:
    return {
        "name": examined.name,
        "verdict": examined.finding.verdict.value,
        "text": examined.finding.text,
        "advice": examined.finding.advice,
        "fault": examined.fault.value if examined.fault is not None else None,
        "durationMs": round(examined.duration_ms, 1),
    }


def _show(out: Terminal, diagnosis: Diagnosis) -> None:
    rows = table("check", "verdict", "ms", "found", right=("ms",))
    rows.columns[-1].no_wrap, rows.columns[-1].overflow = False, "fold"
    for examined in diagnosis.examined:
        rows.add_row(
            examined.name, _verdict(examined.finding.verdict), f"{examined.duration_ms:.0f}", _text_of(examined)
        )
    out.print(rows)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in diagnosis.counts.items() if count)
    out.print()
    out.print_line((diagnosis.verdict.value, _STYLES[diagnosis.verdict]), f": {counts}")


def _verdict(verdict: Verdict) -> Text:
    return Text(verdict.value, style=_STYLES[verdict])


def _text_of(examined: Examined) -> Text:
    text = Text(visible(examined.finding.text))
    if examined.finding.advice is None or examined.finding.verdict is Verdict.OK:
        return text
    return text.append(f"\n-> {visible(examined.finding.advice)}", style="bold")
