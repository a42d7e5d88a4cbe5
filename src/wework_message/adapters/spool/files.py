"""One file per process in one folder: appended, synchronised, locked for as long as its process lives (ADR 60)."""

import fcntl
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wework_message.adapters.private_files import make_folder, open_file
from wework_message.adapters.spool.records import read_records, record
from wework_message.adapters.threads import Threads
from wework_message.domain.message.spooled import SpooledAnswer
from wework_message.domain.ports.spool import AnswerSpool

SUFFIX: Final = ".spool"
DAMAGED_SUFFIX: Final = ".damaged"
"""Files with damaged records are kept under this name once the others are recorded."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of one file: about 10,000 answers, five times what a process can have unrecorded."""

MAX_FILES: Final = 16
"""Files that are taken over at a time."""

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Taken:
    """A file of an ended process, locked by this one."""

    path: Path
    descriptor: int
    waiting: set[SpooledAnswer]
    damaged: bool


class FileAnswerSpool:
    """The spool of one process. Nothing is made before the first answer."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        """`folder` is shared by the processes of one machine; `max_bytes` limits the own file."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._thread = Threads("spool")
        self._path: Path | None = None
        self._descriptor = -1
        self._size = 0
        self._kept: set[SpooledAnswer] = set()
        self._taken: list[_Taken] = []

    @property
    def waiting(self) -> int:
        return len(self._kept) + sum(len(taken.waiting) for taken in self._taken)

    async def keep(self, answer: SpooledAnswer) -> bool:
        return await self._thread.run(self._keep, answer)

    async def forget(self, answer: SpooledAnswer) -> None:
        await self._thread.run(self._forget, answer)

    async def take_over(self) -> Sequence[SpooledAnswer]:
        if not self._folder.exists():
            return ()
        return await self._thread.run(self._take_over)

    async def close(self) -> None:
        if not self._thread.closed:
            await self._thread.run(self._close)
            self._thread.close()

    def _keep(self, answer: SpooledAnswer) -> bool:
        if answer in self._kept:
            return True
        line = record(answer)
        if self._size + len(line) > self._max_bytes:
            _log.error("the spool is full: an answer that the database does not take is in memory only")
            return False
        try:
            if self._descriptor < 0:
                self._open()
            self._append(line)
        except OSError as error:
            _log.error(
                "the spool cannot be written: an answer that the database does not take is in memory only: %s",
                os.strerror(error.errno or 0),
            )
            return False
        self._kept.add(answer)
        return True

    def _open(self) -> None:
        """Make the own file. Whoever finds it before it is locked deletes it as an empty one: then it is made again."""
        make_folder(self._folder)
        while True:
            path = self._folder / f"{secrets.token_hex(8)}{SUFFIX}"
            descriptor = open_file(path, os.O_WRONLY | os.O_APPEND)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink > 0:
                    _synchronise(self._folder)
                    self._path, self._descriptor, self._size = path, descriptor, 0
                    return
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _append(self, line: bytes) -> None:
        """All of it, or none: what follows a torn record would be read as a part of it."""
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fdatasync(self._descriptor)
        except OSError:
            self._take_back()
            raise
        self._size += len(line)

    def _take_back(self) -> None:
        """The record may be there, or a part of it. Where it cannot be taken out, the next one goes into another file."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            if self._path is not None:
                self._taken.append(_Taken(self._path, self._descriptor, self._kept, damaged=False))
            self._path, self._descriptor, self._size, self._kept = None, -1, 0, set()

    def _forget(self, answer: SpooledAnswer) -> None:
        if answer in self._kept:
            self._kept.discard(answer)
            if not self._kept:
                with suppress(OSError):  # what comes back after a crash is recorded already
                    os.ftruncate(self._descriptor, 0)
                    self._size = 0
            return
        for taken in self._taken:
            taken.waiting.discard(answer)
        self._drop_recorded()

    def _drop_recorded(self) -> None:
        for taken in [taken for taken in self._taken if not taken.waiting]:
            self._taken.remove(taken)
            _drop(taken)

    def _take_over(self) -> Sequence[SpooledAnswer]:
        answers: list[SpooledAnswer] = []
        own = {taken.path for taken in self._taken} | {self._path}
        for path in _spool_files(self._folder):
            if path not in own and len(self._taken) < MAX_FILES and (taken := _take(path)) is not None:
                self._taken.append(taken[0])
                answers += taken[1]
        self._drop_recorded()
        return answers

    def _close(self) -> None:
        for taken in self._taken:
            os.close(taken.descriptor)
        if self._descriptor >= 0 and self._path is not None:
            if not self._kept:
                with suppress(OSError):
                    self._path.unlink()
            os.close(self._descriptor)
        self._taken, self._kept, self._path, self._descriptor = [], set(), None, -1


def _spool_files(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
    except OSError as error:
        _log.warning("the spool cannot be read: %s", os.strerror(error.errno or 0))


def _take(path: Path) -> tuple[_Taken, Sequence[SpooledAnswer]] | None:
    """A file whose process has ended, and its answers; None where it lives, or another process was faster."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink == 0:
            raise FileNotFoundError(path.name)
        records = read_records(_content(descriptor))
    except OSError:
        os.close(descriptor)
        return None
    if records.unreadable:
        _log.error("the spool has %d damaged records: those sends may stay UNKNOWN", records.unreadable)
    return _Taken(path, descriptor, set(records.answers), records.unreadable > 0), records.answers


def _content(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _drop(taken: _Taken) -> None:
    """All is recorded. A name that cannot be removed is read once more: nothing changes by that."""
    with suppress(OSError):
        if taken.damaged:
            taken.path.rename(taken.path.with_suffix(DAMAGED_SUFFIX))
        else:
            taken.path.unlink()
    os.close(taken.descriptor)


def _synchronise(folder: Path) -> None:
    """The name of a new file is durable, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _conforms(spool: FileAnswerSpool) -> AnswerSpool:
    return spool
