"""The use cases of one process on an SQL database that others may use too, wired by the container of bootstrap."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.apps.doubles import CountingInboxNotifier, PatientNotifier, RecordingObserver, ScriptedReader
from tests.support.apps.in_memory_app import FAR_MS, a_policy

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.media.inspector import PlainInspector
from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.media_fetcher import MemoryMediaFetcher
from wework_message.adapters.memory.media_store import MemoryMediaStore, MemoryStaging
from wework_message.adapters.memory.outbound import MemoryOutbound
from wework_message.adapters.memory.spool import MemoryAnswerSpool
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.system import UuidGenerator
from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.queries.service import InProcess
from wework_message.application.role import Role
from wework_message.bootstrap.container import UseCases
from wework_message.bootstrap.gateways import Gateways
from wework_message.bootstrap.media import Media
from wework_message.bootstrap.media_work import MediaWork
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.ids import DEFAULT_TENANT, ProviderCode
from wework_message.domain.message.draft import Draft
from wework_message.domain.outbound import AddressPolicy


class SqlProcess:
    """What it knows of health, budgets and accounts is its own; providers, the clock and the database are everybody's."""

    def __init__(
        self,
        name: str,
        store: Store,
        clock: SettableClock,
        gateways: dict[ProviderCode, MemoryGateway],
        *,
        chance: float = 0.5,
    ) -> None:
        """`chance` is what its random numbers are."""
        self.clock = clock
        self.store = store
        self.observer = RecordingObserver()
        self.board = MemoryHealthBoard(clock, FixedRandom(0.0))
        inbox_notifier = CountingInboxNotifier()
        policy = a_policy()
        self.use_cases = UseCases(
            clock=clock,
            ids=UuidGenerator(),
            random_source=FixedRandom(chance),
            storage=sql_storage(store, clock),
            shared=Shared(self.board, MemoryRateLimiter(clock)),
            gateways=Gateways(gateways, dict.fromkeys(policy.providers, ScriptedReader())),
            policy=policy,
            spool=MemoryAnswerSpool(),
            observer=self.observer,
            show=_nothing,
            role=Role.ALL,
            holder=name,
            notifier=PatientNotifier(),
            projector_notifier=inbox_notifier,
            inbox_notifier=inbox_notifier,
            api_urls=dict.fromkeys(policy.providers, "http://127.0.0.1:19000"),
            outbound=MemoryOutbound(),
            addresses=AddressPolicy(()),
            media=Media(MemoryMediaStore(), MemoryStaging(), PlainInspector(), "http://gateway.example"),
            media_work=MediaWork(MemoryMediaFetcher()),
            parts={"database": InProcess("sql"), "queue": InProcess("in-process")},
        )
        self.use_cases.prober.add_kwargs(interval_ms=FAR_MS, min_interval_ms=0)
        self.use_cases.activate.add_kwargs(pause=self.pause)
        self.application = self.use_cases.application()  # with every committer, before the first one starts

    async def pause(self, seconds: float) -> None:
        """Whoever waits for so long, waits for no real time."""
        self.clock.advance(round(seconds * 1000))

    async def accept(self, draft: Draft) -> Accepted:
        """As a client's request."""
        return await self.application.accept(AcceptMessage(DEFAULT_TENANT, (draft,)))


def _nothing(_: Any) -> None:
    """Gauges are shown to nobody."""


@asynccontextmanager
async def running(*processes: SqlProcess) -> AsyncIterator[None]:
    """Their committers run."""
    for process in processes:
        await process.use_cases.commits().start()
        await process.use_cases.pauses().refresh()
    try:
        yield
    finally:
        for process in processes:
            await process.use_cases.dispatcher().stop(5)
            await process.use_cases.commits().close()
