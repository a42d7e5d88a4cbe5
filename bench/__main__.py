"""Speed and memory as ratios inside one run: a table on stdout, everything as JSON in a file.

    python -m bench [--rounds 5] [--messages 100000 | --full] [--only accept,send,client,memory] [--json PATH]

bench/README.md says what each row means. The parts that need MariaDB, Redis or RocketMQ run only where they are named:
peers, growth, queue, cache, consumers.
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

from bench import backends, growth, provider_client
from bench import measure as measuring
from bench import peer_runs as peering
from bench import report as reporting

PARTS: Final = ("accept", "send", "client", "memory")
"""What `make bench` runs, with nothing beside the development environment."""
SENT: Final = 8_000
"""Messages of one round of sending."""
FULL: Final = 500_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed and memory of the service")
    parser.add_argument("--rounds", type=int, default=5, help="of each comparison (default 5)")
    parser.add_argument(
        "--messages", type=_thousands, default=100_000,
        help="driven through for the memory row, a multiple of 50000 (default 100000); growth counts from a fifth of them",
    )  # fmt: skip
    parser.add_argument("--full", action="store_true", help=f"memory from message {FULL // 5} to {FULL}")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to run (default {','.join(PARTS)})")
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"), metavar="PATH")
    given = parser.parse_args()
    wanted = given.only.split(",")
    logging.getLogger("asyncmy").setLevel(logging.CRITICAL)  # it repeats the server's warnings
    parts = _parts(given.rounds, FULL if given.full else given.messages)
    if strangers := set(wanted) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(strangers))}")
    results: dict[str, Any] = {"machine": _machine()}
    for name in wanted:
        _say(f"{name} ...")
        began = time.perf_counter()
        results[name] = parts[name]()
        _say(f"{name}: {time.perf_counter() - began:.0f} s")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(results, indent=2) + "\n")
    print(reporting.table(results))
    _say(f"everything measured: {given.json}")
    return 0 if reporting.all_met(results) else 1


def _parts(rounds: int, messages: int) -> dict[str, Callable[[], dict[str, Any]]]:
    return {
        "accept": lambda: measuring.accept(rounds),
        "send": lambda: measuring.end_to_end(rounds, SENT),
        "client": lambda: provider_client.run(rounds),
        "memory": lambda: measuring.memory(messages // 5, messages, _say),
        "peers": lambda: peering.compare(rounds, _say),
        "growth": lambda: growth.run(rounds, _say),
        "queue": lambda: backends.queue(rounds, _say),
        "cache": lambda: backends.cache(rounds, _say),
        "consumers": lambda: backends.consumers(rounds, _say),
    }


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
