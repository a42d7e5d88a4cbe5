"""The command: start the processes, send, wait, compare, print."""

import contextlib
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import rich_click as click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from wework_message.demo import files
from wework_message.demo.failover import STREAM, Survived, first_provider, survive, two_providers
from wework_message.demo.failover_judge import differences_of_failover
from wework_message.demo.failover_report import show_survival, verdict_of_survival
from wework_message.demo.judge import differences, final_statuses
from wework_message.demo.lost_answers import (
    differences_of_settlement,
    lossy_provider,
    send_and_settle,
    settings_with,
)
from wework_message.demo.play import Played, play, settle
from wework_message.demo.processes import MAIN_CODE, Place, ServiceProcesses
from wework_message.demo.report import result_table
from wework_message.demo.script import Step, read_script
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.output import console, timeline_table
from wework_message.entrypoints.cli.terminal import Terminal

_MAX_DIFFERENCES: Final = 20
_NEXT: Final = (
    ("wework-message serve", "the service and its simulator, to send to by hand (in a checkout: make run)"),
    ("wework-message demo lost-ack", "lose answers and echoes on purpose, and judge every status"),
    ("wework-message config check", "what the settings of this folder and the environment mean"),
)
"""What to try after the demo, and what it does."""


@click.group("demo", invoke_without_command=True)
@click.option(
    "--messages",
    "script",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Requests to send instead of the shipped ones (examples/messages.jsonl), and nothing else.",
)
@click.option("--keep", is_flag=True, help="Keep the folder with database, ledger and logs.")
@click.pass_context
def demo(ctx: click.Context, *, script: Path | None, keep: bool) -> int:
    """Send every message type through a real service against the simulator, and judge by its ledger.

    Two files follow, each to many customers: one is uploaded, one is fetched from a URL. Then an account with an instance
    at each of two providers goes on sending while one of them is killed.
    Starts all processes in a temporary folder and ends them again. Nothing reaches WeCom.
    """
    if ctx.invoked_subcommand is not None:
        return ExitCode.OK
    out = console()
    steps = read_script(script)
    guid = guid_of(steps)
    return _in_folder(out, keep=keep, run=lambda folder: _run(out, steps, guid, folder, with_failover=script is None))


@demo.command("lost-ack")
@click.option(
    "--count", type=click.IntRange(1, 100_000), default=1_000, show_default=True, help="Messages of each run."
)
@click.option("--keep", is_flag=True, help="Keep the folder with databases, ledgers and logs.")
def lost_ack(*, count: int, keep: bool) -> int:
    """Lose answers and echoes, without and with pulls of the message stream, and judge every status by the ledger.

    A message that was sent twice, a false failure, a wrong settlement, or an UNKNOWN message whose echo came and can be
    compared ends it with 1.
    """
    out = console()
    return _in_folder(out, keep=keep, run=lambda folder: _run_lossy(out, count, folder))


def _in_folder(out: Terminal, *, keep: bool, run: Callable[[Path], list[str]]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="wework-message-demo-"))
    is_kept = True
    try:
        with _interrupted_by_sigterm():
            mismatches = run(folder)
        is_kept = keep or bool(mismatches)
    except (CommandFailedError, httpx.HTTPError) as error:
        details = error.details if isinstance(error, CommandFailedError) else ()
        raise CommandFailedError(ExitCode.DIFFERENT, f"the demo broke off: {error}", *details) from None
    finally:
        if is_kept:
            out.print_line(f"database, ledger and logs are kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return ExitCode.DIFFERENT if mismatches else ExitCode.OK


def _run_lossy(out: Terminal, count: int, folder: Path) -> list[str]:
    mismatches: list[str] = []
    for sync in ("none", "positive"):
        place = folder / sync
        place.mkdir()
        with ServiceProcesses(place, [lossy_provider()], settings_with(sync)) as stage:
            with ServiceClient(stage.service_url, key=stage.key) as client:
                settled = send_and_settle(client, stage, count, sync)
            stage.stop_service()
            stage.stop()
        differing = differences_of_settlement(settled)
        mismatches += differing
        statuses = ", ".join(f"{number} {status}" for status, number in sorted(settled.statuses.items()))
        out.print_line(
            f"settle.sync {sync}: {count} messages, {settled.lost_answers} answers lost: {statuses}; {len(differing)} differences"
        )
    if mismatches:
        _show_mismatches(out, mismatches)
    else:
        out.print_line(("OK", "bold green"), "  0 duplicates, 0 false failures, nothing settled wrongly.")
    return mismatches


def _run(out: Terminal, steps: list[Step], guid: str, folder: Path, *, with_failover: bool) -> list[str]:
    providers = two_providers(guid, files.GUID) if with_failover else (first_provider(Place(guid)),)
    survived, sent_files = None, None
    with ServiceProcesses(folder, providers, files.SETTINGS) as stage:
        for simulator in stage.simulators:
            guids = ", ".join(place.guid for place in simulator.provider.places)
            out.print_line(f"{simulator.provider.code:17}  {simulator.url}  (strict: only {guids})")
        out.print_line(f"{'service':17}  {stage.service_url}  (SQLite in {folder}; with an API key)")
        with ServiceClient(stage.service_url, key=stage.key) as client:
            played = _play(out, client, steps, guid)
            out.print()
            out.print(result_table(played))
            _show_timeline(out, client, played)
            if with_failover:
                out.print()
                sent_files = _send_files(out, client)
                survived = _survive(out, client, stage)
        stage.stop_service()
        _share_ledgers(stage.ledgers(), guid, played, sent_files, survived)
        stage.stop()
    mismatches = differences(played)
    if survived is not None:
        show_survival(out, survived)
        mismatches += differences_of_failover(survived)
    if sent_files is not None:
        mismatches += files.differences_of_files(sent_files)
    mismatches += [f"the {name} ended with code {code}, expected 0" for name, code in stage.exit_codes.items() if code]
    _show_verdict(out, played, sent_files, survived, mismatches)
    return mismatches


def _share_ledgers(
    ledgers: dict[str, list[dict[str, Any]]],
    guid: str,
    played: Played,
    sent_files: files.SentFiles | None,
    survived: Survived | None,
) -> None:
    """What the instance `guid` of the preferred provider did belongs to the first act, and so on; everything else to the last."""
    played.ledger = [entry for entry in ledgers[MAIN_CODE] if entry["guid"] == guid or survived is None]
    if sent_files is not None:
        sent_files.ledger = [entry for entry in ledgers[MAIN_CODE] if entry["guid"] == files.GUID]
    if survived is not None:
        rest = [entry for entry in ledgers[MAIN_CODE] if entry["guid"] not in (guid, files.GUID)]
        survived.ledgers = ledgers | {MAIN_CODE: rest}


def _send_files(out: Terminal, client: ServiceClient) -> files.SentFiles:
    with _progress(out) as progress:
        sending = progress.add_task("sending files     ", total=2 * files.CUSTOMERS)
        return files.send_files(client, lambda done: progress.update(sending, completed=done))


def _survive(out: Terminal, client: ServiceClient, stage: ServiceProcesses) -> Survived:
    with _progress(out) as progress:
        sending = progress.add_task("sending through two", total=STREAM)
        return survive(client, stage, lambda sent: progress.update(sending, completed=sent))


def _progress(out: Terminal) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=out
    )


