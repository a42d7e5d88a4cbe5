"""SQLite files that have the schema: copies of one file, because the migrations take longer than most tests."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, event, text

from wework_message.adapters.private_files import make_file, make_folder
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.core.pools import Turn
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.adapters.sql.sqlite.store import SqliteStore

_MIGRATED: Final[list[bytes]] = []
"""The file after the migrations, once a test of this process has needed it."""


async def migrated_store(path: Path, **options: float) -> SqliteStore:
    """A store on a new file that has the schema. `options` go to the store."""
    if _MIGRATED:
        _copy_to(path)
    else:
        store = SqliteStore(path)
        await migrate(store)
        await store.close()  # folds the write-ahead log into the file
        _keep(path)
    return SqliteStore(path, **options)


@dataclass(slots=True)
class EmptyFile:
    """One file for many tests, with two stores as of two processes: to open them takes longer than most tests.

    The tables are emptied before each test, in a transaction of their own: one that a test has left open turns the next one red.
    """

    path: Path
    _stores: dict[str, SqliteStore] = field(default_factory=dict)

    async def emptied(self) -> SqliteStore:
        """The store of the first process, after which there is nothing but the schema and the default tenant."""
        if not self._stores:
            self._stores["first"] = _unsynced(await migrated_store(self.path))
        store = self._of_this_loop("first")
        await store.transact(_empty)
        return store

    def other(self) -> SqliteStore:
        """The store of a second process; call `emptied` first."""
        if "second" not in self._stores:
            self._stores["second"] = _unsynced(SqliteStore(self.path))
        return self._of_this_loop("second")

    def close(self) -> None:
        for store in self._stores.values():
            store._close()

    def _of_this_loop(self, name: str) -> SqliteStore:
        store = self._stores[name]
        assert store.turn.used == 0
        store.turn = Turn()  # which belongs to the loop of the test that had to wait for it
        return store


def _unsynced(store: SqliteStore) -> SqliteStore:
    """Without the wait for the disk at each commit, which no contract can see; that the service waits, test_schema.py holds."""

    def prepare(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF").close()

    event.listen(store._engine, "connect", prepare)
    return store


_EMPTYING: Final = [
    text(f"DELETE FROM {table.name}" + (" WHERE tenant_id <> 'default'" if table.name == "wm_tenant" else ""))  # noqa: S608 -- our own names
    for table in metadata.sorted_tables
]


def _empty(connection: Connection) -> None:
    for statement in _EMPTYING:
        connection.execute(statement).close()


def _keep(path: Path) -> None:
    _MIGRATED.append(path.read_bytes())


def _copy_to(path: Path) -> None:
    make_folder(path.parent)
    make_file(path)
    path.write_bytes(_MIGRATED[0])
