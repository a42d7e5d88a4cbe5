"""The command: start the processes, send, wait, compare, print."""

import contextlib
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import rich_click as click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from wework_message.demo.judge import differences, final_statuses
from wework_message.demo.play import Played, play, settle
from wework_message.demo.processes import ServiceProcesses
from wework_message.demo.report import result_table
from wework_message.demo.script import Step, read_script
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.output import console, timeline_table
from wework_message.entrypoints.cli.terminal import Terminal

_MAX_DIFFERENCES: Final = 20


@click.command("demo")
@click.option(
    "--messages",
    "script",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Requests to send instead of the shipped ones (examples/messages.jsonl).",
)
@click.option("--keep", is_flag=True, help="Keep the folder with database, ledger and logs.")
def demo(*, script: Path | None, keep: bool) -> int:
    """Send every message type through a real service against the simulator, and judge by its ledger.

    Starts both as processes of their own in a temporary folder and ends them again. Nothing reaches WeCom.
    """
    out = console()
    steps = read_script(script)
    guid = guid_of(steps)
    folder = Path(tempfile.mkdtemp(prefix="wework-message-demo-"))
    is_kept = True
    try:
        with _interrupted_by_sigterm():
            mismatches = _run(out, steps, guid, folder)
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


def _run(out: Terminal, steps: list[Step], guid: str, folder: Path) -> list[str]:
    with ServiceProcesses(folder, guid) as stage:
        out.print_line(f"simulator  {stage.simulator_url}  (strict: only the instance {stage.guid} exists)")
        out.print_line(f"service    {stage.service_url}  (SQLite in {folder})")
        with ServiceClient(stage.service_url) as client:
            played = _play(out, client, steps, stage)
            out.print()
            out.print(result_table(played))
            _show_timeline(out, client, played)
        stage.stop_service()
        played.ledger = httpx.get(f"{stage.simulator_url}/_sim/ledger", trust_env=False, timeout=30).json()
        stage.stop()
    mismatches = differences(played)
    mismatches += [f"the {name} ended with code {code}, expected 0" for name, code in stage.exit_codes.items() if code]
    _show_verdict(out, played, mismatches)
    return mismatches


def _play(out: Terminal, client: ServiceClient, steps: list[Step], stage: ServiceProcesses) -> Played:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=out) as progress:
        sending = progress.add_task("sending requests  ", total=len(steps))
        waiting = progress.add_task("waiting for echoes", total=None)
        played = play(client, steps, lambda _step: progress.advance(sending))
        statuses = final_statuses(played)
        progress.update(waiting, total=len(statuses))
        played.listed = settle(client, stage.guid, statuses, lambda done: progress.update(waiting, completed=done))
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


def _show_verdict(out: Terminal, played: Played, mismatches: list[str]) -> None:
    messages = len(final_statuses(played))
    out.print()
    if not mismatches:
        out.print_line(
            ("OK", "bold green"), f"  {messages} messages, and the simulator's ledger has each of them exactly once."
        )
        out.print_line("    The repetition got the same id; the bad request was refused and is nowhere in the ledger.")
        return
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
