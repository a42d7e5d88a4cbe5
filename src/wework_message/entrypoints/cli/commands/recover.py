"""``wework-message recover``: between the restore of a backup and the first start on it."""

import time
from pathlib import Path

import rich_click as click

from wework_message.application.maintenance.recover import Recover, Recovered
from wework_message.entrypoints.cli.commands.serve import settings_options, startable
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.options import json_option
from wework_message.entrypoints.cli.output import console, print_json, status_text, table
from wework_message.entrypoints.cli.services import Services, SettingsSource
from wework_message.entrypoints.wire.instants import InstantRange, read_instant


def _instant(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    now = time.time_ns() // 1_000_000
    try:
        at = read_instant(value, InstantRange(now))
    except ValueError as problem:
        raise click.BadParameter(f"{problem}, such as 2026-11-24T03:00:00Z") from None
    if at > now:
        raise click.BadParameter("must be in the past")
    return at


@click.command("recover")
@settings_options
@click.option(
    "--restored-from", required=True, metavar="INSTANT", callback=_instant,
    help="When the backup was begun; rather too early than too late.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only count what would be marked.")
@json_option
@click.pass_obj
def recover(
    services: Services, *, config: Path | None, profile: str | None, restored_from: int, dry_run: bool, as_json: bool
) -> int:
    """Mark what a restored backup would send again as UNKNOWN. Run it before any process serves that database.

    What was open when the backup was made may have been sent since. Nothing of it is sent by itself any more: an echo, a person
    or the message's own onUnknown settles it.
    """
    startup = startable(services, SettingsSource(config, profile))
    done = startup.recover(Recover(restored_from, dry_run=dry_run))
    if as_json:
        print_json(_document(done, dry_run=dry_run))
    else:
        _show(done, dry_run=dry_run)
    return ExitCode.OK


def _document(done: Recovered, *, dry_run: bool) -> dict[str, object]:
    return {
        "dryRun": dry_run,
        "marked": sum(done.marked_uncertain.values()),
        "wasStatus": {status.value: count for status, count in done.marked_uncertain.items() if count},
        "left": {status.value: count for status, count in done.untouched.items() if count},
        "cancelledReplays": done.cancelled_replays,
    }


def _show(done: Recovered, *, dry_run: bool) -> None:
    rows = table("was", "messages", "now", right=("messages",))
    for status, count in done.marked_uncertain.items():
        if count:
            rows.add_row(status_text(status), str(count), "UNKNOWN")
    for status, count in done.untouched.items():
        if count:
            rows.add_row(status_text(status), str(count), "as it was")
    out = console()
    if rows.row_count:
        out.print(rows)
    marked = sum(done.marked_uncertain.values())
    out.print_line(f"{marked} {'would be' if dry_run else 'are now'} UNKNOWN; nothing of them is sent by itself")
    if done.cancelled_replays:
        out.print_line(
            f"{done.cancelled_replays} replays of failed messages {'would be' if dry_run else 'are'} cancelled"
        )
