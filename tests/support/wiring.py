"""The whole application on memory adapters, with a provider that does what its script says."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.notifier import LocalNotifier
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.dead_letters import MemoryDeadLetterReader
from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.system import CountingIds, FixedRandom, SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.accept.accept import (
    AcceptBatchHandler,
    AcceptMessageHandler,
    Drafting,
    StoreBatches,
    StoreMessages,
)
from wework_message.application.accept.quoting import Quoting
from wework_message.application.accept.senders import Senders
from wework_message.application.actions.change import (
    CancelMessageHandler,
    ChangeMessages,
    RecallMessageHandler,
    RetryMessageHandler,
)
from wework_message.application.actions.dead_letters import (
    KeepDeadLetterHandler,
    MarkReplayedHandler,
    StoreDeadLetters,
    StoreReplays,
)
from wework_message.application.api import Application
from wework_message.application.callbacks.ingest import IngestCallbackHandler, StoreCallbacks
from wework_message.application.callbacks.project import ProjectCallbacks
from wework_message.application.callbacks.projector import LocalInboxNotifier, Projector
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.post_commit import PostCommit
from wework_message.application.dispatch.claim import ClaimDue
from wework_message.application.dispatch.dispatcher import Dispatcher
from wework_message.application.dispatch.routing import Router
from wework_message.application.dispatch.settle import SettleCalls
from wework_message.application.policy import Policy
from wework_message.application.queries.providers import Providers
from wework_message.application.queries.service import InProcess, Service
from wework_message.application.queries.status_feed import StatusFeed, WaitForMessage
from wework_message.application.queries.statuses import ReadStatuses
from wework_message.domain.content import MessageType
from wework_message.domain.ids import ProviderCode
from wework_message.domain.message.message import Message, Moved
from wework_message.domain.ports.health import CallReport
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.routing.selector import ProviderSelector

GUXING = ProviderCode("GUANGZHOU_GUXING")
ALL_TYPES = frozenset(str(one) for one in MessageType if one is not MessageType.MIXED)


class Silence:
    def accepted(self, message: Message) -> None: ...

    def moved(self, message: Message, move: Moved) -> None: ...

    def called(self, report: CallReport) -> None: ...

    def callbacks(self, notify_type: int, result: str, count: int) -> None: ...


def a_provider(**changes: Any) -> Provider:
    fields: dict[str, Any] = {
        "code": GUXING,
        "name": "广州孤星",
        "capabilities": Capabilities(ALL_TYPES),
        "simulated": True,
    }
    return Provider(**fields | changes)


def a_policy(*providers: Provider, **changes: Any) -> Policy:
    known = providers or (a_provider(),)
    fields: dict[str, Any] = {"providers": {one.code: one for one in known}, "retry": RetryPolicy()}
    return Policy(**fields | changes)


@dataclass(slots=True)
class Running:
    """The application, and the hands of the test on what is behind it."""

    application: Application
    database: MemoryDatabase
    gateway: MemoryGateway
    board: MemoryHealthBoard
    clock: SettableClock
    dispatcher: Dispatcher
    projector: Projector
    commits: GroupCommit
    keep_dead_letter: KeepDeadLetterHandler
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def dispatch(self) -> None:
        """From now on messages are sent."""
        self.tasks.append(asyncio.create_task(self.dispatcher.run()))

    def project(self) -> None:
        """From now on callbacks are applied."""
        self.tasks.append(asyncio.create_task(self.projector.run()))

    def stored(self) -> int:
        """Messages that are there."""
        return len(self.database.messages.committed_items())


@asynccontextmanager
async def running(policy: Policy | None = None, *, dispatching: bool = True) -> AsyncIterator[Running]:
    """Everything started; without `dispatching` messages stay where acceptance leaves them."""
    policy = policy or a_policy()
    clock, random_source, database = SettableClock(), FixedRandom(), MemoryDatabase()
    units, reader = MemoryUnitOfWorkFactory(database, clock), MemoryMessageReader(database)
    board, notifier, feed = MemoryHealthBoard(clock, random_source), LocalNotifier(), StatusFeed()
    gateway = MemoryGateway(clock, busy=lambda: database.busy)
    readers = {code: GuxingCallbackReader() for code in policy.providers}
    inbox_notifier = LocalInboxNotifier()
    commits = GroupCommit(units, PostCommit(feed, notifier, Silence(), inbox_notifier.notify), random_source)
    projector = Projector(commits, ProjectCallbacks(readers, board, policy, clock), inbox_notifier)
    router = Router(policy, ProviderSelector(), board, random_source)
    gateways: Mapping[ProviderCode, MemoryGateway] = dict.fromkeys(policy.providers, gateway)
    dispatcher = Dispatcher(
        commits,
        ClaimDue(policy, router, MemoryRateLimiter(clock), clock),
        SettleCalls(policy, router, clock, random_source),
        gateways,
        board.report,
        notifier,
        clock,
        policy,
    )
    drafting = Drafting(CountingIds(), clock, Senders(policy, units, Quoting(reader)))
    change = ChangeMessages()
    application = Application(
        accept=AcceptMessageHandler(commits, StoreMessages(clock), drafting),
        accept_batch=AcceptBatchHandler(commits, StoreBatches(clock), drafting),
        cancel=CancelMessageHandler(commits, change, clock),
        retry=RetryMessageHandler(commits, change, clock),
        recall=RecallMessageHandler(commits, change, reader, clock),
        ingest_callback=IngestCallbackHandler(commits, StoreCallbacks(clock), readers, GUXING),
        wait=WaitForMessage(feed, reader),
        read=reader,
        dead_letters=MemoryDeadLetterReader(database),
        mark_replayed=MarkReplayedHandler(commits, StoreReplays(clock)),
        poll=ReadStatuses(reader),
        providers=Providers(policy, board, reader, {GUXING: "http://127.0.0.1:19000"}),
        service=Service(reader, parts={"database": InProcess("memory"), "queue": InProcess("in-process")}),
        policy=policy,
    )
    keep = KeepDeadLetterHandler(commits, StoreDeadLetters())
    whole = Running(application, database, gateway, board, clock, dispatcher, projector, commits, keep)
    await commits.start()
    if dispatching:
        whole.dispatch()
        whole.project()
    try:
        yield whole
    finally:
        feed.close()
        await projector.stop()
        await dispatcher.stop(0)
        await asyncio.gather(*whole.tasks)
        await commits.close()
