"""Queries of a database from outside the processes under test."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncmy
from tests.support.servers.mariadb import Database


class Queries(Protocol):
    """Rows of one database, as committed by now."""

    @property
    def url(self) -> str:
        """Value of ``datasource.url``."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Every row of the answer."""
        ...

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """In one transaction. All rows have the columns of the first, which there must be."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class SqliteQueries:
    """A file, which the service creates."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path.absolute()}"
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        return self._connection.execute(sql).fetchall()

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
            connection.executemany(_insert(table, rows[0], "?"), [tuple(row.values()) for row in rows])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class MariaDbQueries:
    """A database of a server of ours, over one connection."""

    def __init__(self, database: Database) -> None:
        self.url = database.url
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(_connected(database))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._runner.run(_rows(self._connection, sql))

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        values = [tuple(row.values()) for row in rows]
        self._runner.run(_insert_all(self._connection, _insert(table, rows[0], "%s"), values))

    def close(self) -> None:
        self._connection.close()
        self._runner.close()


def _insert(table: str, row: Mapping[str, Any], mark: str) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join([mark] * len(row))})"


async def _insert_all(connection: Any, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
    async with connection.cursor() as cursor:
        await connection.begin()
        await cursor.executemany(sql, values)
        await connection.commit()


async def _connected(database: Database) -> Any:
    return await asyncmy.connect(
        host=database.host, port=database.port, user=database.username, password=database.password,
        database=database.name, autocommit=True,
    )  # fmt: skip


async def _rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    async with connection.cursor() as cursor:
        await cursor.execute(sql)
        return list(await cursor.fetchall())
