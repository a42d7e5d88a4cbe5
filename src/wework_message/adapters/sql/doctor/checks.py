"""Checks of the database: whether it answers, is safe, has our schema, and agrees with this machine about the time.

What they read they read in autocommit or from a file opened read-only: nothing is written, not even by SQLite beside its file.
"""

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from wework_message.adapters.http.checks import reaching
from wework_message.adapters.sql.core.execution import Result, Run, translated
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.mysql.server import objections
from wework_message.domain.message.matching import SKEW_MS
from wework_message.domain.ports.checks import Check, Fault, Finding

CLOCK_WARNING_MS: Final = 1_000
"""Clocks that differ by more are a warning; by more than `SKEW_MS` echoes of texts are no longer recognised."""

FREE_WARNING: Final = 0.05
"""Of the disk; less room than this share for a SQLite file is a warning."""

_NAME: Final = "database"
_CALL: Final = f"{_NAME}.call"
_MIGRATE: Final = "run: wework-message migrate"


def mysql_checks(run: Run, host: str, port: int, *, auto_migrate: bool, accept_data_loss: bool) -> tuple[Check, ...]:
    """Everything about a server; `run` reads from it."""

    async def call() -> Finding:
        return Finding.ok(f"{await run(_version)} answers a query")

    async def safety() -> Finding:
        return await _safety(run, accept_data_loss=accept_data_loss)

    async def clock() -> Finding:
        began, clocked = time.monotonic(), time.time()
        there = await run(_server_ms)
        took_ms = (time.monotonic() - began) * 1000
        return told_offset("the database", there - clocked * 1000 - took_ms / 2)

    way = reaching(_NAME, host, port, setting="datasource.url")
    return (
        *way,
        Check(_CALL, call, after=way[-1].name, advice="correct user, password and database, or the server's own log"),
        Check(f"{_NAME}.safety", safety, after=_CALL, fault=Fault.SETTINGS),
        Check(f"{_NAME}.schema", lambda: _schema(run, auto_migrate=auto_migrate), after=_CALL, fault=Fault.SETTINGS),
        Check(f"{_NAME}.clock", clock, after=_CALL, fault=Fault.SETTINGS),
    )


def sqlite_checks(path: Path, *, auto_migrate: bool) -> tuple[Check, ...]:
    """Everything about a file."""
    run = ReadOnlyFile(path)

    async def file() -> Finding:
        return _file(path)

    async def call() -> Finding:
        if not _exists(path):
            return Finding.skipped("there is no file yet: the first start makes it")
        return Finding.ok(f"SQLite {await run(_sqlite_version)} reads the file")

    return (
        Check(f"{_NAME}.file", file, fault=Fault.SETTINGS),
        Check(_CALL, call, after=f"{_NAME}.file", advice="restore the file from a backup if it cannot be read"),
        Check(f"{_NAME}.schema", lambda: _schema(run, auto_migrate=auto_migrate), after=_CALL, fault=Fault.SETTINGS),
        Check(f"{_NAME}.clock", _one_clock, after=_CALL),
    )


class ReadOnlyFile:
    """Reads a SQLite file without a trace: where no process has it open, not even a -shm file is made beside it."""

    def __init__(self, path: Path) -> None:
        """Opens nothing yet."""
        self._path = path

    async def __call__(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(connection, *arguments)` in a thread; cancelled, the query is interrupted. Raises `UnavailableError`."""
        opened: list[sqlite3.Connection] = []
        asked = asyncio.create_task(asyncio.to_thread(self._read, opened, work, arguments))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            for connection in opened:
                connection.interrupt()
            await asyncio.gather(asked, return_exceptions=True)
            raise

    def _read(
        self, opened: list[sqlite3.Connection], work: Callable[..., Result], arguments: tuple[Any, ...]
    ) -> Result:
        engine = create_engine("sqlite://", creator=lambda: self._opened(opened), poolclass=NullPool)
        try:
            with engine.connect() as connection:
                return work(connection, *arguments)
        except SQLAlchemyError as error:
            raise translated(error) from error

    def _opened(self, opened: list[sqlite3.Connection]) -> sqlite3.Connection:
        live = Path(f"{self._path}-wal").exists()
        options = "mode=ro" if live else "mode=ro&immutable=1"
        opened.append(sqlite3.connect(f"{self._path.absolute().as_uri()}?{options}", uri=True, check_same_thread=False))
        return opened[-1]


def told_offset(what: str, offset_ms: float) -> Finding:
    """What it means that the clock of `what` is `offset_ms` ahead of this machine's."""
    side = "ahead of" if offset_ms > 0 else "behind"
    text = f"its clock is {abs(offset_ms):.0f} ms {side} this machine's"
    advice = f"let this machine and {what} follow one time server (NTP)"
    if abs(offset_ms) > SKEW_MS:
        return Finding.failed(f"{text}; above {SKEW_MS} ms echoes are not recognised", advice)
    return Finding.warning(text, advice) if abs(offset_ms) > CLOCK_WARNING_MS else Finding.ok(text)


def _exists(path: Path) -> bool:
    return path.exists()


async def _one_clock() -> Finding:
    return Finding.ok("a file has no clock of its own")


async def _safety(run: Run, *, accept_data_loss: bool) -> Finding:
    found = await run(objections)
    accepted = [one for one in found if one.loses_data and accept_data_loss]
    refused = [one for one in found if one not in accepted]
    text = "; ".join(f"{one.variable}: {one.text}" for one in (*refused, *accepted))
    if refused:
        return Finding.failed(text, f"set {', '.join(one.variable for one in refused)} on the server")
    if accepted:
        return Finding.warning(
            text,
            "datasource.accept-data-loss lets it start; a crash of the server's machine may lose accepted messages",
        )
    return Finding.ok("every commit is on the disk before it is confirmed")


async def _schema(run: Run, *, auto_migrate: bool) -> Finding:
    state = await run(schema_state)
    if state is SchemaState.CURRENT:
        return Finding.ok("the schema is this version's")
    if state is SchemaState.AHEAD:
        return Finding.failed("the schema is newer than this version", "start the newer version")
    words = "there is no schema yet" if state is SchemaState.EMPTY else "the schema is older than this version"
    if auto_migrate:
        return Finding.warning(words, "the next start brings it up (datasource.auto-migrate)")
    return Finding.failed(words, _MIGRATE)


def _file(path: Path) -> Finding:
    folder = next(one for one in path.absolute().parents if one.exists())
    if not os.access(path if path.exists() else folder, os.W_OK) or not os.access(folder, os.W_OK):
        return Finding.failed(
            f"{path} and its folder must be writable", "correct their owner or rights, or datasource.url"
        )
    room = shutil.disk_usage(folder)
    text = f"{path}, {room.free // 2**20} MiB free beside it"
    if room.free < FREE_WARNING * room.total:
        return Finding.warning(text, "make room: a full disk stops accepting")
    return Finding.ok(text)


def _version(connection: Connection) -> str:
    version = str(connection.exec_driver_sql("SELECT VERSION()").scalar())
    return f"MariaDB {version}" if "mariadb" in version.lower() else f"MySQL {version}"


def _sqlite_version(connection: Connection) -> str:
    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
    return str(connection.exec_driver_sql("SELECT sqlite_version()").scalar())


def _server_ms(connection: Connection) -> float:
    return float(connection.exec_driver_sql("SELECT UNIX_TIMESTAMP(NOW(6)) * 1000").scalar_one())
