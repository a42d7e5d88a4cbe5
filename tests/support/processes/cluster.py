"""Several processes of one service, each with its role, and the simulator."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.processes.programs import ServiceProcesses, ServiceProgram, SimulatorProgram
from tests.support.processes.running_service import Api, RunningService, Simulator, client_of
from tests.support.servers.ports import free_port

SERVE: Final = ("serve", "--no-dispatch")
CONSUME: Final = ("consume",)


@dataclass(frozen=True, slots=True)
class Member:
    """How one process of the cluster is started."""

    name: str
    command: Sequence[str] = SERVE
    module: str = "wework_message"
    settings: Mapping[str, str] | None = None


class Cluster:
    def __init__(
        self, running: RunningService, members: Mapping[str, ServiceProgram], folder: Path, settings: Mapping[str, str]
    ) -> None:
        self.running = running
        self.members = members
        self.folder = folder
        self.settings = settings

    @property
    def urls(self) -> list[str]:
        """Base URLs of the processes that serve the API."""
        return [member.url for member in self.members.values() if member.name.startswith("serve")]


@asynccontextmanager
async def cluster(
    folder: Path, members: Sequence[Member], settings: Mapping[str, str], *options: str
) -> AsyncIterator[Cluster]:
    """Start all at the same moment. The first process gets the callbacks; `options` are the simulator's."""
    port = free_port()
    simulator = SimulatorProgram(folder, f"http://127.0.0.1:{port}/message/api/callbacks/webhook", *options)
    programs = {
        member.name: _program(member, folder, simulator.origin, settings, port if number == 0 else None)
        for number, member in enumerate(members)
    }
    async with AsyncExitStack() as stack:
        for program in (simulator, *programs.values()):
            stack.push_async_callback(asyncio.to_thread, program.close)
            program.spawn()
        for program in (simulator, *programs.values()):
            await asyncio.to_thread(program.until, program.ready)
        first = programs[members[0].name]
        client = await stack.enter_async_context(client_of(first.url))
        control = await stack.enter_async_context(client_of(simulator.origin))
        yield Cluster(
            RunningService(ServiceProcesses(simulator, first), Api(client), Simulator(control)),
            programs,
            folder,
            settings,
        )


@asynccontextmanager
async def extra_member(cluster: Cluster, member: Member) -> AsyncIterator[ServiceProgram]:
    """One more process of a running cluster."""
    program = _program(member, cluster.folder, cluster.running.simulator_program.origin, cluster.settings, None)
    try:
        await asyncio.to_thread(program.start)
        yield program
    finally:
        await asyncio.to_thread(program.close)


def _program(
    member: Member, folder: Path, provider_url: str, settings: Mapping[str, str], port: int | None
) -> ServiceProgram:
    merged = {**settings, **(member.settings or {})}
    return ServiceProgram(
        folder, provider_url, name=member.name, port=port, command=member.command, module=member.module, **merged
    )
