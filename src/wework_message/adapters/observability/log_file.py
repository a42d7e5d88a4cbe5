"""The log file, which several processes may write, rotate and move at any time."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wework_message.adapters.observability.old_logs import OldLogs
from wework_message.adapters.private_files import make_folder, open_file

REOPEN_S: Final = 5.0
"""Pause after a failed write or rotation before it is tried again, seconds."""


class FileTarget:
    """A log file that logrotate or a person may move at any time: the next batch opens a new one.

    Who writes has a shared lock of the file, and who renames it an exclusive one: nobody writes into a file that has its other name.
    """

    def __init__(
        self,
        path: Path,
        on_error: Callable[[OSError], None],
        *,
        old_logs: OldLogs | None = None,
        on_full: Callable[[OSError], None] = lambda _: None,
        waits: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_error` is called once for every period in which the file cannot be written, `on_full` once for every one in which it cannot be renamed.

        Without `old_logs` it is never renamed. Where it never `waits`, a line that is written while another process renames the file may be lost.
        """
        self._path = path
        self._on_error = on_error
        self._old_logs = old_logs
        self._shared = fcntl.LOCK_SH if waits else fcntl.LOCK_SH | fcntl.LOCK_NB
        self._clock = clock
        self._file: int | None = None
        self._failing = False
        self._next_try = 0.0
        self._on_full = on_full
        self._rotates = True
        self._next_rotation = 0.0

    def open(self) -> None:
        """Open the file now, so that an unwritable folder is known at the start."""
        self.write(b"")

    def write(self, batch: bytes) -> None:
        """Append in one system call, so that lines of several processes do not mix."""
        if self._failing and self._clock() < self._next_try:
            return
        try:
            self._append(batch)
            self._failing = False
        except OSError as error:
            self.close()
            self._next_try = self._clock() + REOPEN_S
            if not self._failing:
                self._failing = True
                self._on_error(error)

    def close(self) -> None:
        """Close the file; another write would open it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, batch: bytes) -> None:
        descriptor = self._current()
        if not batch:
            return
        if self._old_logs is not None and self._old_logs.is_full(os.fstat(descriptor), len(batch)):
            self._rotate(descriptor, self._old_logs, len(batch))
        descriptor = self._locked(self._shared)
        try:
            while batch:
                batch = batch[os.write(descriptor, batch) :]
        finally:
            _unlock(descriptor)

    def _rotate(self, descriptor: int, old_logs: OldLogs, more: int) -> None:
        """A file that cannot be renamed grows; no line is lost."""
        if not self._rotates and self._clock() < self._next_rotation:
            return
        try:
            descriptor = self._locked(fcntl.LOCK_EX)
            try:
                file = os.fstat(descriptor)
                if old_logs.is_full(file, more):  # another process may have been first
                    old_logs.take(file)
            finally:
                _unlock(descriptor)
            self._rotates = True
            old_logs.tidy_soon()
        except OSError as error:
            self._next_rotation = self._clock() + REOPEN_S
            if self._rotates:
                self._rotates = False
                self._on_full(error)

    def _locked(self, operation: int) -> int:
        """The descriptor of the file that has the name now, locked where the file system has locks and nobody has it who is not waited for."""
        while True:
            descriptor = self._current()
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, operation)
            if self._is_current(descriptor):
                return descriptor
            _unlock(descriptor)

    def _current(self) -> int:
        if self._file is not None and not self._is_current(self._file):
            self.close()
        if self._file is None:
            make_folder(self._path.parent)
            self._file = open_file(self._path, os.O_WRONLY | os.O_APPEND)
        return self._file

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False


def _unlock(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
