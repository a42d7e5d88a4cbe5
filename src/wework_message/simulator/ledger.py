"""The ledger: the calls to the simulator and what it executed, one JSON line per call.

It lies outside the reach of the system under test and is on disk before the answer leaves (`fsync`), so it proves
which messages were lost or doubled. Many calls share one fsync: a call that arrives while one runs waits for the next.
"""

import array
import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

_READ_LINES = 500
_UNPROCESSABLE = 422


class Entry(msgspec.Struct):
    """One call to a `/msg/` endpoint or an upload, or one recipient of a mass send.

    `n` counts from 1, `at` is its arrival in epoch milliseconds, `marker` the header X-Request-Id, `body` the whole request
    (None when it was no JSON). `id` and `seq` are those of the stream record an executed call made; `error_code` is the
    one answered (None where the answer had no envelope or never came); `status` is the HTTP status, 0 when there was no answer;
    `account` is the user id of the account of the instance, None where there was no such instance. `fault` is the kind of the
    fault that hit it, `rule` the name of its rule, `action` the kind with all parameters. `upload` is what an upload made: its kind, the
    hashes and bytes of the file, and the handle.

    Each recipient of a mass send has an entry of its own behind that of the call, whose number is `of`: with its conversation, the
    task as `body`, the `id` of its last message, and as `error_code` why it was left out (its status).
    """

    at: int
    path: str
    guid: str | None
    conversationId: str | None  # noqa: N815 - the file's own key, as its readers spell it
    marker: str | None
    body: dict[str, object] | None
    executed: bool
    id: str | None = None
    seq: str | None = None
    error_code: int | None = None
    status: int = 200
    fault: str | None = None
    account: str | None = None
    rule: str | None = None
    action: dict[str, object] | None = None
    upload: dict[str, object] | None = None
    of: int | None = None
    n: int = 0

    @property
    def was_tried(self) -> bool:
        """Whether it is a call that passed validation, so that rules of faults counted it."""
        return self.status != _UNPROCESSABLE and self.of is None


def entries_of(path: Path) -> Iterator[Entry]:
    """The entries of a ledger file, oldest first, without a last line that a crash cut off.

    Raises:
        OSError: the file cannot be read.
        msgspec.DecodeError: it is no ledger.
    """
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield msgspec.json.decode(line, type=Entry)


class Ledger:
    """Append-only file of entries. A second file, `<ledger>.echoed`, notes the entries whose callback arrived."""

    def __init__(self, path: Path | None, *, fsync: bool) -> None:
        """Open or create the file; None makes a temporary one that `close` removes.

        Raises:
            OSError: the file cannot be opened.
        """
        self._temporary = path is None
        if path is None:
            handle, name = tempfile.mkstemp(prefix="wework-simulator-", suffix=".jsonl")
            os.close(handle)
            path = Path(name)
        self.path = path
        self._fsync = fsync
        self._file = _open_private(path)
        self._echoed_path = path.with_name(path.name + ".echoed")
        self._echoed_file = _open_private(self._echoed_path)
        self._starts = array.array("Q")
        self._size = 0
        self._written = 0
        self._echoed = bytearray()
        self._lines: list[bytes] = []
        self._synced: asyncio.Future[None] | None = None
        self._writer_task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="simulator-ledger")

    def replay(self) -> Iterator[Entry]:
        """Entries of earlier runs, oldest first; a last line that a crash cut off was never answered and is dropped."""
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, self._size)
                    break
                self._note(line)
                self._written += 1
                yield msgspec.json.decode(line, type=Entry)
        for number in self._echoed_path.read_bytes().split():
            if 0 < int(number) <= len(self._echoed):
                self._echoed[int(number) - 1] = 1

    def __len__(self) -> int:
        return len(self._starts)

    def _note(self, line: bytes) -> None:
        self._starts.append(self._size)
        self._size += len(line)
        self._echoed.append(0)

    async def append(self, entry: Entry) -> None:
        """Number the entry and write it; returns once it is on disk (at once, in the page cache, without fsync).

        The number is given before the first suspension, so entries are numbered in the order of the calls.

        Raises:
            OSError: the disk refused; the call must not be answered as done.
        """
        entry.n = len(self._starts) + 1
        line = msgspec.json.encode(entry) + b"\n"
        self._note(line)
        if not self._fsync:
            _write(self._file, [line])
            self._written = entry.n
            return
        self._lines.append(line)
        if self._synced is None:
            self._synced = asyncio.get_running_loop().create_future()
        if self._writer_task is None:
            self._writer_task = asyncio.create_task(self._commit_batch())
        await asyncio.shield(self._synced)

    async def _commit_batch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._synced is not None:
                lines, synced = self._lines, self._synced
                self._lines, self._synced = [], None
                try:
                    await loop.run_in_executor(self._thread, _write_synced, self._file, lines)
                except OSError as error:
                    synced.set_exception(error)
                else:
                    self._written += len(lines)
                    synced.set_result(None)
        finally:
            self._writer_task = None

    def mark_echoed(self, n: int) -> None:
        """Note that the callback of entry `n` was taken by its receiver (answered 2xx)."""
        if not self._echoed[n - 1]:
            self._echoed[n - 1] = 1
            os.write(self._echoed_file, b"%d\n" % n)

    async def read(self, since: int, limit: int | None = None) -> AsyncIterator[bytes]:
        """JSON objects of the entries after number `since` (from 0), each with `echoOffered`; in chunks, joined by commas.

        Only what is written is read, which includes every call that was answered.
        """
        end_of_read = self._written if limit is None else min(self._written, since + limit)
        for first in range(since, end_of_read, _READ_LINES):
            end = min(first + _READ_LINES, end_of_read)
            stop = self._starts[end] if end < len(self._starts) else self._size
            chunk = os.pread(self._file, stop - self._starts[first], self._starts[first])
            objects = [
                line[:-1] + (b',"echoOffered":true}' if self._echoed[first + position] else b',"echoOffered":false}')
                for position, line in enumerate(chunk[:-1].split(b"\n"))
            ]
            yield (b"," if first > since else b"") + b",".join(objects)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Write what is left and close; a temporary ledger is removed."""
        if self._writer_task is not None:
            await self._writer_task
        self._thread.shutdown()
        os.close(self._file)
        os.close(self._echoed_file)
        if self._temporary or not self._echoed_path.stat().st_size:
            self._echoed_path.unlink()
        if self._temporary:
            self.path.unlink()


def _open_private(path: Path) -> int:
    """Open or create a file that others cannot read: it holds whole requests."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    if os.fstat(file).st_uid == os.geteuid():
        os.fchmod(file, 0o600)
    return file


def _write(file: int, lines: list[bytes]) -> None:
    data = memoryview(b"".join(lines))
    while data:
        data = data[os.write(file, data) :]


def _write_synced(file: int, lines: list[bytes]) -> None:
    _write(file, lines)
    os.fdatasync(file)
