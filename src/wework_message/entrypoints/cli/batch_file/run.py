"""One run over a file: its results, its intents, and the rules by which it goes on after an interruption.

An intent is written before a request, the results after its answer; both are on the disk before anything else happens.
So it is always known which items may have been accepted without a result: those of the last intent. They
are sent again under the same keys, which the service takes for repetitions as long as it keeps the keys.
"""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import msgspec
from msgspec import Struct

from wework_message.entrypoints.cli.batch_file.lines import FileFormat, count_items
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.wire.problems import FieldProblem

KEY_LIFETIME_MS: Final = 71 * 3_600_000
"""The service keeps keys for 72 h; an hour is for clocks that differ and for what is under way."""

_HASHED_AT_ONCE: Final = 1 << 16


class Source(Struct, frozen=True, rename="camel"):
    """What identifies the file of a run."""

    sha256: str
    size: int
    file_format: FileFormat
    items: int

    @classmethod
    def of(cls, file: BinaryIO, file_format: FileFormat) -> Self:
        """Reads the whole file; raises `CommandFailedError` where a table is broken."""
        digest, size = hashlib.sha256(), 0
        file.seek(0)
        while part := file.read(_HASHED_AT_ONCE):
            digest.update(part)
            size += len(part)
        file.seek(0)
        items = count_items(file, file_format)
        file.seek(0)
        return cls(digest.hexdigest(), size, file_format, items)


