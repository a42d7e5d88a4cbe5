"""The way of a message through the use cases, stage by stage, on one MariaDB database, without HTTP in, logs and metrics."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from bench import processes
from bench.callbacks import callback
from bench.load import bodies
from tests.support.apps.doubles import RecordingObserver
from tests.support.mysql import opened_store
from tests.support.servers.mariadb import Database

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.notifier import LocalNotifier
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.media.inspector import PlainInspector
from wework_message.adapters.memory.media_store import MemoryMediaStore, MemoryStaging
from wework_message.adapters.memory.outbound import MemoryOutbound
from wework_message.adapters.memory.spool import MemoryAnswerSpool
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.system import SystemClock, SystemRandom, UuidGenerator
from wework_message.application.callbacks.ingest import Arrival
from wework_message.application.callbacks.projector import LocalInboxNotifier
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.claim import ClaimRequest
from wework_message.application.dispatch.settle import Settlement
from wework_message.application.role import Role
from wework_message.bootstrap.container import UseCases
from wework_message.bootstrap.gateways import Gateways, open_gateways
from wework_message.bootstrap.media import Media
from wework_message.bootstrap.policies import limits_of, policy_of
from wework_message.bootstrap.settings.loading import Loaded, load
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import Storage, sql_storage
from wework_message.domain.horizon import WRITE_WITHIN_MS
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.erasing import sendable
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.ports.gateway import Dispatch
from wework_message.entrypoints.intake.translating import command_of

Stage: TypeAlias = Callable[[int], Awaitable[None]]
"""Takes so many messages one stage further."""


class HotPath:
    """The stages in the order of a message. Every second set of echoes is left to the projector."""

    def __init__(self, loaded: Loaded, use_cases: UseCases, gateways: Gateways, executed: Counter[str]) -> None:
        self.executed = executed
        self.stages: dict[str, Stage] = {
            "accept": self.accept, "claim": self.claim, "call": self.call, "settle": self.settle,
            "callback, applied at once": self.callback, "callback, stored": self.store, "project": self.project,
        }  # fmt: skip
        self._limits = limits_of(loaded)
        self._use_cases = use_cases
        self._application = use_cases.application()
        self._clock = SystemClock()
        self._gateway = next(iter(gateways.send.values()))
        self._code, self._reader = next(iter(gateways.readers.items()))
        self._bodies = bodies("send")
        self._started_calls: list[StartedCall] = []
        self._answered: list[tuple[StartedCall, AttemptOutcome]] = []
        self._echoes: list[bytes] = []
        self._stored = 0

    async def accept(self, count: int) -> None:
        """Bodies become stored messages."""
        now = self._clock.now()
        commands = [
            command_of(next(self._bodies), tenant_id=DEFAULT_TENANT, limits=self._limits, now=now) for _ in range(count)
        ]
        await asyncio.gather(*map(self._application.accept, commands))

    async def claim(self, count: int) -> None:
        """Due messages become calls whose intent is durable."""
        await self._use_cases.pauses().refresh()
        await self._use_cases.endpoints().read()
        claimed = await self._use_cases.commits().submit(self._use_cases.claim(), ClaimRequest(count))
        if len(claimed.started_calls) != count:
            raise RuntimeError(f"{len(claimed.started_calls)} of {count} messages may go")
        self._started_calls += claimed.started_calls

    async def call(self, count: int) -> None:
        """The provider is asked, over HTTP."""
        started_calls, self._started_calls = self._started_calls[:count], self._started_calls[count:]
        deadline = self._clock.boot() + WRITE_WITHIN_MS
        calls = [_dispatch(started_call, deadline) for started_call in started_calls]
        outcomes = await asyncio.gather(*map(self._gateway.send, calls))
        self._answered += zip(started_calls, outcomes, strict=True)

    async def settle(self, count: int) -> None:
        """The provider's answers are recorded."""
        answered, self._answered = self._answered[:count], self._answered[count:]
        settlements, settle = self._use_cases.settlements(), self._use_cases.settle()
        await asyncio.gather(
            *(
                settlements.submit(settle, Settlement(started_call.message, started_call.attempt.number, outcome))
                for started_call, outcome in answered
            )
        )
        self._echoes += [_echo(started_call, outcome) for started_call, outcome in answered]

    async def callback(self, count: int) -> None:
        """Echoes are stored, and applied in the same transaction."""
        await asyncio.gather(*map(self._application.ingest_callback, self._take_echoes(count)))

    async def store(self, count: int) -> None:
        """Echoes are only stored."""
        handler = self._application.ingest_callback
        arrivals = [
            Arrival(self._code, tuple(self._reader.read(body, max_records=1))) for body in self._take_echoes(count)
        ]
        await asyncio.gather(*(handler.commits.submit(handler.store_only, arrival) for arrival in arrivals))
        self._stored += count

    async def project(self, _: int) -> None:
        """All stored echoes are applied by the projector, in the sets that it takes."""
        stored, self._stored = self._stored, 0
        if stored != (looked_at := await self._use_cases.projector().project_pending()):
            raise RuntimeError(f"{looked_at} of {stored} echoes were pending")

    def _take_echoes(self, count: int) -> Sequence[bytes]:
        taken, self._echoes = self._echoes[:count], self._echoes[count:]
        return taken


