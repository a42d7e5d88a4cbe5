"""Checks of a SQLite file: nothing is written, and SQLite makes no file of its own."""

import asyncio
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from wework_message.adapters.private_files import rights_of_others
from wework_message.adapters.sql.core.execution import Result, Run
from wework_message.adapters.sql.doctor.checks import CALL, NAME, schema_check
from wework_message.adapters.sql.sqlite.failures import translated
from wework_message.adapters.sql.sqlite.open_files import files_of
from wework_message.domain.ports.checks import Check, Fault, Finding

FREE_SHARE_WARNING: Final = 0.05
"""Share of the disk; less free space than this is a warning."""


def sqlite_checks(run: Run, path: Path, *, auto_migrate: bool) -> tuple[Check, ...]:
    """Everything about a file; `run` reads from it."""

    async def file() -> Finding:
        return _file(path)

    async def rights() -> Finding:
        return _rights(path)

    async def call() -> Finding:
        if not _exists(path):
            return Finding.skipped("there is no file yet: the first start makes it")
        return Finding.ok(f"SQLite {await run(_sqlite_version)} reads the file")

    return (
        Check(f"{NAME}.file", file, fault=Fault.SETTINGS),
        Check(f"{NAME}.rights", rights, after=f"{NAME}.file"),
        Check(CALL, call, after=f"{NAME}.file", advice="restore the file from a backup if it cannot be read"),
        schema_check(run, auto_migrate=auto_migrate),
        Check(f"{NAME}.clock", _one_clock, after=CALL),
    )


class ReadOnlyFile:
    """Reads a SQLite file without a trace: where no process has it open, not even a -shm file is made."""

    def __init__(self, path: Path) -> None:
        """Opens nothing yet."""
        self._path = path

    async def __call__(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(connection, *arguments)` in a thread; cancelled, the query is interrupted. Raises `UnavailableError`."""
        opened: list[sqlite3.Connection] = []
        reading = asyncio.create_task(asyncio.to_thread(self._read, opened, work, arguments))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            for connection in opened:
                connection.interrupt()
            await asyncio.gather(reading, return_exceptions=True)
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


def _exists(path: Path) -> bool:
    return path.exists()


async def _one_clock() -> Finding:
    return Finding.ok("a file has no clock of its own")


def _file(path: Path) -> Finding:
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not os.access(path if path.exists() else folder, os.W_OK) or not os.access(folder, os.W_OK):
        return Finding.failed(
            f"{path} and its folder must be writable", "correct their owner or rights, or datasource.url"
        )
    disk = shutil.disk_usage(folder)
    text = f"{path}, {disk.free // 2**20} MiB free beside it"
    if disk.free < FREE_SHARE_WARNING * disk.total:
        return Finding.warning(text, "make room: a full disk stops accepting")
    return Finding.ok(text)


def _rights(path: Path) -> Finding:
    """Files hold what customers were told; who may write the folder may put another file in the place of the database."""
    loose = [f"{file} ({stat.S_IMODE(file.stat().st_mode):04o})" for file in files_of(path) if rights_of_others(file)]
    if loose:
        return Finding.warning(
            f"other users can read or write {', '.join(loose)}", "chmod go= them; the next start does it for own files"
        )
    folder = path.absolute().parent
    if rights_of_others(folder) & (stat.S_IWGRP | stat.S_IWOTH):
        return Finding.warning(f"other users can write the folder {folder}", "keep the database in a folder of its own")
    return Finding.ok("only this user can read the file")


def _sqlite_version(connection: Connection) -> str:
    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
    return str(connection.exec_driver_sql("SELECT sqlite_version()").scalar())
