"""What a message costs below capacity, and when it is SENT: an open loop against this version, and against another one.

    python -m bench.at_once [--rounds 3] [--per-second 60] [--seconds 10] [--against src-of-another-version]

Each message comes at its time, whatever the answers, and finds its conversation empty.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench import processes, rounds, servers, versions
from bench.processes import Service
from bench.rounds import Sample, Samples
from tests.support.servers.mariadb import MariaDb

_WAITS: Final = (
    "SELECT a.ended_at - m.accepted_at, a.started_at - m.accepted_at FROM wm_message m"
    " JOIN wm_attempt a ON a.message_id = m.id WHERE m.accepted_at >= %d ORDER BY 1"
)


def _round(service: Service, mariadb: MariaDb | None, per_second: int, seconds: int) -> Sample:
    database = servers.watched(mariadb) if mariadb else None
    began = time.time_ns() // 1_000_000
    service_s, database_s = service.cpu_s(), database.cpu_s() if database else 0.0
    total = per_second * seconds
    processes.load(service.send_url, "send", count=total, per_second=per_second)
    service.settle()
    service_us = (service.cpu_s() - service_s) / total * 1e6
    database_us = (database.cpu_s() - database_s if database else 0.0) / total * 1e6
    rows = service.queries.rows(_WAITS % began)
    if len(rows) != total:
        raise RuntimeError(f"{total} messages were accepted, but {len(rows)} were called")
    ends = [row[0] for row in rows]
    starts = sorted(row[1] for row in rows)
    return {
        "service_us": service_us, "database_us": database_us, "start_p50_ms": starts[total // 2],
        "sent_p50_ms": ends[total // 2], "sent_p99_ms": ends[total * 99 // 100],
    }  # fmt: skip


def run(turns: int, per_second: int, seconds: int, against: Path | None) -> dict[str, Any]:
    """Medians of alternating rounds; the first one warms up."""
    samples: Samples = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        mariadb = stack.enter_context(servers.running(MariaDb, folder))
        contestants = {
            name: (service, server) for name, service, server in versions.running(stack, folder, mariadb, against)
        }
        for turn in range(turns + 1):
            for name in sorted(contestants, reverse=bool(turn % 2)):
                sample = _round(*contestants[name], per_second, seconds if turn else 1)
                if turn:
                    samples.setdefault(name, []).append(sample)
    return {name: rounds.medians(taken) for name, taken in samples.items()}


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.at_once", description="Messages below capacity")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--per-second", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--against", type=Path, help="the src folder of another version")
    arguments = parser.parse_args()
    result = run(arguments.rounds, arguments.per_second, arguments.seconds, arguments.against)
    for name, medians in sorted(result.items()):
        print(f"{name}: {json.dumps({key: round(value, 1) for key, value in medians.items()})}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
