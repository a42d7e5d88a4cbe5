"""Whether the files that a process has open still are those of the database's name."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

from wework_message.domain.errors import UnavailableError

COMPANIONS: Final = ("-wal", "-shm")
"""Ends of the names of the files beside the database; SQLite gives new ones the mode of the database file."""

_MAGIC: Final = b"SQLite format 3\0"
"""The first bytes of a database."""

_Identity: TypeAlias = tuple[int, int] | None
"""Device and number of a file; None = there is none."""


class OpenFiles:
    """The identity of the files at the first commit: an open file that has no name any more is gone when the process ends."""

    def __init__(self, path: Path) -> None:
        """`path` of the database; nothing is read before the first commit."""
        self._paths = [str(file) for file in files_of(path)]
        self._known: Sequence[_Identity] | None = None

    def demand(self) -> None:
        """Raise `UnavailableError` where a file was deleted, moved or replaced since the first commit."""
        if self._known is None:
            return
        for path, known in zip(self._paths, self._known, strict=True):
            if _identity(path) != known:
                raise UnavailableError(
                    "database",
                    f"{Path(path).name} was deleted, moved or replaced under the process: put it back, or restart the process",
                )

    def committed(self) -> None:
        """As `demand`, after a commit; the first one learns the identities."""
        if self._known is None:
            self._known = [_identity(path) for path in self._paths]
        else:
            self.demand()


def is_database(path: Path) -> bool:
    """Whether SQLite would take the file for one of its own: it is empty, or begins as all of them do."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) in (b"", _MAGIC)
    except OSError:
        return False


def files_of(path: Path) -> Sequence[Path]:
    """The database file and the files beside it."""
    return [path, *(path.with_name(path.name + end) for end in COMPANIONS)]


def _identity(path: str) -> _Identity:
    try:
        status = os.stat(path)  # noqa: PTH116 -- six of them for every commit, and a `Path` doubles their time
    except OSError:
        return None
    return status.st_dev, status.st_ino
