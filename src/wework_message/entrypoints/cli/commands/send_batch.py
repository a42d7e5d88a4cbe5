"""``wework-message send-batch``: a file of messages, of any length."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import rich_click as click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wework_message.entrypoints.cli.batch_file.answers import REJECTED
from wework_message.entrypoints.cli.batch_file.final import final_of, write_final
from wework_message.entrypoints.cli.batch_file.interrupts import Interrupts
from wework_message.entrypoints.cli.batch_file.lines import FileFormat, Item, Refusal, read_items
from wework_message.entrypoints.cli.batch_file.run import ItemResult, Run, Source, open_run
from wework_message.entrypoints.cli.batch_file.sending import FileSender, now_ms
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.follow import unsettled
from wework_message.entrypoints.cli.output import console, error_console, print_json
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, RequestRejected
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.drafts import read_message

_SHOWN: Final = 20
"""Rejected items that are shown; all of them are in the results."""
_ENDED_UNSENT: Final = frozenset({"FAILED", "EXPIRED", "CANCELLED"})
_COLUMNS: Final = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


@click.command("send-batch")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option(
    "--format", "file_format", type=click.Choice([kind.value for kind in FileFormat]), help="Default: by the name, .csv or .jsonl.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="One line per item, and what a resumed run reads. Default: FILE.results.jsonl.",
)  # fmt: skip
@click.option("--rate", type=click.FloatRange(0.1, 10_000), metavar="N", help="Messages per second, at most.")
@click.option("--stop-on-error", is_flag=True, help="End behind the batch with the first rejected item.")
@click.option(
    "--wait", type=click.IntRange(1, 86_400), metavar="SECONDS",
    help="Wait until all messages rest, and write their statuses to the results' name with .final.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only check the file; nothing is sent or written.")
@client_options
@click.pass_obj
def send_batch(
    services: ClientServices, *, file: Path, file_format: str | None, results: Path | None, rate: float | None,
    stop_on_error: bool, wait: int | None, dry_run: bool, url: str, as_json: bool,
) -> int:  # fmt: skip
    """Send the messages of a file, of any length; after an interruption, the rest of them.

    FILE is a table (CSV in UTF-8 whose first line names the fields) or has one JSON object per line, each a message as for
    `send --file`. Run the same command again after an interruption: nothing is sent twice.
    """
    chosen = FileFormat(file_format) if file_format else _format_of(file)
    with _opened(file) as content:
        source = Source.of(content, chosen)
        if dry_run:
            return _checked(content, source, as_json=as_json)
        before = os.fstat(content.fileno())
        code = _sent(
            services, content, source, results or file.with_name(f"{file.name}.results.jsonl"),
            url=url, rate=rate, stop_on_error=stop_on_error, wait=wait, as_json=as_json,
        )  # fmt: skip
        after = os.fstat(content.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise CommandFailedError(ExitCode.REFUSED, f"{file} was changed while it was sent: look at the results")
        return code


def _format_of(file: Path) -> FileFormat:
    suffixes = {".csv": FileFormat.CSV, ".jsonl": FileFormat.JSONL, ".ndjson": FileFormat.JSONL}
    if (file_format := suffixes.get(file.suffix.lower())) is None:
        raise click.UsageError("Say what FILE is: --format csv or --format jsonl.")
    return file_format


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise CommandFailedError(ExitCode.NOT_FOUND, f"{file} cannot be read ({error.strerror})") from None


def _sent(
    services: ClientServices, content: BinaryIO, source: Source, results: Path, *, url: str, rate: float | None,
    stop_on_error: bool, wait: int | None, as_json: bool,
) -> int:  # fmt: skip
    out, interrupts = error_console(), Interrupts()
    rejected = _Rejected()
    with (
        client_of(services, url) as client,
        open_run(results, source, url=client.shown_url, now=now_ms()) as run,
        interrupts.caught(),
        Progress(*_COLUMNS, console=out, disable=as_json) as progress,
    ):
        if run.resumed:
            out.print_line(
                f"goes on behind line {run.totals.last}: {run.totals.items} of {source.items} items are done"
            )
        bar = progress.add_task("sending", total=source.items, completed=run.totals.items)

        def show(batch: Sequence[ItemResult]) -> None:
            progress.update(bar, advance=len(batch))
            rejected.add(batch)

        sender = FileSender(client, run, interrupts, show, rate, stop_on_error)
        interrupted, statuses = False, None
        try:
            sender.send(read_items(content, source.file_format))
            if wait is not None:
                statuses = write_final(client, results, interrupts, wait_s=wait)
        except KeyboardInterrupt:
            interrupted = True
        except CommandFailedError as failure:
            raise CommandFailedError(
                failure.code, failure.message, *failure.details,
                f"run the same command again: it goes on behind line {run.totals.last}, and sends nothing twice",
                document=failure.document,
            ) from None  # fmt: skip
    done = run.totals.items == source.items
    rejected.show()
    _summary(run, source, results, statuses, done=done, as_json=as_json)
    if interrupted and not (done and wait is None):
        return ExitCode.INTERRUPTED
    if run.totals.rejected or any(status in _ENDED_UNSENT for status in statuses or ()):
        return ExitCode.REFUSED
    return ExitCode.TRY_AGAIN if unsettled(statuses or ()) else ExitCode.OK


class _Rejected:
    """The first rejected items, for a person, and how many there are."""

    def __init__(self) -> None:
        self.kept: list[ItemResult] = []
        self.total = 0

    def add(self, results: Sequence[ItemResult]) -> None:
        """Those of one batch."""
        rejected = [result for result in results if result.message_id is None]
        self.total += len(rejected)
        self.kept += rejected[: max(0, _SHOWN - len(self.kept))]

    def show(self) -> None:
        """On standard error."""
        out = error_console()
        for result in self.kept:
            problems = result.errors or (FieldProblem("", "", ""),)
            for problem in problems:
                where = f"line {result.line}: {result.error}"
                out.print_line(" ".join(part for part in (where, problem.path, problem.message) if part))
        if self.total > len(self.kept):
            out.print_line(f"and {self.total - len(self.kept)} more")


def _summary(
    run: Run, source: Source, results: Path, statuses: Counter[str] | None, *, done: bool, as_json: bool
) -> None:
    totals = run.totals
    data: dict[str, Any] = {
        "runId": run.run_id, "results": str(results), "items": source.items, "accepted": totals.accepted,
        "duplicates": totals.duplicates, "rejected": totals.rejected, "remaining": source.items - totals.items, "done": done,
    }  # fmt: skip
    if statuses is not None:
        data["byStatus"] = statuses
    if as_json:
        print_json(data)
        return
    out = console()
    out.print_line(
        f"{data['items']} items: {totals.accepted} accepted ({totals.duplicates} of them before), {totals.rejected} rejected, "
        f"{data['remaining']} remain"
    )
    out.print_line(f"results: {results}")
    if statuses is not None:
        shown = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
        out.print_line(f"statuses: {final_of(results)}" + (f" ({shown})" if shown else ""))
    if not done:
        out.print_line("run the same command again to go on")


def _checked(content: BinaryIO, source: Source, *, as_json: bool) -> int:
    rejected = _Rejected()
    for refused in _refusals(read_items(content, source.file_format)):
        rejected.add([refused])
    valid = source.items - rejected.total
    if as_json:
        print_json({
            "dryRun": True, "items": source.items, "valid": valid, "rejected": rejected.total, "problems": rejected.kept,
        })  # fmt: skip
    else:
        rejected.show()
        console().print_line(
            f"{source.items} items: {valid} valid, {rejected.total} would be rejected; nothing was sent"
        )
    return ExitCode.REFUSED if rejected.total else ExitCode.OK


def _refusals(items: Iterator[Item]) -> Iterator[ItemResult]:
    """What the service would refuse as it is without settings."""
    limits, now = Limits(addresses=None), now_ms()
    for item in items:
        refusal = item.read if isinstance(item.read, Refusal) else _refusal(item.read, limits, now)
        if refusal is not None:
            yield ItemResult(line=item.line, status=REJECTED, error=refusal.error, errors=refusal.errors)


def _refusal(message: dict[str, Any], limits: Limits, now: int) -> Refusal | None:
    if message.get("messageType") == "MIXED":
        problem = FieldProblem("messageType", ProblemCode.INVALID_VALUE, "cannot be MIXED inside a batch")
        return Refusal("VALIDATION_FAILED", (problem,))
    try:
        read_message(message, limits=limits, now=now)
    except RequestRejected as refused:
        return Refusal(refused.error, refused.errors)
    return None
