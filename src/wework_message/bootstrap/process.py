"""Opens everything in order, works, and closes it in the reverse order."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.application.api import Application
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.dispatch.spooled import RecordSpooled
from wework_message.application.maintenance.store_metrics import ShowSnapshot
from wework_message.application.policy import Policy
from wework_message.application.queries.service import Backend, InProcess
from wework_message.application.queries.status_feed import StatusFeed
from wework_message.application.role import Role
from wework_message.application.waiting import ends_within
from wework_message.bootstrap.container import UseCases
from wework_message.bootstrap.databases import bring_up, secret_columns
from wework_message.bootstrap.gateways import Gateways
from wework_message.bootstrap.infrastructure import Infrastructure
from wework_message.bootstrap.loops import Loops, Step, loops_of, serving_loops_of
from wework_message.bootstrap.media import public_url_of
from wework_message.bootstrap.outbound import address_policy
from wework_message.bootstrap.policies import limits_of, policy_of
from wework_message.bootstrap.queues import CallbackNotifiers, Queue, open_callback_consumer, open_intake, open_queue
from wework_message.bootstrap.settings import Loaded, shown_origin, simulated_providers
from wework_message.bootstrap.shared_state.local import Shared, WatchRedis
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.connection_pools import Pool
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.observers import IntakeObserver, ServiceObserver
from wework_message.domain.ports.tracer import Tracer

DRAIN_S = 20.0
"""The time that open calls get to settle (D-39)."""


CLOSE_S = 3.0
"""The time that each part gets to close after the drain; what is lost then is found by the next process."""


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """What receives the measurements of the backends."""

    store_metrics_reporter: ShowSnapshot
    """Receives the store metrics while this process has their lease."""
    queue: QueueMetrics
    redis: WatchRedis
    pools: Callable[[Sequence[Pool]], None] = lambda _pools: None
    """Called once with those of the database."""


@dataclass(slots=True)
class Process:
    """A running process: the use cases, and the loops that move messages."""

    application: Application
    commits: GroupCommit
    feed: StatusFeed
    board: HealthBoard
    shared: Shared
    loops: Loops
    """What moves messages."""
    serving: Loops
    """What keeps fresh by what requests are judged."""
    gateways: Gateways
    record_spooled: RecordSpooled | None = None
    """Of a process that dispatches."""
    _calm: "asyncio.Task[None] | None" = None
    _drained: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Start to commit, and start every loop of the role."""
        await self.shared.start()
        await self.commits.start()
        # Before anything is claimed: the end of a lease would make what was answered UNKNOWN for a while.
        if self.record_spooled is not None:
            await self.record_spooled.round()
        self.serving.start()
        self.loops.start()

    @property
    def tasks(self) -> "Sequence[asyncio.Task[None]]":
        """A task per loop. One that ends before `drain` is a defect."""
        return [*self.loops.tasks, *self.serving.tasks]

    def leave(self) -> None:
        """Readiness turns to no; requests that come all the same are answered as before."""
        self.application.service.leaving = True

    def begin_drain(self) -> None:
        """No new work is taken, and every request that waits for an outcome is answered with the current status."""
        self.leave()
        self.application.service.draining = True
        self.feed.close()

    async def calm(self, seconds: float = DRAIN_S) -> None:
        """Claim nothing more, let open calls settle, and record what is still open as UNKNOWN. What is accepted meanwhile is due for other processes.

        It happens once: a second call waits for the same end.
        """
        if self._calm is None:
            self._calm = asyncio.create_task(self.loops.stop(seconds), name="calm")
        await asyncio.shield(self._calm)

    async def drain(self, seconds: float = DRAIN_S) -> None:
        """As `calm`; then take nothing more, and commit."""
        if self._drained is None:
            self.begin_drain()
            self._drained = asyncio.create_task(self._drain(seconds), name="drain")
        await asyncio.shield(self._drained)

    async def _drain(self, seconds: float) -> None:
        await self.calm(seconds)
        await self.serving.stop(CLOSE_S)
        await ends_within(self.commits.close(), CLOSE_S, "the last commit")
        await ends_within(self.shared.stop(), CLOSE_S, "the exchange with other processes")


