"""Bytes that a stored message takes: typical messages driven to DELIVERED on SQLite and on MariaDB, then the tables measured.

    python -m bench.resident_memory [--messages 20000] [--only sqlite,mariadb] [--json PATH]

A message here is a TEXT of 82 characters with an idempotency key, sent once, echoed once (bench/load.py): one row in each of
wm_message, wm_attempt, wm_idempotency_key, wm_note and wm_callback. Callbacks are stored as they came, so longer ones take more.
"""

import argparse
import contextlib
import io
import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import processes
from tests.support.mysql import settings_of, target_of
from tests.support.processes.programs import ServiceProgram, service_processes
from tests.support.servers.mariadb import Database, MariaDb

UNLIMITED: Final = {"APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000"}
LIMIT_S: Final = 1200
GIB_PER_MILLION: Final = 1_000_000 / 2**30

MIN_DELIVERED: Final = 0.99
_DELIVERED: Final = "SELECT count(*) FROM wm_message WHERE status = 'DELIVERED'"

Ask = Callable[[str], list[tuple[Any, ...]]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.resident_memory", description="Bytes per message")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--only", default="sqlite,mariadb")
    parser.add_argument("--json", type=Path, default=Path("bench/results/room.json"), metavar="PATH")
    arguments = parser.parse_args()
    measured = {}
    for name in arguments.only.split(","):
        with contextlib.redirect_stdout(io.StringIO()):  # programs show the end of their logs when they are closed
            measured[name] = MEASURES[name](arguments.messages)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"messages": arguments.messages, **measured}, indent=2) + "\n")
    for name, result in measured.items():
        print(
            f"{name}: {result['total']:.0f} bytes per message, {result['total'] * GIB_PER_MILLION:.2f} GiB per million"
        )
        for table, size in sorted(result["tables"].items(), key=lambda entry: -entry[1]):
            print(f"  {table:<24} {size:8.0f}")
    return 0


def sqlite(messages: int) -> dict[str, Any]:
    """The file after a clean stop, which folds the write-ahead log in; tables by the pages that they and their indexes have."""
    with TemporaryDirectory() as name:
        path = Path(name) / "wework-message.db"

        def ask(question: str) -> list[tuple[Any, ...]]:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                return connection.execute(question).fetchall()

        with service_processes(Path(name), **UNLIMITED) as programs:
            programs.service.stop()
            before = path.stat().st_size
            programs.service.start()
            _drive(programs.service, messages, ask)
            programs.service.stop()
            total = (path.stat().st_size - before) / messages
        return {"total": total, "tables": _pages(ask, messages)}


def _pages(ask: Ask, messages: int) -> dict[str, float]:
    """By table with its indexes; empty where SQLite was built without `dbstat`."""
    try:
        rows = ask(
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY m.tbl_name"
        )
    except sqlite3.OperationalError:
        return {}
    return {name: size / messages for name, size in rows if size / messages >= 1}


def mariadb(messages: int) -> dict[str, Any]:
    """Data and indexes as InnoDB has them (information_schema.TABLES), without the binary log."""
    if missing := MariaDb.missing():
        raise SystemExit(f"MariaDB is not installed here: {missing}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        server = MariaDb(folder, folder)
        server.start()
        try:
            return _on(server, server.create_database("wework_platform"), folder, messages)
        finally:
            server.close()


def _on(server: MariaDb, database: Database, folder: Path, messages: int) -> dict[str, Any]:
    def ask(question: str) -> list[tuple[Any, ...]]:
        lines = server.sql(f"USE `{database.name}`; {question}").splitlines()
        return [tuple(line.split("\t")) for line in lines]

    settings = UNLIMITED | settings_of(target_of(database))
    with service_processes(folder, **settings) as programs:
        before = _lengths(ask)
        _drive(programs.service, messages, ask)
        after = _lengths(ask)
    tables = {name: (size - before[name]) / messages for name, size in after.items()}
    return {"total": sum(tables.values()), "tables": {name: size for name, size in tables.items() if size >= 1}}


def _lengths(ask: Ask) -> dict[str, int]:
    names = [str(name) for (name,) in ask("SHOW TABLES")]
    ask(f"ANALYZE TABLE {', '.join(names)}")
    where = "FROM information_schema.TABLES WHERE table_schema = DATABASE()"
    return {str(name): int(size) for name, size in ask(f"SELECT table_name, data_length + index_length {where}")}


def _drive(service: ServiceProgram, messages: int, ask: Ask) -> None:
    """Accept, send, echo, until all but one in a hundred at most are DELIVERED and nothing is left to do."""
    began = time.monotonic()
    processes.load(f"{service.url}/api/messages/send/async", "send", count=messages)
    while (done := int(ask(_DELIVERED)[0][0])) < MIN_DELIVERED * messages or int(
        ask("SELECT count(*) FROM wm_due")[0][0]
    ):
        if time.monotonic() - began > LIMIT_S:
            raise TimeoutError(f"{done} of {messages} are DELIVERED")
        time.sleep(0.2)
    print(f"{done} of {messages} messages DELIVERED in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


MEASURES: Final = {"sqlite": sqlite, "mariadb": mariadb}

if __name__ == "__main__":
    sys.exit(main())
