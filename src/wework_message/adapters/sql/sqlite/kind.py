"""SQLite as the settings name it: a file."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wework_message.adapters.file_paths import is_file_path
from wework_message.adapters.private_files import exists, no_folder
from wework_message.adapters.sql.core.database_kind import DatabaseAddressError, DatabaseKind, DatabaseSource

_PREFIX: Final = "sqlite:///"
_ROOM_BYTES: Final = 1_048_576
"""With less than this even an empty database has no room."""


class SqliteKind(DatabaseKind):
    """A SQLite file, relative to the working directory unless its URL has four slashes."""

    name = "sqlite"
    title = "SQLite"
    prefixes = (_PREFIX,)
    driver = None
    split_warning = "datasource.url is a SQLite file: processes of other machines cannot share it, and its writers wait for each other"
    one_process = "SQLite takes one writer at a time, so that more processes only wait for its lock"

    def check(self, source: DatabaseSource) -> None:
        """A file, and no options."""
        path = self.path(source)
        if exists(path) and not path.is_file():
            raise DatabaseAddressError("names a folder or a device, and must name a file")

    def missing(self, source: DatabaseSource) -> Mapping[str, str]:  # noqa: ARG002 -- a file has no users
        return {}

    def login(self, source: DatabaseSource) -> None:  # noqa: ARG002 -- a file has no server
        return None

    def shown(self, source: DatabaseSource) -> str:
        return f"SQLite {self.path(source).absolute()}"

    def obstacle(self, source: DatabaseSource) -> str | None:
        """A file, or the folder for it, that this user cannot use, or a disk without room."""
        path = self.path(source).absolute()
        if exists(path) and not os.access(path, os.R_OK | os.W_OK):
            return f"this user may not read and write {path}"
        if (reason := no_folder(path.parent)) is not None:
            return reason
        folder = next(folder for folder in path.parents if exists(folder))
        return f"the disk of {folder} has no room left" if shutil.disk_usage(folder).free < _ROOM_BYTES else None

    def path(self, source: DatabaseSource) -> Path:
        """The file. Raises `DatabaseAddressError` where there is none: in memory nothing would be durable."""
        path = source.url.removeprefix(_PREFIX)
        if not source.url.startswith(_PREFIX) or path == ":memory:" or "?" in path or not is_file_path(path):
            raise DatabaseAddressError("must be sqlite:///relative/file or sqlite:////absolute/file")
        return Path(path)
