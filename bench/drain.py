"""Restarts under load: two replicas on one MariaDB and one Redis, behind a balancer, get SIGTERM in turn.

    python -m bench.drain [--restarts 200] [--delay 2] [--per-second 15] [--seed 5]

The balancer is that of Kubernetes in small (`tests/support/processes/rolling.py`): SIGTERM first, the endpoint is gone up to three quarters of the delay
later, and connections that are open stay where they are. Clients keep their connections, send all kinds of messages, wait for outcomes, cancel and
recall. Judged by the simulator's ledger, the service's rows and what clients saw: every request must get an answer below 500 the first time.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from bench import report, servers
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.processes.programs import ServiceProcesses, ServiceProgram, SimulatorProgram
from tests.support.processes.rolling import Balancer, restart_in_turn, steady
from tests.support.processes.running_service import Api, RunningService, Simulator, client_of
from tests.support.servers.mariadb import MariaDb
from tests.support.servers.ports import free_port
from tests.support.servers.redis import Redis

RESTARTS: Final = 20
FULL_RESTARTS: Final = 200
DELAY_S: Final = 2
PROPAGATION: Final = 0.75
"""The longest time until an endpoint is gone, as a part of the delay."""
PER_SECOND: Final = 15
SEED: Final = 5
GRACE_S: Final = 30
"""What Kubernetes gives a process unless a manifest says otherwise."""
SETTLE_S: Final = 600


def run(
    restarts: int = RESTARTS, delay_s: int = DELAY_S, per_second: float = PER_SECOND, seed: int = SEED
) -> dict[str, Any]:
    """What clients saw, how the processes ended, and the judgement."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database = stack.enter_context(servers.running(MariaDb, folder)).create_database()
        redis = stack.enter_context(servers.running(Redis, folder))
        settings = {
            "DATASOURCE_URL": database.url,
            "REDIS_URL": redis.url,
            "SERVER_DRAIN_DELAY_SECONDS": str(delay_s),
            "APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000",
        }
        return asyncio.run(_run(folder, settings, restarts, delay_s, per_second, seed))


async def _run(
    folder: Path, settings: dict[str, str], restarts: int, delay_s: int, per_second: float, seed: int
) -> dict[str, Any]:
    port = free_port()
    callback_url = f"http://127.0.0.1:{port}/message/api/callbacks/webhook"
    simulator = SimulatorProgram(folder, callback_url, "--latency-ms", "80", "--echo-delay-ms", "150", "--no-fsync")
    replicas = [
        ServiceProgram(folder, simulator.origin, name=f"replica-{number}", port=free_port(), **settings)
        for number in range(2)
    ]
    async with contextlib.AsyncExitStack() as stack:
        for program in (simulator, *replicas):
            stack.callback(program.kill)
            await asyncio.to_thread(program.start)
        balancer = await stack.enter_async_context(Balancer.listening(port))
        balancer.endpoints += replicas
        load = Load(f"http://127.0.0.1:{port}/message", seed)
        async with steady(load, per_second):
            ended = await restart_in_turn(balancer, replicas, restarts, propagation_s=PROPAGATION * delay_s, seed=seed)
        client = await stack.enter_async_context(client_of(f"http://127.0.0.1:{port}/message"))
        control = await stack.enter_async_context(client_of(simulator.origin))
        running = RunningService(ServiceProcesses(simulator, replicas[0]), Api(client), Simulator(control))
        violations = await judged(running, load, cut_off=0, limit_s=SETTLE_S)
        statuses = Counter(row["status"] for row in await running.api.rows())
    wrong = Counter(violation.rule.value for violation in violations)
    not_answered = Counter(load.unanswered)
    return {
        "restarts": len(ended.codes),
        "delay_s": delay_s,
        "messages": statuses.total(),
        "statuses": dict(statuses),
        "not_answered": dict(not_answered),
        "connections_refused": balancer.refused,
        "removed_s": max(ended.removed_s),
        "removed_too_late": sum(seconds >= delay_s for seconds in ended.removed_s),
        "wrong": dict(wrong),
        "examples": [str(violation) for violation in violations[:20]],
        "exit_codes": dict(Counter(map(str, ended.codes))),
        "seconds": {"median": sorted(ended.seconds)[len(ended.seconds) // 2], "longest": max(ended.seconds)},
        "ok": not (wrong or not_answered or balancer.refused or any(ended.codes)) and max(ended.seconds) < GRACE_S,
    }


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description="Restarts under load")
    parser.add_argument("--restarts", type=int, default=FULL_RESTARTS)
    parser.add_argument("--delay", type=int, default=DELAY_S)
    parser.add_argument("--per-second", type=float, default=PER_SECOND)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    results = {"drain": run(arguments.restarts, arguments.delay, arguments.per_second, arguments.seed)}
    return report.show(results)


if __name__ == "__main__":
    sys.exit(main())