def _play(out: Terminal, client: ServiceClient, steps: list[Step], guid: str) -> Played:
    with _progress(out) as progress:
        sending = progress.add_task("sending requests  ", total=len(steps))
        waiting = progress.add_task("waiting for echoes", total=None)
        played = play(client, steps, lambda _step: progress.advance(sending))
        statuses = final_statuses(played)
        progress.update(waiting, total=len(statuses))
        played.listed = settle(client, guid, statuses, lambda done: progress.update(waiting, completed=done))
    return played


def guid_of(steps: list[Step]) -> str:
    """The one sender of the script; raises `CommandFailedError` where there is none or more than one."""
    guids = {guid for step in steps for guid in _guids(step.body)}
    if len(guids) != 1:
        raise CommandFailedError(ExitCode.REFUSED, f"all requests must have one guid, not {sorted(guids)}")
    return guids.pop()


def _guids(body: dict[str, Any] | None) -> Iterator[str]:
    for request in () if body is None else (body, *body.get("messages", ())):
        if "guid" in request:
            yield request["guid"]


def _show_timeline(out: Terminal, client: ServiceClient, played: Played) -> None:
    """Print the message with the longest timeline: a recalled one, if there is one."""
    statuses = final_statuses(played)
    ids = [message_id for message_id, status in statuses.items() if status == "RECALLED"] or list(statuses)
    if not ids:
        return
    message = client.data("GET", f"/api/messages/{ids[0]}")
    out.print()
    out.print_line(f"message {ids[0]}, {message['messageType']} to {message['conversationId']}:")
    out.print(timeline_table(message))


def _show_verdict(
    out: Terminal,
    played: Played,
    sent_files: files.SentFiles | None,
    survived: Survived | None,
    mismatches: list[str],
) -> None:
    messages = len(final_statuses(played))
    out.print()
    if not mismatches:
        out.print_line(
            ("OK", "bold green"), f"  {messages} messages, and the simulator's ledger has each of them exactly once."
        )
        out.print_line("    The repetition got the same id; the bad request was refused and is nowhere in the ledger.")
        if sent_files is not None:
            out.print_line(("OK", "bold green"), f"  {files.verdict_of_files(sent_files)}")
        if survived is not None:
            first, *others = verdict_of_survival(survived)
            out.print_line(("OK", "bold green"), f"  {first}")
            for line in others:
                out.print_line(f"    {line}")
        _show_next(out)
        return
    _show_mismatches(out, mismatches)


def _show_next(out: Terminal) -> None:
    out.print()
    out.print_line(("Next", "bold"))
    for command, text in _NEXT:
        out.print_line(f"    {command:30}  {text}")


def _show_mismatches(out: Terminal, mismatches: list[str]) -> None:
    out.print_line(
        ("NOT OK", "bold red"), f"  {len(mismatches)} differences between what was promised and what happened:"
    )
    for line in mismatches[:_MAX_DIFFERENCES]:
        out.print_line(f"  - {line}")
    if len(mismatches) > _MAX_DIFFERENCES:
        out.print_line(f"  ... and {len(mismatches) - _MAX_DIFFERENCES} more")


@contextlib.contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: with the processes that it started."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
