"""``wework-message callbacks rebuild``: folds the journal again, and compares it with the stored statuses."""

from pathlib import Path
from typing import Final

import rich_click as click

from wework_message.application.maintenance.verify_statuses import Verified, VerifyStatuses
from wework_message.entrypoints.cli.commands.serve import settings_options, startable
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.options import json_option
from wework_message.entrypoints.cli.output import console, print_json, table
from wework_message.entrypoints.cli.services import Services, SettingsSource

MAX_SHUFFLE: Final = 1_000


@click.command("rebuild")
@settings_options
@click.option("--verify", is_flag=True, help="Only compare: there is no other way, and it must be said.")
@click.option(
    "--shuffle", type=click.IntRange(0, MAX_SHUFFLE), default=0, show_default=True, metavar="N",
    help="Fold the evidence of each message in N other orders too.",
)  # fmt: skip
@json_option
@click.pass_context
def rebuild(
    ctx: click.Context, *, config: Path | None, profile: str | None, verify: bool, shuffle: int, as_json: bool
) -> int:
    """Fold the stored evidence of every message again, and name those whose stored status it does not prove.

    It reads the database and changes nothing, so services may run. A difference ends it with code 1.
    """
    if not verify:
        raise click.UsageError("It repairs nothing: add --verify to compare.")
    services: Services = ctx.find_root().obj()
    verified = startable(services, SettingsSource(config, profile)).verify_statuses(VerifyStatuses(shuffle))
    if as_json:
        print_json(_document(verified))
    else:
        _show(verified)
    return ExitCode.DIFFERENT if verified.differences else ExitCode.OK


def _document(verified: Verified) -> dict[str, object]:
    return {
        "messages": verified.messages, "facts": verified.facts, "records": verified.records,
        "unreadable": verified.unreadable, "different": sum(verified.differences.values()),
        "differences": [{"messageId": id_, "difference": differing.value} for id_, differing in verified.named],
    }  # fmt: skip


def _show(verified: Verified) -> None:
    out = console()
    out.print_line(
        f"{verified.messages} messages, {verified.facts} facts and {verified.records} applied records were compared"
    )
    if verified.unreadable:
        out.print_line(
            f"{verified.unreadable} records cannot be read by the configured providers: they prove nothing here"
        )
    different = sum(verified.differences.values())
    out.print_line(f"{different} differ")
    if verified.named:
        rows = table("message", "differs in")
        for message_id, differing in verified.named:
            rows.add_row(message_id, differing.value)
        out.print(rows)
    if different > len(verified.named):
        out.print_line(f"... and {different - len(verified.named)} more")