@asynccontextmanager
async def running(
    loaded: Loaded,
    observer: ServiceObserver,
    process_metrics: ProcessMetrics,
    *,
    role: Role = Role.ALL,
    own_url: str | None = None,
    workers: Backend | None = None,
    tracer: Tracer = NO_TRACER,
) -> AsyncIterator[Process]:
    """A whole process without its HTTP server; `own_url` is where simulators send their callbacks, `workers` are its siblings.

    Raises `SettingsError`, `UnavailableError`.
    """
    async with AsyncExitStack() as stack:
        urls = await _provider_urls(stack, loaded, own_url)
        policy = policy_of(loaded, role)
        infrastructure = _infrastructure(loaded, policy, urls, process_metrics, public_url_of(loaded, own_url))
        stack.push_async_callback(_shut, infrastructure)
        store = await infrastructure.store.async_()
        process_metrics.pools(store.pools)
        await bring_up(store, loaded.settings.datasource)
        secrets = await secret_columns(store, loaded.settings.security.secrets, infrastructure.clock())
        shared = await infrastructure.shared.async_()
        gateways = await infrastructure.gateways.async_()
        policy = policy.taking_files(gateways.uploaders.keys())
        rocketmq = loaded.settings.rocketmq
        queue = await stack.enter_async_context(open_queue(rocketmq, role, process_metrics.queue, tracer))
        callback_notifiers = CallbackNotifiers(rocketmq, queue.transport)
        codes = {key: ProviderCode(provider.code) for key, provider in loaded.settings.app.wework.providers.items()}
        use_cases = UseCases(
            clock=infrastructure.clock(), ids=infrastructure.ids(), random_source=infrastructure.random_source(),
            storage=sql_storage(store, infrastructure.clock(), claims=role.dispatches, secrets=secrets), shared=shared, gateways=gateways, policy=policy,
            observer=observer, show=process_metrics.store_metrics_reporter, role=role, holder=_holder(), tracer=tracer,
            notifier=queue.notifier, projector_notifier=callback_notifiers.here, inbox_notifier=callback_notifiers.everywhere,
            spool=await infrastructure.spool.async_(), media=await infrastructure.media.async_(), media_work=await infrastructure.media_work.async_(),
            outbound=await infrastructure.outbound.async_(), addresses=address_policy(loaded.settings.app.outbound),
            api_urls={codes[key]: shown_origin(url) for key, url in urls.items()},
            parts={"database": InProcess(store.name), "queue": queue.backend, "cache": shared.backend} | ({} if workers is None else {"workers": workers}),
        )  # fmt: skip
        loops = await _loops(loaded, role, use_cases, queue, callback_notifiers, observer)
        serving = _serving(role, use_cases, queue, callback_notifiers)
        process = _process(use_cases, shared, loops, serving, gateways, role)
        await process.start()
        stack.push_async_callback(process.drain)
        yield process


def _infrastructure(
    loaded: Loaded,
    policy: Policy,
    urls: Mapping[str, str],
    process_metrics: ProcessMetrics,
    public_url: str | None,
) -> Infrastructure:
    settings = loaded.settings
    return Infrastructure(
        datasource=settings.datasource,
        provider_settings=settings.app.wework.providers,
        provider_urls=urls,
        outbound_settings=settings.app.outbound,
        media_settings=settings.app.media,
        public_url=public_url,
        spool_settings=settings.app.spool,
        calls=policy.calls_in_flight + policy.recalls_in_flight,
        redis=settings.redis,
        watch_redis=process_metrics.redis,
        workers=settings.server.workers,
    )


async def _loops(
    loaded: Loaded,
    role: Role,
    use_cases: UseCases,
    queue: Queue,
    callback_notifiers: CallbackNotifiers,
    observer: IntakeObserver,
) -> Sequence[Step]:
    """What moves messages, in the order in which it stops: pollers of a queue first, since a poll takes seconds to end and calls may take the whole drain."""
    rocketmq = loaded.settings.rocketmq
    return (
        *await open_intake(rocketmq, limits_of(loaded), role, queue.transport, use_cases, observer),
        *await open_callback_consumer(rocketmq, role, queue.transport, callback_notifiers),
        *loops_of(role, use_cases),
    )


def _serving(role: Role, use_cases: UseCases, queue: Queue, callback_notifiers: CallbackNotifiers) -> Sequence[Step]:
    """What requests need until the last one is answered."""
    wakeups = callback_notifiers.wakeups
    return (*serving_loops_of(role, use_cases), *([] if wakeups is None else [wakeups]), *queue.loops)


def _process(
    use_cases: UseCases, shared: Shared, loops: Sequence[Step], serving: Sequence[Step], gateways: Gateways, role: Role
) -> Process:
    return Process(
        use_cases.application(),
        use_cases.commits(),
        use_cases.feed(),
        use_cases.board(),
        shared,
        Loops(loops),
        Loops(serving),
        gateways,
        use_cases.record_spooled() if role.dispatches else None,
    )


def _holder() -> str:
    """Host, process id and a random part: a reader of the table of leases finds the process."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"


async def _shut(infrastructure: Infrastructure) -> None:
    if (closing := infrastructure.shutdown_resources()) is not None:
        await ends_within(_ended(closing), CLOSE_S, "the close of connections")


async def _ended(closing: Awaitable[object]) -> None:
    await closing


async def _provider_urls(stack: AsyncExitStack, loaded: Loaded, own_url: str | None) -> dict[str, str]:
    """The URL of each enabled provider; a simulator is started for each simulated one (D-35)."""
    urls: dict[str, str] = {}
    simulated = simulated_providers(loaded.settings, loaded.profile)
    for key, provider in loaded.settings.app.wework.providers.items():
        if key in simulated:
            callback = f"{own_url}/api/callbacks/webhook/{provider.code}" if own_url is not None else None
            urls[key] = await stack.enter_async_context(_simulator(callback))
        elif provider.api_base_url is not None:
            urls[key] = provider.api_base_url.reveal()
    return urls


@asynccontextmanager
async def _simulator(callback_url: str | None) -> AsyncIterator[str]:
    """The URL of a simulator that runs here."""
    from wework_message import simulator  # noqa: PLC0415 - real providers need none

    async with simulator.running(simulator.SimulatorOptions(callback_url=callback_url)) as running_simulator:
        yield running_simulator.url