@contextlib.asynccontextmanager
async def opened(database: Database, *, prepared_statements: bool) -> AsyncIterator[HotPath]:
    """The stages on an empty database, with a provider that answers at once."""
    executed: Counter[str] = Counter()

    def note(sql: str, _: Sequence[Any]) -> None:
        executed[sql] += 1

    target = MysqlTarget(database.host, database.port, database.name, database.username, database.password)
    async with contextlib.AsyncExitStack() as stack:
        provider = stack.enter_context(processes.stub())
        loaded = load(
            {
                "DATASOURCE_URL": database.url,
                "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": provider,
                "APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000",
            }
        )
        store = await stack.enter_async_context(
            opened_store(target, prepared_statements=prepared_statements, listener=note)
        )
        await migrate(store)
        settings = loaded.settings.app.wework.providers
        gateways = await stack.enter_async_context(open_gateways(settings, dict.fromkeys(settings, provider), 50))
        use_cases = _use_cases(loaded, sql_storage(store, SystemClock()), gateways)
        await use_cases.commits().start()
        stack.push_async_callback(use_cases.commits().close)
        yield HotPath(loaded, use_cases, gateways, executed)


def _use_cases(loaded: Loaded, storage: Storage, gateways: Gateways) -> UseCases:
    clock, inbox_notifier = SystemClock(), LocalInboxNotifier()
    use_cases = UseCases(
        clock=clock, ids=UuidGenerator(), random_source=SystemRandom(), storage=storage,
        shared=Shared(MemoryHealthBoard(clock, SystemRandom()), MemoryRateLimiter(clock)), gateways=gateways,
        policy=policy_of(loaded), observer=RecordingObserver(), show=print, role=Role.ALL, holder="bench",
        notifier=LocalNotifier(), projector_notifier=inbox_notifier, inbox_notifier=inbox_notifier, api_urls={}, parts={}, spool=MemoryAnswerSpool(), outbound=MemoryOutbound(), addresses=AddressPolicy(()),
        media=Media(MemoryMediaStore(), MemoryStaging(), PlainInspector()),
    )  # fmt: skip
    for part in (use_cases.application, use_cases.dispatcher, use_cases.projector):
        part()  # with every committer, which are started together
    return use_cases


def _dispatch(started_call: StartedCall, deadline: float) -> Dispatch:
    message, attempt = started_call.message, started_call.attempt
    return Dispatch(message.id, attempt.number, attempt.guid, message.conversation_id, sendable(message), deadline)


def _echo(started_call: StartedCall, outcome: AttemptOutcome) -> bytes:
    receipt = outcome.receipt
    if receipt is None or receipt.provider_message_id is None:
        raise RuntimeError(f"the provider answered {outcome.kind}")
    message = started_call.message
    app_info_key = receipt.app_info_key
    return callback(started_call.attempt.guid, message.conversation_id, receipt.provider_message_id, app_info_key)
