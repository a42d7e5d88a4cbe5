"""SQLite as the settings name it: a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wework_message.adapters.file_paths import is_file_path
from wework_message.adapters.sql.core.database_kind import DatabaseAddressError, DatabaseKind, DatabaseSource

_PREFIX: Final = "sqlite:///"


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
        if self.path(source).is_dir():
            raise DatabaseAddressError("names a folder, and must name a file in it")

    def missing(self, source: DatabaseSource) -> Mapping[str, str]:  # noqa: ARG002 -- a file has no users
        return {}

    def login(self, source: DatabaseSource) -> None:  # noqa: ARG002 -- a file has no server
        return None

    def shown(self, source: DatabaseSource) -> str:
        return f"SQLite {self.path(source).absolute()}"

    def path(self, source: DatabaseSource) -> Path:
        """The file. Raises `DatabaseAddressError` where there is none: in memory nothing would be durable."""
        path = source.url.removeprefix(_PREFIX)
        if not source.url.startswith(_PREFIX) or path == ":memory:" or "?" in path or not is_file_path(path):
            raise DatabaseAddressError("must be sqlite:///relative/file or sqlite:////absolute/file")
        return Path(path)
