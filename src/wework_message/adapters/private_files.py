"""Files and folders that only the user of this process can read, whatever the umask is."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""The rights of everybody but the owner."""


def make_folder(path: Path) -> Sequence[Path]:
    """Create `path` and its missing parents with the mode 0700. A folder that exists keeps its mode.

    Returns those that were missing, the outermost first. Raises `OSError`.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()][::-1]
    for folder in missing:
        try:
            folder.mkdir(PRIVATE_FOLDER)
        except FileExistsError:  # another process was faster
            continue
        folder.chmod(PRIVATE_FOLDER)  # a umask may have taken the owner's rights
    return missing


def exists(path: Path) -> bool:
    """Whether this user finds something there; what is behind a folder that it may not enter is not there for it."""
    try:
        return path.exists()
    except OSError:
        return False


def no_folder(path: Path) -> str | None:
    """What keeps this user from writing to the folder `path`, or from making it, with the path at fault; None = nothing does."""
    existing = next(folder for folder in (path.absolute(), *path.absolute().parents) if exists(folder))
    if not existing.is_dir():
        return f"{existing} is no folder"
    return None if os.access(existing, os.R_OK | os.W_OK | os.X_OK) else f"this user may not write to {existing}"


def open_file(path: Path, flags: int) -> int:
    """A descriptor of `path`; a file that is new has the mode 0600, and one that exists keeps its mode.

    `flags` are those of `os.open`, without ``O_CREAT``. Raises `OSError`.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    except FileExistsError:
        # With O_CREAT: a link whose target is missing "exists", too.
        return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor


def make_file(path: Path) -> None:
    """Create `path` empty with the mode 0600 unless it exists. Raises `OSError`.

    A file that exists is not opened: a close would release the locks that SQLite holds on it in this process.
    """
    try:
        # Resolved, so that a link whose target is missing makes the target.
        descriptor = os.open(path.resolve(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    except FileExistsError:
        return
    os.fchmod(descriptor, PRIVATE_FILE)
    os.close(descriptor)


def rights_of_others(path: Path) -> int:
    """The mode bits that group and others have on `path`; 0 where it does not exist."""
    try:
        return path.stat().st_mode & OTHERS
    except FileNotFoundError:
        return 0


def take_from_others(path: Path) -> bool:
    """Take all rights of group and others on an own file; whether they had any.

    A file of another user is left alone, and so is a device, whose name is a slip.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    if not status.st_mode & OTHERS or status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode):
        return False
    path.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)
    return True
