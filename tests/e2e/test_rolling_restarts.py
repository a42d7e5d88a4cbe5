"""SIGTERM to replicas in turn under load, as a rolling update does it: clients notice nothing. `python -m bench.drain` does it 200 times."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.processes.programs import ServiceProcesses, ServiceProgram, SimulatorProgram
from tests.support.processes.rolling import Balancer, restart_in_turn, steady
from tests.support.processes.running_service import Api, RunningService, Simulator, client_of
from tests.support.servers.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.services]

RESTARTS: Final = 6
DELAY_S: Final = 2
PROPAGATION_S: Final = 1.0
"""Half of the delay, so that a busy machine does not take the other half."""
PER_SECOND: Final = 12


@pytest.mark.timeout(300)
async def test_six_restarts_of_two_replicas_lose_refuse_and_double_nothing(
    tmp_path: Path, migrated: EmptyDatabase
) -> None:
    migrated.server.restore()
    settings = {**settings_of(migrated.target), "SERVER_DRAIN_DELAY_SECONDS": str(DELAY_S)}
    port = free_port()
    url = f"http://127.0.0.1:{port}/message"
    simulator = SimulatorProgram(tmp_path, f"{url}/api/callbacks/webhook", "--latency-ms", "80")
    replicas = [
        ServiceProgram(tmp_path, simulator.origin, name=f"replica-{number}", port=free_port(), **settings)
        for number in range(2)
    ]
    async with AsyncExitStack() as stack:
        for program in (simulator, *replicas):
            stack.push_async_callback(asyncio.to_thread, program.close)
            await asyncio.to_thread(program.start)
        balancer = await stack.enter_async_context(Balancer.listening(port))
        balancer.endpoints += replicas
        load = Load(url, seed=5)
        async with steady(load, PER_SECOND):
            ended = await restart_in_turn(balancer, replicas, RESTARTS, propagation_s=PROPAGATION_S, seed=5)
        assert ended.codes == [0] * RESTARTS
        assert load.unanswered == []
        assert balancer.refused == 0
        client = await stack.enter_async_context(client_of(url))
        control = await stack.enter_async_context(client_of(simulator.origin))
        running = RunningService(ServiceProcesses(simulator, replicas[0]), Api(client), Simulator(control))
        assert await judged(running, load, cut_off=0) == []
        assert load.requested > RESTARTS * PER_SECOND
