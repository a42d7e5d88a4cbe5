"""Engines on a SQLite file: one writer, a few readers, durable commits (decision 11)."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_MS: Final = 30_000
"""How long a writer waits for another process's transaction."""

READERS: Final = 4
"""Connections for queries in one process."""


def writing_engine(path: Path) -> AsyncEngine:
    """One connection whose transactions begin IMMEDIATE, in WAL, each commit synced to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0, pool_reset_on_return=None)
    event.listen(engine.sync_engine, "connect", _open_writer)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def reading_engine(path: Path) -> AsyncEngine:
    """A few connections without transactions: each statement sees the newest commit."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", pool_size=READERS, max_overflow=0, isolation_level="AUTOCOMMIT"
    )
    event.listen(engine.sync_engine, "connect", _open_reader)
    return engine


def _open_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver opens no transactions of its own: `_begin_immediate` does
    _pragmas(connection, "journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}", "temp_store=MEMORY")


def _open_reader(connection: Any, _record: object) -> None:
    _pragmas(connection, f"busy_timeout={BUSY_MS}", "query_only=ON")


def _pragmas(connection: Any, *settings: str) -> None:
    cursor = connection.cursor()
    for setting in settings:
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
