"""Open everything in order, work, and close it the other way round."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from wework_message.application.api import Application
from wework_message.application.census import Show
from wework_message.application.group_commit import GroupCommit
from wework_message.application.queries.service import InProcess
from wework_message.application.role import Role
from wework_message.application.watching import StatusFeed
from wework_message.bootstrap.containers import Infrastructure, UseCases
from wework_message.bootstrap.databases import bring_up
from wework_message.bootstrap.loops import Loop, loops_of
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.settings import Loaded, simulated_providers
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.observing import Observer
from wework_message.entrypoints.simulator import SimulatorOptions
from wework_message.entrypoints.simulator import running as running_simulator

DRAIN_S = 20.0
"""How long open calls get to settle (decision 39)."""


@dataclass(slots=True)
class Process:
    """A process that works: the use cases, and the loops that keep messages moving."""

    application: Application
    commits: GroupCommit
    feed: StatusFeed
    board: HealthBoard
    loops: Sequence[Loop]
    """In the order in which they stop."""
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _drained: bool = False

    async def start(self) -> None:
        """Begin to flush, and everything that the role does."""
        await self.commits.start()
        for loop in self.loops:
            self._tasks.append(asyncio.create_task(loop.run(), name=type(loop).__name__))

    def begin_drain(self) -> None:
        """Readiness says no, and whoever waits for an outcome is answered with what is there."""
        self.application.service.draining = True
        self.feed.close()

    async def drain(self, seconds: float = DRAIN_S) -> None:
        """Claim nothing more, let open calls settle, record what is still open as UNKNOWN, and flush; once."""
        if self._drained:
            return
        self._drained = True
        self.begin_drain()
        ends = asyncio.get_running_loop().time() + seconds
        for loop in self.loops:
            await loop.stop(max(0.0, ends - asyncio.get_running_loop().time()))
        await asyncio.gather(*self._tasks)
        await self.commits.close()


@asynccontextmanager
async def running(
    loaded: Loaded, observer: Observer, show: Show, *, role: Role = Role.ALL, own_url: str | None = None
) -> AsyncIterator[Process]:
    """A whole process without its HTTP server; `own_url` is where simulators send their callbacks.

    `show` gets the numbers that come from the database, while they are this process's to show.

    Raises `SettingsError`, `UnavailableError`.
    """
    async with AsyncExitStack() as stack:
        urls = await _provider_urls(stack, loaded, own_url)
        policy = policy_of(loaded, role)
        infrastructure = Infrastructure(
            datasource=loaded.settings.datasource,
            provider_settings=loaded.settings.app.wework.providers,
            provider_urls=urls,
            calls=policy.calls_in_flight,
        )
        stack.push_async_callback(_shut, infrastructure)
        store = await infrastructure.store.async_()
        await bring_up(store, loaded.settings.datasource)
        gateways = await infrastructure.gateways.async_()
        codes = {key: ProviderCode(one.code) for key, one in loaded.settings.app.wework.providers.items()}
        use_cases = UseCases(
            clock=infrastructure.clock(), store=store, gateways=gateways, policy=policy,
            observer=observer, show=show, role=role, holder=_holder(), api_urls={codes[key]: url for key, url in urls.items()},
            parts={
                "database": InProcess(store.name),
                "queue": InProcess("in-process"),
                "cache": InProcess("memory"),
            },
        )  # fmt: skip
        process = Process(
            use_cases.application(), use_cases.commits(), use_cases.feed(), use_cases.board(), loops_of(role, use_cases)
        )
        await process.start()
        stack.push_async_callback(process.drain)
        yield process


def _holder() -> str:
    """Whoever reads the table of duties should find the process."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"


async def _shut(infrastructure: Infrastructure) -> None:
    if (closing := infrastructure.shutdown_resources()) is not None:
        await closing


async def _provider_urls(stack: AsyncExitStack, loaded: Loaded, own_url: str | None) -> dict[str, str]:
    """Where each enabled provider is; a simulator is started for those that stand for one (decision 35)."""
    urls: dict[str, str] = {}
    simulated = simulated_providers(loaded.settings, loaded.profile)
    for key, one in loaded.settings.app.wework.providers.items():
        if key in simulated:
            callback = f"{own_url}/api/callbacks/webhook" if own_url is not None else None
            simulator = await stack.enter_async_context(running_simulator(SimulatorOptions(callback_url=callback)))
            urls[key] = simulator.url
        elif one.api_base_url is not None:
            urls[key] = one.api_base_url
    return urls