class _Head(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The first line of the intents."""

    run_id: str
    source: Source


class Intent(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A further line of the intents: what was about to be sent."""

    after: int
    """The last line with a result before it, 0 = none."""
    last: int
    """The last line that it is about."""
    since: int
    """When one of its items may first have been accepted, epoch ms UTC."""
    url: str
    unsent: bool = False
    """It is proven that nothing was accepted."""


class ItemResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of the results."""

    line: int
    client_message_id: str | None = None
    """The key under which it was sent."""
    message_id: str | None = None
    status: str | None = None
    """At the time of the answer; `REJECTED` where it was not accepted."""
    duplicate: bool = False
    """An earlier request with this key was accepted: that of a run that was interrupted, or somebody else's."""
    batch_id: str | None = None
    error: str | None = None
    errors: Sequence[FieldProblem] = ()


@dataclass(slots=True)
class Totals:
    """The results so far."""

    last: int = 0
    """The line of the last one."""
    accepted: int = 0
    duplicates: int = 0
    """Of the accepted ones."""
    rejected: int = 0

    def add(self, result: ItemResult) -> None:
        """One more."""
        self.last = result.line
        self.accepted += result.message_id is not None
        self.duplicates += result.duplicate
        self.rejected += result.message_id is None

    @property
    def items(self) -> int:
        """How many there are."""
        return self.accepted + self.rejected


@dataclass(slots=True)
class Run:
    """A run whose files are open; nobody else has them."""

    run_id: str
    url: str
    """Of the service, without secrets."""
    results: BinaryIO
    intents: BinaryIO
    totals: Totals
    open: Intent | None = None
    """The last request of an interrupted run, unless it is proven unsent."""
    resumed: bool = False

    def key(self, line: int, digest: str) -> str:
        """The idempotency key of an item: the same in every request of this run."""
        return f"file-{self.run_id}-{line}-{digest[:16]}"

    def begin(self, last: int, *, now: int) -> Intent:
        """Write down that the items up to line `last` are about to be sent."""
        since = self.open.since if self.open is not None and self.is_uncertain() else now
        request = Intent(self.totals.last, last, since, self.url)
        _append(self.intents, [request])
        return request

    def end(self, results: Sequence[ItemResult]) -> None:
        """Write down what became of them."""
        _append(self.results, results)
        for result in results:
            self.totals.add(result)

    def prove_unsent(self, request: Intent) -> None:
        """Write down that nothing of a request was accepted."""
        if not self.is_uncertain():
            _append(self.intents, [msgspec.structs.replace(request, unsent=True)])

    def is_uncertain(self) -> bool:
        """Whether an earlier run may have had the next item accepted."""
        return self.open is not None and self.totals.last < self.open.last


@contextmanager
def open_run(results: Path, source: Source, *, url: str, now: int) -> Iterator[Run]:
    """The run whose results are in the file `results`: a new one, or one that was interrupted.

    Raises `CommandFailedError` where it must not go on: another process has it (TRY_AGAIN); the file has changed, the
    results are not complete, or the service may have forgotten the keys (REFUSED).
    """
    intents = intents_of(results)
    if results.exists() and not intents.exists():
        raise _refused(f"{results} exists, and {intents.name} beside it does not: it is no result of this command")
    with _kept(intents) as intent_file, _kept(results) as result_file:
        head, newest = _read_intents(intent_file, intents)
        totals = _read_results(result_file, results)
        run = Run("", url, result_file, intent_file, totals, None if newest is None or newest.unsent else newest)
        if head is None:
            if totals.last:
                raise _refused(f"{intents} is empty, {results.name} is not")
            head = _Head(uuid.uuid4().hex, source)
            _append(intent_file, [head])
            _keep_names(results)
        else:
            run.resumed = True
            _check(head, newest, totals, source, url=url, now=now)
        run.run_id = head.run_id
        yield run


def intents_of(results: Path) -> Path:
    """The intents are beside the results."""
    return results.with_name(results.name + ".run")


def _check(head: _Head, newest: Intent | None, totals: Totals, source: Source, *, url: str, now: int) -> None:
    """The rules of going on."""
    if head.source.file_format is not source.file_format:
        raise _refused(f"the file was read as {head.source.file_format} before")
    if head.source != source:
        raise _refused("the file is not the one of which these are the results: it has changed, or is another")
    if newest is None:
        if totals.last:
            raise _refused("the intents name no request, and there are results")
        return
    if totals.last < newest.after:
        raise _refused(f"the results are not complete: those up to line {newest.after} were written")
    if newest.unsent or totals.last >= newest.last:
        return  # every item has its result, or is proven unsent: no key is needed
    where = f"lines {totals.last + 1} to {newest.last}"
    if newest.url != url:
        raise _refused(
            f"{where} may have been accepted by {newest.url}: go on there",
            "another service does not know their keys, and would send them again",
        )
    if not now - KEY_LIFETIME_MS <= newest.since <= now + KEY_LIFETIME_MS:
        raise _refused(
            f"{where} may have been accepted, so long ago that the service may have forgotten their keys",
            "look for them with: wework-message messages --to CONVERSATION; put what is missing, and the lines behind, into another file",
        )


def _read_intents(file: BinaryIO, path: Path) -> tuple[_Head | None, Intent | None]:
    head: _Head | None = None
    newest: Intent | None = None
    try:
        for raw in _whole_lines(file):
            if head is None:
                head = msgspec.json.decode(raw, type=_Head)
            else:
                newest = msgspec.json.decode(raw, type=Intent)
    except msgspec.MsgspecError:
        raise _refused(f"{path} has no intents of this command") from None
    return head, newest


def _read_results(file: BinaryIO, path: Path) -> Totals:
    totals = Totals()
    try:
        for raw in _whole_lines(file):
            result = msgspec.json.decode(raw, type=ItemResult)
            if result.line <= totals.last:
                raise _refused(f"{path}: the result of line {result.line} is behind that of line {totals.last}")
            totals.add(result)
    except msgspec.MsgspecError:
        raise _refused(f"{path} is no result of this command") from None
    return totals


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; one that was torn by a kill is cut off, so that the next one begins a line."""
    file.seek(0)
    end = 0
    for raw in file:
        if not raw.endswith(b"\n"):
            break
        end += len(raw)
        yield raw
    file.truncate(end)
    file.seek(end)


def _append(file: BinaryIO, lines: Sequence[Any]) -> None:
    try:
        file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(error) from None


@contextmanager
def _kept(path: Path) -> Iterator[BinaryIO]:
    """The file, made if it is missing; nobody else has it at the same time."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise unwritable(error) from None
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandFailedError(ExitCode.TRY_AGAIN, f"{path} is in use by another process") from None
        yield file


def _keep_names(path: Path) -> None:
    """Make the names of new files durable."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def unwritable(error: OSError) -> CommandFailedError:
    """The end of a run that cannot write down what became of its items."""
    return CommandFailedError(
        ExitCode.UNAVAILABLE,
        f"the results cannot be written ({error.strerror})",
        "nothing is lost: run the same command again when they can",
    )


def _refused(message: str, *details: str) -> CommandFailedError:
    return CommandFailedError(
        ExitCode.REFUSED, message, *details, "with other --results every line of the file is sent, those that were sent before too",
        document={"message": message},
    )  # fmt: skip
