"""What accepting, claiming, calling and settling cost in this version and in another one, in pairs of rounds, on MariaDB and SQLite.

    python -m bench.stage_pairs TREE [--pairs 3] [--sets 40]

TREE is a checkout of the other version (`git worktree add --detach PATH COMMIT`). Each version runs with its own `bench.hot_path` and `src` in a
process of its own, on a database of its own; both live through the whole run and take turns (A B, B A, ...). Counted is the CPU of all threads
of that process: SQLite works in threads of the service, MariaDB beside it. What else runs on the machine makes a round dearer, never
cheaper, so the least cost is compared; the median of the pairs tells how quiet it was.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import operator
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import uvloop
from bench import hot_path, processes, servers
from bench.hot_path import HotPath
from tests.support.servers.mariadb import Database, MariaDb

from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.adapters.system import SystemClock
from wework_message.bootstrap.gateways import open_gateways
from wework_message.bootstrap.settings.loading import load

STAGES: Final = ("accept", "claim", "call", "settle")
SET: Final = 50
"""Messages of one transaction."""
_ROOT: Final = Path(__file__).parents[1]


class Contestant:
    """One version on one database."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def round(self, sets: int) -> dict[str, float]:
        """CPU per message by stage, us."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{sets}\n")
        self._process.stdin.flush()
        sample: dict[str, float] = json.loads(self._process.stdout.readline())
        return sample | {"sum": sum(sample.values())}


def run(tree: Path, pairs: int, sets: int) -> dict[str, dict[str, dict[str, float]]]:
    """By database and stage: the least cost of both versions and its ratio, this one by the other, and the median of the pairs' ratios."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(servers.running(MariaDb, folder))
        return {database: _compared(database, server, folder, tree, pairs, sets) for database in ("mariadb", "sqlite")}


def _compared(
    database: str, server: MariaDb, folder: Path, tree: Path, pairs: int, sets: int
) -> dict[str, dict[str, float]]:
    samples: dict[str, list[dict[str, float]]] = {"this": [], "other": []}
    with contextlib.ExitStack() as stack:
        contestants = {}
        for name, root in (("this", _ROOT), ("other", tree.resolve())):
            place = _fields(server.create_database()) if database == "mariadb" else str(folder / f"{name}.db")
            contestants[name] = stack.enter_context(_running(root, place))
        for contestant in contestants.values():  # warms up
            contestant.round(sets)
        for turn in range(pairs):
            for name in sorted(contestants, reverse=bool(turn % 2)):
                samples[name].append(contestants[name].round(sets))
    return {stage: _ratios(samples, stage) for stage in (*STAGES, "sum")}


def _ratios(samples: dict[str, list[dict[str, float]]], stage: str) -> dict[str, float]:
    this, other = ([sample[stage] for sample in samples[name]] for name in ("this", "other"))
    return {
        "this": min(this),
        "other": min(other),
        "least": min(this) / min(other),
        "median": statistics.median(map(operator.truediv, this, other)),
    }


def _fields(database: Database) -> str:
    return json.dumps(
        {name: getattr(database, name) for name in ("host", "port", "name", "username", "password", "url")}
    )


@contextlib.contextmanager
def _running(root: Path, place: str) -> Iterator[Contestant]:
    """This module, run with the code of `root`."""
    environment = os.environ | {"PYTHONPATH": f"{root / 'src'}:{root}"}
    command = [
        sys.executable,
        "-P",
        str(Path(__file__)),
        "--serve",
        place,
    ]  # not as a module: the other tree may lack it
    with subprocess.Popen(
        command, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Contestant(process)
        assert process.stdin is not None
        process.stdin.close()


async def _serve(place: str) -> None:
    """Answer each number of sets with what they cost, until the input ends."""
    opened = _on_mariadb(json.loads(place)) if place.startswith("{") else _on_sqlite(Path(place))
    async with opened as path:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await _round(path, int(line))), flush=True)


async def _round(path: HotPath, sets: int) -> dict[str, float]:
    costs = {}
    gc.disable()  # a full collection costs as much as a set, and may fall into any stage
    for name in STAGES:
        gc.collect()
        began = time.process_time()
        for _ in range(sets):
            await path.stages[name](SET)
        costs[name] = (time.process_time() - began) * 1e6 / (sets * SET)
    return costs


def _on_mariadb(fields: dict[str, Any]) -> contextlib.AbstractAsyncContextManager[HotPath]:
    url = fields.pop("url")

    class Place:
        def __init__(self) -> None:
            self.__dict__.update(fields, url=url)

    place: Any = Place()
    return hot_path.opened(place, prepared_statements=True)


@contextlib.asynccontextmanager
async def _on_sqlite(path: Path) -> AsyncIterator[HotPath]:
    async with contextlib.AsyncExitStack() as stack:
        provider = stack.enter_context(processes.stub())
        loaded = load(
            {
                "DATASOURCE_URL": f"sqlite:///{path}",
                "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": provider,
                "APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000",
            }
        )
        store = SqliteStore(path)
        stack.push_async_callback(store.close)
        await migrate(store)
        settings = loaded.settings.app.wework.providers
        gateways = await stack.enter_async_context(open_gateways(settings, dict.fromkeys(settings, provider), 50))
        # What its own `opened` does for MariaDB; where `sql_storage` comes from differs between versions.
        storage = hot_path.sql_storage(store, SystemClock())  # type: ignore[attr-defined] # imported there
        use_cases = hot_path._use_cases(loaded, storage, gateways)  # noqa: SLF001 # see above
        await use_cases.commits().start()
        stack.push_async_callback(use_cases.commits().close)
        yield HotPath(loaded, use_cases, gateways, Counter())


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.stage_pairs", description="Two versions, stage by stage")
    parser.add_argument("tree", type=Path, nargs="?", help="a checkout of the other version")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--sets", type=int, default=40, help="of 50 messages, in one round")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        uvloop.run(_serve(arguments.serve))
        return 0
    if arguments.tree is None:
        parser.error("which other version?")
    for database, stages in run(arguments.tree, arguments.pairs, arguments.sets).items():
        for stage, ratios in stages.items():
            print(
                f"{database}, {stage}: {ratios['this']:.1f} us, other {ratios['other']:.1f} us: {ratios['least']:.3f},"
                f" median of pairs {ratios['median']:.3f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
