"""Speed and memory as ratios inside one run: a table on stdout, everything as JSON in a file.

    python -m bench [--rounds 5] [--messages 100000 | --full] [--only accept,send,client,memory] [--json PATH]

bench/README.md explains each row. The parts that need MariaDB, Redis or RocketMQ run only where they are named:
peers, growth, stages, queue, cache, consumers, callbacks, workers, start, fairness, latency. So do selection, bulkhead, failover, settlement,
flood, batch, media, webhooks, webhook_kills, drain, overload, tenants, auth and tracing.
"""

import argparse
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import (
    auth,
    backends,
    batch,
    bulkhead,
    callbacks,
    drain,
    failover,
    fairness,
    flood,
    growth,
    latency,
    measure,
    media,
    overload,
    peer_runs,
    provider_client,
    report,
    selection,
    settlement,
    stages,
    start,
    tenants,
    tracing,
    webhook_kills,
    webhooks,
)

PARTS: Final = ("accept", "send", "client", "memory")
"""The parts that `make bench` runs; they need only the development environment."""
NEXT: Final = """\
next:
    make bench-peers                                  against FastAPI with Celery or taskiq (needs MariaDB)
    make bench-backends                               RocketMQ, Redis and several consumers (needs their servers)
    .venv/bin/python -m bench --only auth,tracing     what keys and traces cost
    bench/README.md                                   what each row means, and all parts"""
"""What to try after a run."""
MESSAGES_PER_ROUND: Final = 8_000
"""Messages of one round of sending."""
FULL_MESSAGES: Final = 500_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed and memory of the service")
    parser.add_argument("--rounds", type=int, default=5, help="of each comparison (default 5)")
    parser.add_argument(
        "--messages", type=_thousands, default=100_000,
        help="driven through for the memory row, a multiple of 50000 (default 100000); growth counts from a fifth of them",
    )  # fmt: skip
    parser.add_argument(
        "--full", action="store_true",
        help=f"memory from message {FULL_MESSAGES // 5} to {FULL_MESSAGES}; failover with {failover.FULL_MESSAGES} messages, "
        f"settlement with {settlement.FULL_MESSAGES}; {webhook_kills.FULL_KILLS} kills; {drain.FULL_RESTARTS} restarts",
    )  # fmt: skip
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to run (default {','.join(PARTS)})")
    parser.add_argument(
        "--database", choices=flood.DATABASES, default=flood.DATABASES[0],
        help=f"of flood (default {flood.DATABASES[0]}; mariadb needs MariaDB)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"), metavar="PATH")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    logging.getLogger("asyncmy").setLevel(logging.CRITICAL)  # it repeats the server's warnings
    parts = _parts(arguments.rounds, arguments.messages, arguments.database, full=arguments.full)
    if unknown := set(names) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    results: dict[str, Any] = {"machine": _machine()}
    for name in names:
        _say(f"{name} ...")
        began = time.perf_counter()
        results[name] = parts[name]()
        _say(f"{name}: {time.perf_counter() - began:.0f} s")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    print(report.table(results))
    _say(f"everything measured: {arguments.json}")
    _say(NEXT)
    return 0 if report.all_met(results) else 1


def _parts(rounds: int, messages: int, database: str, *, full: bool) -> dict[str, Callable[[], dict[str, Any]]]:
    return {
        "accept": lambda: measure.accept(rounds),
        "send": lambda: measure.end_to_end(rounds, MESSAGES_PER_ROUND),
        "client": lambda: provider_client.run(rounds),
        "memory": lambda: _memory(FULL_MESSAGES if full else messages),
        "peers": lambda: peer_runs.compare(rounds, _say),
        "growth": lambda: growth.run(rounds, _say),
        "stages": lambda: stages.run(rounds),
        "queue": lambda: backends.queue(rounds, _say),
        "cache": lambda: backends.cache(rounds, _say),
        "consumers": lambda: backends.consumers(rounds, _say),
        "start": lambda: start.run(rounds, _say),
        "callbacks": lambda: callbacks.run(rounds, _say),
        "workers": lambda: backends.workers(rounds, _say),
        "fairness": lambda: fairness.run(rounds),
        "latency": lambda: latency.run(rounds, _say),
        "selection": lambda: selection.run(rounds),
        "bulkhead": lambda: bulkhead.run(rounds, _say),
        "failover": lambda: failover.run(failover.FULL_MESSAGES if full else failover.MESSAGES),
        "settlement": lambda: settlement.run(settlement.FULL_MESSAGES if full else settlement.MESSAGES),
        "flood": lambda: flood.run(rounds, _say, database),
        "batch": lambda: batch.run(rounds, _say),
        "media": lambda: media.run(rounds, _say),
        "webhooks": lambda: webhooks.run(rounds, _say),
        "overload": lambda: overload.run(rounds, _say),
        "tenants": lambda: tenants.run(rounds, _say),
        "auth": lambda: auth.run(rounds, _say),
        "tracing": lambda: tracing.run(rounds, _say),
        "drain": lambda: drain.run(drain.FULL_RESTARTS if full else drain.RESTARTS),
        "webhook_kills": lambda: webhook_kills.run(webhook_kills.FULL_KILLS if full else webhook_kills.KILLS),
    }


def _memory(messages: int) -> dict[str, Any]:
    return measure.memory(messages // 5, messages, _say)


def _thousands(text: str) -> int:
    number = int(text)
    if number <= 0 or number % 50_000:
        raise argparse.ArgumentTypeError("must be a multiple of 50000")
    return number


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_average": os.getloadavg(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
