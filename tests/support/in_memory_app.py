"""The use cases on memory adapters, wired as bootstrap wires them, with a provider that does what its script says."""

import asyncio
import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from tests.support.builders import BACKUP, CONVERSATION, HORIZON_MS, NOW, PROVIDER, a_draft

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.system import CountingIds, FixedRandom, SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.accept.accept import (
    AcceptBatch,
    AcceptBatchHandler,
    Accepted,
    AcceptedBatch,
    AcceptMessage,
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
from wework_message.application.callbacks.ingest import IngestCallbackHandler, StoreCallbacks
from wework_message.application.callbacks.project import ProjectCallbacks
from wework_message.application.callbacks.projector import LocalInboxNotifier, Projector
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.post_commit import CallReports, PostCommit
from wework_message.application.dispatch.claim import ClaimDue
from wework_message.application.dispatch.dispatcher import Dispatcher
from wework_message.application.dispatch.routing import Router
from wework_message.application.dispatch.settle import SettleCalls
from wework_message.application.maintenance.probe import ProbeProviders, Prober
from wework_message.application.policy import Policy
from wework_message.application.queries.status_feed import StatusFeed, WaitForMessage
from wework_message.domain.content import MessageType, TextContent
from wework_message.domain.conversation import Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, MessageId
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.message import Message, Moved
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.notifier import Notifier, Wakeup
from wework_message.domain.ports.queries import MessageView
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.routing.selector import ProviderSelector

FAR_MS: Final = 3_600_000


class PatientNotifier:
    """Waits for a ring however long it takes: who relies on the idle look instead of a ring hangs."""

    def __init__(self) -> None:
        self._notified = asyncio.Event()
        self.wakeups: list[tuple[MessageId, ...]] = []

    async def notify(self, message_ids: Sequence[MessageId], urgency: Urgency = Urgency.NORMAL) -> None:
        self.wakeups.append(tuple(message_ids))
        self._notified.set()

    async def wait(self, timeout_ms: int) -> Wakeup:
        if timeout_ms > 0:
            await self._notified.wait()
        self._notified.clear()
        return Wakeup()

    async def answered(self, wakeup: Wakeup) -> None:
        pass


class RecordingObserver:
    def __init__(self) -> None:
        self.new: list[MessageId] = []
        self.moves: list[tuple[MessageId, Moved]] = []
        self.calls: list[CallReport] = []
        self.heard: Counter[tuple[int, str]] = Counter()

    def accepted(self, message: Message) -> None:
        self.new.append(message.id)

    def moved(self, message: Message, move: Moved) -> None:
        self.moves.append((message.id, move))

    def called(self, report: CallReport) -> None:
        self.calls.append(report)

    def callbacks(self, notify_type: int, result: str, count: int) -> None:
        self.heard[notify_type, result] += count

    @property
    def new_callbacks(self) -> int:
        return sum(count for (_, result), count in self.heard.items() if result == "new")


class ScriptedReader:
    """A callback's body is the name of the items that the test has put here."""

    def __init__(self) -> None:
        self._items: dict[str, CallbackItem] = {}
        self._serial = itertools.count(1)
        self.breaks_on: set[str] = set()

    def body(self, **fields: Any) -> bytes:
        raw = f"callback {next(self._serial)}"
        stream_record = fields.get("stream_record")
        known = {"guid": stream_record.guid, "event_key": stream_record.event_key} if stream_record is not None else {}
        whole: dict[str, Any] = {"notify_type": 11010, "event_key": raw, "raw": raw}
        self._items[raw] = CallbackItem(**whole | known | fields)
        return raw.encode()

    def read(self, body: bytes) -> tuple[CallbackItem, ...]:
        if body.decode() not in self._items:
            raise InvalidValueError("$", "is no callback")
        return (self._items[body.decode()],)

    def reread(self, notify_type: int, raw: str) -> CallbackItem:
        if raw in self.breaks_on:
            raise LookupError(raw)
        return self._items[raw]


def a_policy(**changes: Any) -> Policy:
    capabilities = Capabilities(frozenset(kind.value for kind in MessageType))
    providers = {
        PROVIDER: Provider(PROVIDER, "first", capabilities, priority=1),
        BACKUP: Provider(BACKUP, "second", capabilities, priority=2),
    }
    return dataclasses.replace(Policy(providers=providers, retry=RetryPolicy(), horizon_ms=HORIZON_MS), **changes)


class InMemoryApp:
    """One process of the service; `async with` runs its flusher. `rung` is another doorbell than the patient one."""

    def __init__(self, *, wakeup: Notifier | None = None, **changes: Any) -> None:
        self.clock = SettableClock(NOW)
        self.database = MemoryDatabase()
        self.units = MemoryUnitOfWorkFactory(self.database, self.clock)
        self.reader = MemoryMessageReader(self.database)
        self.policy = a_policy(**changes)
        self.gateways = {
            code: MemoryGateway(self.clock, busy=lambda: self.database.busy) for code in self.policy.providers
        }
        self.gateway = self.gateways[PROVIDER]
        self.callbacks = ScriptedReader()
        self.observer = RecordingObserver()
        self.notifier = PatientNotifier()
        its_notifier = wakeup or self.notifier
        self.feed = StatusFeed()
        random_source = FixedRandom(0.5)
        self.board = MemoryHealthBoard(self.clock, FixedRandom(0.0))
        self.router = Router(self.policy, ProviderSelector(), self.board, random_source)
        inbox_notifier = LocalInboxNotifier()
        post_commit = PostCommit(self.feed, its_notifier, self.observer, inbox_notifier.notify)
        self.commits = GroupCommit(self.units, post_commit, random_source)
        readers = dict.fromkeys(self.policy.providers, self.callbacks)
        projecting = ProjectCallbacks(readers, self.board, self.policy, self.clock)
        self.projector = Projector(self.commits, projecting, inbox_notifier, self.policy.poll_inbox_ms)
        self.settling = SettleCalls(self.policy, self.router, self.clock, random_source)
        self.claiming = ClaimDue(self.policy, self.router, MemoryRateLimiter(self.clock), self.clock)
        self.prober = Prober(ProbeProviders(self.gateways, self.board, self.clock), every_ms=3_600_000, at_least_ms=0)
        self.dispatcher = Dispatcher(
            self.commits, self.claiming, self.settling, self.gateways,
            CallReports(self.board, self.observer, self.prober.ask_now), its_notifier, self.clock, self.policy,
        )  # fmt: skip
        senders = Senders(self.policy, self.units, Quoting(self.reader))
        drafting = Drafting(CountingIds(), self.clock, senders)
        self.accepting = AcceptMessageHandler(self.commits, StoreMessages(self.clock), drafting)
        self.accepting_batches = AcceptBatchHandler(self.commits, StoreBatches(self.clock), drafting)
        change = ChangeMessages()
        self.cancelling = CancelMessageHandler(self.commits, change, self.clock)
        self.retrying = RetryMessageHandler(self.commits, change, self.clock)
        self.recalling = RecallMessageHandler(self.commits, change, self.reader, self.clock)
        self.ingesting = IngestCallbackHandler(
            self.commits, StoreCallbacks(self.clock), readers, self.policy.default_code
        )
        self.waiting = WaitForMessage(self.feed, self.reader)

    async def __aenter__(self) -> Self:
        await self.commits.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.commits.close()

    async def accept(self, *drafts: Draft, key: str | None = None, grouped: bool = False, **changes: Any) -> Accepted:
        """One request; without drafts a plain one with `changes`."""
        asked = drafts or (a_draft(**changes),)
        return await self.accepting(AcceptMessage(DEFAULT_TENANT, asked, grouped=grouped, key=key))

    async def accept_text(self, content: str = "hello", to: str = CONVERSATION, **changes: Any) -> MessageId:
        accepted = await self.accept(
            conversation=Conversation.parse(to), content=TextContent(content=content), **changes
        )
        return MessageId(accepted.target)

    async def accept_batch(self, *items: AcceptMessage, atomic: bool = False, key: str | None = None) -> AcceptedBatch:
        return await self.accepting_batches(
            AcceptBatch(DEFAULT_TENANT, items, tuple(range(len(items))), atomic=atomic, key=key)
        )

    async def dispatch(self) -> None:
        """Until nothing is due and no call is open."""
        while await self.dispatcher.dispatch_due() or self.dispatcher.in_flight:
            await self.quiet()

    async def quiet(self) -> None:
        """Until no call is open."""
        while self.dispatcher.in_flight:
            await asyncio.wait(set(self.dispatcher._calls))

    async def pass_time(self, ms: int) -> None:
        """Let `ms` pass, then do what is due."""
        self.clock.advance(ms)
        await self.dispatch()

    async def hear(self, **fields: Any) -> int:
        """A callback comes in and is projected; returns how many of its items were new."""
        before = self.observer.new_callbacks
        await self.ingesting(self.callbacks.body(**fields))
        await self.projector.project_pending()
        return self.observer.new_callbacks - before

    async def view(self, message_id: MessageId) -> MessageView:
        return (await self.reader.messages(DEFAULT_TENANT, [message_id]))[message_id]

    async def message(self, message_id: MessageId) -> Message:
        return (await self.view(message_id)).message

    async def until(self, message_id: MessageId, enough: Callable[[Message], bool]) -> Message:
        """The message once it is as wanted, however long that takes."""
        seen = await self.waiting(DEFAULT_TENANT, message_id, enough=lambda view: enough(view.message), wait_ms=FAR_MS)
        assert seen is not None
        return seen.message
