"""What each stage of a message costs: CPU here and in MariaDB, statements, rows, index entries, redo.

The stages follow each other in one process, set by set (`hot_path.py`); nothing runs beside them. Competitors are databases on
one server, in turns.
"""

import contextlib
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop
from bench import hot_path, servers
from bench.hot_path import HotPath
from tests.support.servers.mariadb import Database, MariaDb

SET: Final = 50
"""Messages of one transaction."""
SETS: Final = 40
"""Sets of a stage in one round; the stages of echoes share them."""
PREPARED: Final = {"prepared": True, "text": False}
"""Competitors, by `datasource.prepared-statements`."""
SHARED: Final = ("callback, applied at once", "callback, stored", "project")
"""Stages that half of the messages take."""

_COUNTERS: Final = "Handler_(write|update|delete)|Innodb_os_log_written"
_INDEXES: Final = """
SELECT TABLE_NAME, INDEX_NAME, GROUP_CONCAT('`', COLUMN_NAME, '`' ORDER BY SEQ_IN_INDEX) FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() GROUP BY TABLE_NAME, INDEX_NAME
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """One competitor."""

    path: HotPath
    database: Database
    entries: dict[str, float]
    """Index entries that are added or removed per message, by stage."""


def run(rounds: int) -> dict[str, Any]:
    """By competitor and stage the medians per message; `statements` per set, without COMMIT."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, servers.running(MariaDb, Path(folder)) as server:
        return uvloop.run(_run(server, rounds))


async def _run(server: MariaDb, rounds: int) -> dict[str, Any]:
    samples: dict[str, dict[str, list[dict[str, float]]]] = {}
    async with contextlib.AsyncExitStack() as stack:
        subjects = {}
        for name, prepared in PREPARED.items():
            database = server.create_database()
            path = await stack.enter_async_context(hot_path.opened(database, prepared_statements=prepared))
            subjects[name] = Subject(path, database, await _entries(server, path, database))
        for turn in range(-1, rounds):
            for name in sorted(subjects, reverse=bool(turn % 2)):
                for stage, sample in (await _round(server, subjects[name])).items():
                    if turn >= 0:  # the first round warms caches
                        samples.setdefault(name, {}).setdefault(stage, []).append(sample)
    return {
        name: {
            stage: {key: statistics.median(sample[key] for sample in taken) for key in taken[0]}
            for stage, taken in stages.items()
        }
        for name, stages in samples.items()
    }


async def _round(server: MariaDb, subject: Subject) -> dict[str, dict[str, float]]:
    watched, executed, measured = servers.watched(server), subject.path.executed, {}
    for name, stage in subject.path.stages.items():
        sets = SETS // 2 if name in SHARED else SETS
        executed.clear()
        before, database_s, service_s = servers.counters(server, _COUNTERS), watched.cpu_s(), time.thread_time()
        for _ in range(sets):
            await stage(SET)
        service_s, database_s = time.thread_time() - service_s, watched.cpu_s() - database_s
        per_message = {
            name: (count - before[name]) / (sets * SET) for name, count in servers.counters(server, _COUNTERS).items()
        }
        measured[name] = {
            "service_us": service_s * 1e6 / (sets * SET),
            "database_us": database_s * 1e6 / (sets * SET),
            "statements": executed.total() / sets,
            "rows": sum(per_message[f"Handler_{change}"] for change in ("write", "update", "delete")),
            "index_entries": subject.entries[name],
            "redo_bytes": per_message["Innodb_os_log_written"],
        }
    return measured


async def _entries(server: MariaDb, path: HotPath, database: Database) -> dict[str, float]:
    """Compared before and after each stage of two sets, one for each way of an echo: what moves twice is counted once."""
    changed = {}
    for name, stage in path.stages.items():
        sets = 1 if name in SHARED else 2
        before = _stored(server, database)
        for _ in range(sets):
            await stage(SET)
        changed[name] = len(before ^ _stored(server, database)) / (sets * SET)
    return changed


def _stored(server: MariaDb, database: Database) -> frozenset[str]:
    """Every entry of every index: its key, and the primary key, to which it leads."""
    use = f"USE `{database.name}`; "
    indexes = [line.split("\t") for line in server.sql(use + _INDEXES).splitlines()]
    primary = {table: columns for table, index, columns in indexes if index == "PRIMARY"}
    selects = [
        f"SELECT '{table}.{index}', {columns}, {primary[table]} FROM {table}" for table, index, columns in indexes
    ]
    return frozenset(server.sql(use + "; ".join(selects)).splitlines())
