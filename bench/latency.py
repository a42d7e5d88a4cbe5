"""How long an accept takes while messages are sent: an open loop at steady rates, ours against the least service (`composite.py`).

Latency counts from the time at which a request is due, so a service that stops for a moment is not spared the requests of that moment.
"""

import contextlib
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import processes, servers
from bench.processes import Service
from bench.queries import MariaDbQueries, Queries, SqliteQueries
from tests.support.servers.mariadb import MariaDb

RATES: Final = (200, 500, 1_000)
"""Requests per second."""
SECONDS: Final = 8
GOAL: Final = 2.0
DATABASES: Final = ("sqlite", "mariadb")
SHOWN: Final = ("p50_ms", "p99_ms", "per_second")


@dataclass(frozen=True, slots=True)
class Contestant:
    url: str
    settle: Callable[[], None]
    """Returns once every accepted message is sent and recorded."""

    def round(self, per_second: int) -> dict[str, float]:
        result = processes.load(self.url, "send", count=per_second * SECONDS, per_second=per_second)
        self.settle()
        return {name: result[name] for name in SHOWN}


def run(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """By database and rate: medians of both, and the median of the rounds' ratios of p99."""
    result: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(servers.running(MariaDb, folder))
        for database in DATABASES:
            with _contestants(database, server, folder) as contestants:
                for contestant in contestants.values():  # warms up
                    contestant.round(RATES[0])
                for rate in RATES:
                    result[f"{database}, {rate}/s"] = _compared(contestants, rate, rounds, database, say)
    return {"results": result, "goal": GOAL}


def _compared(
    contestants: dict[str, Contestant], rate: int, rounds: int, database: str, say: Callable[[str], None]
) -> dict[str, Any]:
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
    for turn in range(rounds):
        for name in sorted(contestants, reverse=bool(turn % 2)):
            samples[name].append(sample := contestants[name].round(rate))
            say(f"  {database}, {rate}/s, round {turn + 1}, {name}: {json.dumps(sample)}")
    medians = {
        name: {key: statistics.median(sample[key] for sample in taken) for key in SHOWN}
        for name, taken in samples.items()
    }
    pairs = zip(samples["ours"], samples["composite"], strict=True)
    return medians | {"ratio": statistics.median(ours["p99_ms"] / least["p99_ms"] for ours, least in pairs)}


@contextlib.contextmanager
def _contestants(database: str, server: MariaDb, folder: Path) -> Iterator[dict[str, Contestant]]:
    with contextlib.ExitStack() as stack:

        def queries(name: str) -> Queries:
            of_database: Queries = (
                SqliteQueries(folder / f"{name}.db")
                if database == "sqlite"
                else MariaDbQueries(server.create_database())
            )
            stack.callback(of_database.close)
            return of_database

        provider = stack.enter_context(processes.stub())
        running: Service = stack.enter_context(
            processes.service(folder / f"on {database}", provider, queries=queries("ours"))
        )
        least = queries("composite")
        least_url = stack.enter_context(processes.composite(least.url, provider))
        yield {
            "ours": Contestant(running.send_url, running.settle),
            "composite": Contestant(least_url, lambda: processes.until_none(least, UNSENT)),
        }


UNSENT: Final = "SELECT EXISTS(SELECT 1 FROM message WHERE status = 'ACCEPTED')"
