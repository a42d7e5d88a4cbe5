"""Temporary files in one folder, locked for as long as they are used: what a killed process left is not locked."""

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from wework_message.adapters.private_files import make_folder, open_file

SUFFIX: Final = ".part"


def new_file(folder: Path) -> tuple[Path, int]:
    """An empty file with the mode 0600, and its descriptor, which holds the lock. Raises `OSError`."""
    make_folder(folder)
    while True:
        path = folder / _name()
        descriptor = open_file(path, os.O_WRONLY)
        try:
            # Whoever swept the folder between the two lines has deleted it as a leftover: then another one is made.
            if _lock(descriptor) and os.fstat(descriptor).st_nlink:
                return path, descriptor
        except OSError:  # a medium without locks
            discard(path, descriptor)
            raise
        os.close(descriptor)


def second_name(path: Path) -> tuple[Path, int] | None:
    """Another name of a temporary file, beside it, and a descriptor to read it; it is as locked as the first. None where the medium has no second names.

    Raises `OSError` where the file is not there.
    """
    other = path.with_name(_name())
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.link(path, other)
    except OSError:
        os.close(descriptor)
        return None
    return other, descriptor


def begin_to_write(descriptor: int, start: int, length: int) -> None:
    """Let the medium begin to write these bytes, without waiting for it, so that `fsync` finds little to write.

    While it writes a large file, other files of the medium wait with theirs: a database with its commits. This is a hint: Linux begins to write
    what it hears is not needed, and keeps what is not written yet. Elsewhere nothing may happen.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)


def discard(path: Path, descriptor: int) -> None:
    """Delete the file, whether it is there or not, and give the lock back."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        os.close(descriptor)


def sweep(folder: Path) -> int:
    """Delete what processes left that have ended; how many files. Those of living processes, this one too, are locked.

    Nothing is raised for a folder that is not there or cannot be read: the first new file says so.
    """
    deleted = 0
    with suppress(OSError):
        for path in folder.glob(f"*{SUFFIX}"):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    if _lock(descriptor):
                        path.unlink()
                        deleted += 1
                finally:
                    os.close(descriptor)
    return deleted


def synchronise(folder: Path) -> None:
    """Make the names in a folder durable. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name() -> str:
    return f"{secrets.token_hex(16)}{SUFFIX}"


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
