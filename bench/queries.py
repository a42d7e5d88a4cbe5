"""Queries of a database from outside the processes under test."""

import asyncio
import sqlite3
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

    def close(self) -> None:
        self._connection.close()
        self._runner.close()


async def _connected(database: Database) -> Any:
    return await asyncmy.connect(
        host=database.host, port=database.port, user=database.username, password=database.password,
        database=database.name, autocommit=True,
    )  # fmt: skip


async def _rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    async with connection.cursor() as cursor:
        await cursor.execute(sql)
        return list(await cursor.fetchall())
