"""Costs and gains of the optional servers, each on MariaDB in one run: RocketMQ's wake-ups, Redis' round trips, more processes."""

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench import processes, rounds, servers
from bench.processes import Service
from bench.queries import MariaDbQueries
from bench.rounds import Contestant, Samples
from tests.support.servers.mariadb import MariaDb
from tests.support.servers.redis import Redis
from tests.support.servers.rocketmq import RocketMq

SENT: Final = 8_000
"""Messages of one round."""
MIN_WAKEUP_RATE: Final = 0.8
"""Least share of the in-process queue's messages per second."""
MAX_WAKEUP_US: Final = 30.0
"""Most additional CPU per message, us."""
MAX_TRIPS: Final = 0.1
"""Most Redis round trips per accepted message."""
CONSUMERS: Final = (1, 2, 4)
WORKERS: Final = (1, 2, 4)
SENT_BY_WORKERS: Final = 4_000
"""Messages of one round of `workers`."""


class Bench:
    """The servers of one part, and services on them."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.stack = stack
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self.mariadb = stack.enter_context(servers.running(MariaDb, self.folder))
        self.provider = stack.enter_context(processes.stub())

    def rocketmq(self) -> RocketMq:
        """Name server, broker and proxy."""
        return self.stack.enter_context(servers.running_rocketmq(self.folder))

    def service(self, name: str, settings: Mapping[str, str], consumers: int = 0) -> Service:
        """A service with a database of its own."""
        queries = MariaDbQueries(self.mariadb.create_database())
        return self.stack.enter_context(
            processes.service(
                self.folder / "services" / name, self.provider, queries=queries, settings=settings, consumers=consumers
            )
        )


def queue(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Wake-ups over RocketMQ against wake-ups in the process."""
    with contextlib.ExitStack() as stack:
        bench = Bench(stack)
        broker = bench.rocketmq()
        contestants = {
            "in_process": rounds.contestant(bench.service("in_process", {}), SENT),
            "rocketmq": rounds.contestant(bench.service("rocketmq", wakeups(broker, "queue")), SENT),
        }
        backends = {"mariadb": servers.watched(bench.mariadb), "broker": servers.watched(broker.broker)}
        samples = rounds.alternate(contestants, backends, turns, say)
    rate = rounds.ratio(samples, "per_second", "rocketmq", "in_process")
    more_us = rounds.difference(samples, "cpu_us", "rocketmq", "in_process")
    return _result(samples) | {
        "ratio": rate,
        "more_us": more_us,
        "ok": rate >= MIN_WAKEUP_RATE and more_us <= MAX_WAKEUP_US,
    }


def cache(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Round trips to Redis: reads that it made of its connections (one for a pipeline), and commands that it executed."""
    with contextlib.ExitStack() as stack:
        bench = Bench(stack)
        redis = stack.enter_context(servers.running(Redis, bench.folder))
        contestants = {
            "memory": rounds.contestant(bench.service("memory", {}), SENT),
            "redis": rounds.contestant(bench.service("redis", {"REDIS_URL": redis.url}), SENT),
        }
        before = _counters(redis)
        backends = {"mariadb": servers.watched(bench.mariadb), "redis_server": servers.watched(redis)}
        samples = rounds.alternate(contestants, backends, turns, say)
        after = _counters(redis)
        by_command = _commands(redis)
    accepted = SENT // 4 + turns * SENT
    trips, commands = ((after[name] - before[name]) / accepted for name in ("reads", "commands"))
    return _result(samples) | {
        "ratio": rounds.ratio(samples, "per_second", "redis", "memory"),
        "more_us": rounds.difference(samples, "cpu_us", "redis", "memory"),
        "trips": trips,
        "commands": commands,
        "by_command": by_command,
        "goal": MAX_TRIPS,
        "ok": trips <= MAX_TRIPS,
    }


def consumers(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """`serve --no-dispatch` with one, two and four `consume` processes, woken over RocketMQ, and `serve` alone."""
    with contextlib.ExitStack() as stack:
        bench = Bench(stack)
        broker = bench.rocketmq()
        contestants: dict[str, Contestant] = {"alone": rounds.contestant(bench.service("alone", {}), SENT)}
        for count in CONSUMERS:
            name = f"consume_{count}"
            contestants[name] = rounds.contestant(bench.service(name, wakeups(broker, name), count), SENT)
        backends = {"mariadb": servers.watched(bench.mariadb), "broker": servers.watched(broker.broker)}
        samples = rounds.alternate(contestants, backends, turns, say)
    names = [f"consume_{count}" for count in CONSUMERS]
    ratios = {name: rounds.ratio(samples, "per_second", name, "consume_1") for name in ("alone", *names)}
    return _result(samples) | {"ratios": ratios}


def workers(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """`serve --workers` 1, 2 and 4 on one MariaDB, with a stub as the provider."""
    with contextlib.ExitStack() as stack:
        bench = Bench(stack)
        services = {f"workers_{count}": bench.service(f"workers_{count}", _workers(count)) for count in WORKERS}
        contestants = {name: rounds.contestant(service, SENT_BY_WORKERS) for name, service in services.items()}
        samples = rounds.alternate(contestants, {"mariadb": servers.watched(bench.mariadb)}, turns, say)
        own_mb = {name: service.pss_kb() / 1024 for name, service in services.items()}
    ratios = {name: rounds.ratio(samples, "per_second", name, "workers_1") for name in samples}
    costs = {name: rounds.ratio(samples, "cpu_us", name, "workers_1") for name in samples}
    return _result(samples) | {"ratios": ratios, "costs": costs, "own_mb": own_mb}


def _workers(count: int) -> dict[str, str]:
    return {"SERVER_WORKERS": str(count)}


def wakeups(broker: RocketMq, name: str) -> dict[str, str]:
    """Settings of a service for the broker, with topics of its own."""
    return {
        "ROCKETMQ_NAME_SERVER": broker.name_server.address,
        "ROCKETMQ_ENDPOINTS": broker.endpoints,
        "ROCKETMQ_TOPICS_DUE": f"bench-{name}",
        "ROCKETMQ_GROUP": f"bench-{name}",
    }


def _result(samples: Samples) -> dict[str, Any]:
    return {
        "contestants": {name: rounds.medians(of_contestant) for name, of_contestant in samples.items()},
        "rounds": samples,
    }


def _counters(redis: Redis) -> dict[str, int]:
    """Reads and commands since the server started; each call of this function adds one of both."""
    stats = _info(redis, "stats")
    return {"reads": int(stats["total_reads_processed"]), "commands": int(stats["total_commands_processed"])}


def _commands(redis: Redis) -> dict[str, int]:
    """Calls by command."""
    stats = _info(redis, "commandstats")
    return {
        name.removeprefix("cmdstat_"): int(line.split(",")[0].removeprefix("calls=")) for name, line in stats.items()
    }


def _info(redis: Redis, section: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in servers.redis_info(redis, section) if ":" in line)
