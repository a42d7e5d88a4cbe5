"""What the rows of batches cost by the bare driver: the least that accepting them on SQLite can take, whatever the code around it.

    python -m bench.batch_floor [--batches 120] [--rounds 8]

Batches of 100 messages go through the product, and every statement with its parameters is kept. Then the driver alone executes them on copies of the
database as it was before them: in a transaction for each batch, and for 40 batches, as many as requests over 64 connections share. CPU of that thread per message.
"""

import argparse
import asyncio
import itertools
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

from bench import short_way
from bench.batch import ITEMS
from bench.load import BODIES
from sqlalchemy import Connection

from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.application.role import Role
from wework_message.bootstrap.process import ProcessMetrics, running
from wework_message.bootstrap.settings import load
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config

PATH: Final = "/api/messages/send/batch"
SHARED: Final = (1, 40)
"""Batches in one transaction."""
BEFORE: Final = 30
"""Batches that are there before."""

Statement = tuple[str, list[Any]]


async def recorded(folder: Path, batches: int) -> list[list[Statement]]:
    """The statements of each batch; the database of before is `before.db`."""
    kept: list[list[Statement]] = []
    execute = Connection.exec_driver_sql

    def keep(connection: Connection, sql: str, parameters: Any = None, **options: Any) -> Any:
        if isinstance(parameters, list):
            kept[-1].append((sql, parameters))
        return execute(connection, sql, parameters, **options)

    numbers = itertools.count()
    settings = {"DATASOURCE_URL": f"sqlite:///{folder}/recorded.db"}
    metrics = ProcessMetrics(lambda *_: None, QueueMetrics(), lambda *_: None)
    async with running(
        load(settings, config_dir=folder), short_way.SilentObserver(), metrics, role=Role.ACCEPTING
    ) as process:
        app = create_app(process.application, Config(version="0"))
        for _ in range(BEFORE):
            await short_way._send(app, b"POST", _body(numbers), PATH)  # noqa: SLF001
        with sqlite3.connect(folder / "recorded.db") as source, sqlite3.connect(folder / "before.db") as target:
            source.backup(target)
        with mock.patch.object(Connection, "exec_driver_sql", keep):
            for _ in range(batches):
                kept.append([])
                await short_way._send(app, b"POST", _body(numbers), PATH)  # noqa: SLF001
    return kept


def _body(numbers: "itertools.count[int]") -> bytes:
    messages = [
        BODIES["scheduled"] % (number % 50, 1_000_000 + number % 997, b"floor", number)
        for number in itertools.islice(numbers, ITEMS)
    ]
    return b'{"messages":[' + b",".join(messages) + b"]}"


def executed(folder: Path, batches: list[list[Statement]], shared: int) -> tuple[float, float]:
    """CPU per message, us: of all, and of the commits."""
    shutil.copy(folder / "before.db", folder / "copy.db")
    connection = sqlite3.connect(folder / "copy.db", isolation_level=None)
    for setting in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {setting}")
    began, commits = time.thread_time(), 0.0
    for first in range(0, len(batches), shared):
        connection.execute("BEGIN IMMEDIATE")
        for sql, rows in itertools.chain.from_iterable(batches[first : first + shared]):
            connection.executemany(sql, rows)
        committing = time.thread_time()
        connection.execute("COMMIT")
        commits += time.thread_time() - committing
    took = time.thread_time() - began
    connection.close()
    messages = len(batches) * ITEMS
    return took / messages * 1e6, commits / messages * 1e6


def rounds_of(folder: Path, batches: list[list[Statement]], rounds: int) -> Iterator[str]:
    """One line for each number of batches in a transaction: the least of the rounds."""
    for shared in SHARED:
        total, commit = min(executed(folder, batches, shared) for _ in range(rounds))
        yield f"{shared * ITEMS} messages in a transaction: {total:.1f} us per message, {commit:.1f} of them the commit"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.batch_floor", description="Rows of batches by the driver")
    parser.add_argument("--batches", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        batches = asyncio.run(recorded(Path(name), arguments.batches))
        print(*rounds_of(Path(name), batches, arguments.rounds), sep="\n")


if __name__ == "__main__":
    main()
