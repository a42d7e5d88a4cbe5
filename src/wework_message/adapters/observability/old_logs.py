"""Log files that are full: renamed as Logback does it, packed, and deleted when there are too many.

A thread of its own packs and deletes: no line waits for it. Several processes may share a folder: each file is packed by one of them.
"""

import contextlib
import fcntl
import gzip
import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from wework_message.adapters.private_files import open_file

CHUNK: Final = 256 * 1024
"""Bytes that are packed at once."""

_PACKED: Final = ".gz"
_PART: Final = ".gz.part"


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a log file is full, and what is kept of former ones. The defaults are Spring's, but for the last."""

    max_bytes: int = 10 * 1024**2
    """Size of the file at which it is full; it is so as well once a day (UTC) is over. At least 1."""
    max_days: int = 7
    """Days of which files are kept in addition to today; 0 = however old."""
    total_bytes: int = 1024**3
    """What the kept files may take together, the present one aside; 0 = any. Spring has no limit here."""


@dataclass(frozen=True, slots=True)
class OldLog:
    """A file that was full."""

    day: date
    """UTC, of its last line."""
    number: int
    """From 0, of those of its day."""
    path: Path
    size: int


def in_a_thread(work: Callable[[], None]) -> None:
    """Do it in a thread that ends with the process: what is left of it is done the next time."""
    threading.Thread(target=work, name="log-archive", daemon=True).start()


class OldLogs:
    """The full files of one log: ``message-service.log.2026-11-30.0.gz`` beside ``message-service.log``."""

    def __init__(
        self,
        path: Path,
        rotation: Rotation,
        *,
        now: Callable[[], float] = time.time,
        start: Callable[[Callable[[], None]], None] = in_a_thread,
    ) -> None:
        """`path` is that of the log; `now` in seconds since the epoch; `start` runs what no line may wait for."""
        self._path = path
        self._rotation = rotation
        self._now = now
        self._start = start
        self._busy = threading.Lock()

    def is_full(self, file: os.stat_result, more: int) -> bool:
        """Whether `more` bytes belong into a new file: this would be too large, or its last line is of a former day."""
        if not file.st_size or not stat.S_ISREG(file.st_mode):
            return False
        return file.st_size + more > self._rotation.max_bytes or _day(file.st_mtime) < _day(self._now())

    def take(self, file: os.stat_result) -> None:
        """Rename the log, of which `file` is, and make an empty one with its mode and group. The caller has locked it.

        Raises `OSError`; then the log is as it was.
        """
        path = self._path.resolve()
        day = _date(min(_day(file.st_mtime), _day(self._now())))  # a clock that was set back: no file is of tomorrow
        number = 1 + max((old.number for old in self._kept() if old.day == day), default=-1)
        while any(os.path.lexists(f"{path}.{day}.{number}{form}") for form in ("", _PACKED)):
            number += 1  # a listing may miss what is packed meanwhile: first unpacked and then packed, it is there
        path.rename(f"{path}.{day}.{number}")
        descriptor = open_file(path, os.O_WRONLY)
        _take_rights(descriptor, file)
        os.close(descriptor)

    def tidy_soon(self) -> None:
        """Start `tidy` unless it runs. Never raises: where there is no room for a thread the next file tries it again."""
        if not self._busy.locked():
            with contextlib.suppress(RuntimeError):
                self._start(self.tidy)

    def tidy(self) -> None:
        """Pack what is not packed, and delete what is beyond the limits. Never raises: what fails is tried again after the next file."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            self._delete_old()  # first: a full disk has no room for a packed file
            for old in self._kept():
                if not old.path.name.endswith((_PACKED, _PART)):
                    with contextlib.suppress(OSError):
                        _pack(old.path)
            self._delete_old()
        except OSError:
            return
        finally:
            self._busy.release()

    def _kept(self) -> Iterator[OldLog]:
        """All but those that another process deletes meanwhile."""
        path = self._path.resolve()
        pattern = re.compile(re.escape(path.name) + r"\.(\d{4}-\d\d-\d\d)\.(\d{1,9})(\.gz(\.part)?)?")
        with os.scandir(path.parent) as entries:
            for entry in entries:
                if (match := pattern.fullmatch(entry.name)) is None:
                    continue
                with contextlib.suppress(FileNotFoundError, ValueError):
                    size = entry.stat(follow_symlinks=False).st_size
                    yield OldLog(date.fromisoformat(match[1]), int(match[2]), Path(entry.path), size)

    def _delete_old(self) -> None:
        limits, room = self._rotation, self._rotation.total_bytes
        first_day = _day(self._now()) - limits.max_days
        for old in sorted(self._kept(), key=lambda old: (old.day, old.number), reverse=True):
            room -= old.size
            is_too_old = limits.max_days and old.day < _date(first_day)
            if is_too_old or (limits.total_bytes and room < 0):
                with contextlib.suppress(OSError):
                    old.path.unlink()


def _pack(path: Path) -> None:
    """Replace `path` by its packed form, durably, unless another process does."""
    part = path.with_name(f"{path.name}{_PART}")
    descriptor = open_file(part, os.O_RDWR)
    with os.fdopen(descriptor, "wb") as target:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(part.stat(), os.fstat(descriptor)):
                return
        except (BlockingIOError, FileNotFoundError):  # the other one's, or done
            return
        try:
            with path.open("rb") as source:
                _take_rights(descriptor, os.fstat(source.fileno()))
                os.ftruncate(descriptor, 0)
                with gzip.GzipFile(path.name, "wb", 6, target) as packed:
                    shutil.copyfileobj(source, packed, CHUNK)
            target.flush()
            os.fsync(descriptor)
            part.rename(path.with_name(f"{path.name}{_PACKED}"))
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
    path.unlink(missing_ok=True)


def _take_rights(descriptor: int, file: os.stat_result) -> None:
    """The group of `file`, and its mode, as far as this process may give them: a shipper reads all files of a log or none."""
    with contextlib.suppress(OSError):
        os.fchown(descriptor, -1, file.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, stat.S_IMODE(file.st_mode))


def _day(seconds: float) -> int:
    """Days since the epoch."""
    return int(seconds // 86_400)


def _date(day: int) -> date:
    return datetime.fromtimestamp(day * 86_400, UTC).date()
