"""The use cases on memory adapters, wired by the container of bootstrap, with a scripted provider."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from tests.support.apps.doubles import (
    Connection,
    CountingInboxNotifier,
    PatientNotifier,
    RecordingObserver,
    ScriptedReader,
)
from tests.support.builders.messages import BACKUP, CONVERSATION, GUID, HORIZON_MS, NOW, PROVIDER, a_draft

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.media.inspector import PlainInspector
from wework_message.adapters.memory.accounts import MemoryAccountReader
from wework_message.adapters.memory.api_keys import MemoryApiKeyReader
from wework_message.adapters.memory.audit import MemoryAuditReader
from wework_message.adapters.memory.bindings import MemoryBindingReader
from wework_message.adapters.memory.callback_tokens import MemoryCallbackTokenReader
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.dead_letters import MemoryDeadLetterReader
from wework_message.adapters.memory.erasures import MemoryErasureReader
from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.adapters.memory.mass import MemoryMassGateway
from wework_message.adapters.memory.mass_sends import MemoryMassReader
from wework_message.adapters.memory.media_fetcher import MemoryMediaFetcher
from wework_message.adapters.memory.media_reader import MemoryMediaReader
from wework_message.adapters.memory.media_store import MemoryMediaStore, MemoryStaging
from wework_message.adapters.memory.outbound import MemoryOutbound
from wework_message.adapters.memory.pauses import MemoryPauseReader
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.replays import MemoryFailedMessageReader, MemoryReplayReader
from wework_message.adapters.memory.spool import MemoryAnswerSpool, MemorySpoolFolder
from wework_message.adapters.memory.store_metrics import MemoryStoreMetrics
from wework_message.adapters.memory.streams import MemoryStreamReader
from wework_message.adapters.memory.system import CountingIds, FixedRandom, SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.adapters.memory.webhooks import MemoryWebhookReader
from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.accept.accept_batch import AcceptBatch, AcceptedBatch
from wework_message.application.maintenance.store_metrics import StoreSnapshot
from wework_message.application.policy import Policy
from wework_message.application.queries.service import InProcess
from wework_message.application.role import Role
from wework_message.bootstrap.container import UseCases
from wework_message.bootstrap.frameworks import providers
from wework_message.bootstrap.gateways import Gateways
from wework_message.bootstrap.loops import Loops
from wework_message.bootstrap.media import Media
from wework_message.bootstrap.media_work import MediaWork
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import Storage
from wework_message.domain.content import MessageType, TextContent
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId, ProviderCode
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.message import Message
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.ports.gateway import CallbackReader, Dispatch
from wework_message.domain.ports.mass_gateway import MassGateway
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.notifier import Notifier
from wework_message.domain.ports.queries import MessageView
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.provider import Capabilities, Provider

FAR_MS: Final = 3_600_000


def a_policy(**changes: Any) -> Policy:
    capabilities = Capabilities(frozenset(kind.value for kind in MessageType))
    providers = {
        PROVIDER: Provider(PROVIDER, "first", capabilities, priority=1),
        BACKUP: Provider(BACKUP, "second", capabilities, priority=2),
    }
    return dataclasses.replace(Policy(providers=providers, retry=RetryPolicy(), horizon_ms=HORIZON_MS), **changes)


@dataclasses.dataclass(frozen=True, slots=True)
class Wired:
    """The graph of bootstrap, and what it makes once: to look for that takes longer than to make it."""

    use_cases: UseCases
    singletons: tuple[providers.BaseSingleton[Any], ...]


_FREE: Final[list[Wired]] = []
"""Containers whose application has ended."""


def _wired(**dependencies: Any) -> Wired:
    """The graph of bootstrap on these. A new container copies the graph, which takes longer than most tests."""
    if not _FREE:
        use_cases = UseCases(**dependencies)
        use_cases.check_dependencies()
        return Wired(use_cases, tuple(use_cases.traverse(types=[providers.BaseSingleton])))
    wired = _FREE.pop()
    for singleton in wired.singletons:
        singleton.reset()
    for name in dependencies:
        wired.use_cases.providers[name].reset_override()
    wired.use_cases.override_providers(**dependencies)
    return wired


@dataclasses.dataclass(frozen=True, slots=True)
class MemoryGateways(Gateways):
    """Gateways whose mass sends are made by others."""

    mass_gateways: Mapping[ProviderCode, MassGateway]

    @property
    def mass(self) -> Mapping[ProviderCode, MassGateway]:
        return self.mass_gateways


class InMemoryApp:
    """One process of the service on a database in memory. `async with` runs its committer, `start` its loops.

    `notifier` replaces the patient notifier, `reader` the scripted callback reader; `changes` are those of the policy.
    """

    def __init__(
        self,
        *,
        policy: Policy | None = None,
        notifier: Notifier | None = None,
        reader: CallbackReader | None = None,
        shared: type[Shared] = Shared,
        side_by_side: bool = False,
        tracer: Tracer = NO_TRACER,
        **changes: Any,
    ) -> None:
        self.clock = SettableClock(NOW)
        self.database = MemoryDatabase()
        self.units = MemoryUnitOfWorkFactory(self.database, self.clock)
        self.reader = MemoryMessageReader(self.database)
        self.observer = RecordingObserver()
        self.notifier = PatientNotifier()
        self.callbacks = ScriptedReader()
        self.outbound = MemoryOutbound()
        self.media_store = MemoryMediaStore()
        self.media_fetcher = MemoryMediaFetcher()
        self.inspector = PlainInspector()
        self.shown: list[StoreSnapshot | None] = []
        policy = policy or a_policy(**changes)
        self.gateways = {code: self._gateway(code) for code in policy.providers}
        self.gateway = next(iter(self.gateways.values()))
        self.mass_gateways = {
            code: MemoryMassGateway(self.clock, busy=lambda: self.database.busy) for code in policy.providers
        }
        self.mass_gateway = next(iter(self.mass_gateways.values()))
        self._ids = CountingIds()
        self._callback_reader = reader or self.callbacks
        self._used_notifier = notifier or self.notifier
        self._shared = shared
        self._side_by_side = side_by_side
        self._tracer = tracer
        self.spool_folder = MemorySpoolFolder()
        self._open(policy)

    def _open(self, policy: Policy) -> None:
        """Build a process that has not begun: the object graph of bootstrap, on the database and gateways that outlive it."""
        self.policy = policy
        self.board = MemoryHealthBoard(self.clock, FixedRandom(0.0))
        self._connection = Connection(self.units)
        self.inbox_notifier = CountingInboxNotifier()
        self.spool = MemoryAnswerSpool(self.spool_folder)
        self._wired = _wired(
            clock=self.clock,
            tracer=self._tracer,
            ids=self._ids,
            random_source=FixedRandom(0.5),
            storage=Storage(
                self._connection,
                self.reader,
                MemoryDeadLetterReader(self.database),
                MemoryAccountReader(self.database),
                MemoryStoreMetrics(self.database, self.clock),
                MemoryPauseReader(self.database),
                MemoryAuditReader(self.database),
                MemoryCallbackTokenReader(self.database),
                MemoryApiKeyReader(self.database),
                MemoryReplayReader(self.database),
                MemoryErasureReader(self.database),
                MemoryFailedMessageReader(self.database),
                MemoryBindingReader(self.database),
                MemoryStreamReader(self.database),
                MemoryWebhookReader(self.database),
                MemoryMassReader(self.database, self.clock),
                MemoryMediaReader(self.database),
                self._side_by_side,
            ),
            shared=self._shared(self.board, MemoryRateLimiter(self.clock)),
            gateways=MemoryGateways(
                self.gateways, dict.fromkeys(policy.providers, self._callback_reader), self.mass_gateways
            ),
            policy=policy,
            observer=self.observer,
            show=self.shown.append,
            role=Role.ALL,
            holder="here",
            notifier=self._used_notifier,
            projector_notifier=self.inbox_notifier,
            inbox_notifier=self.inbox_notifier,
            api_urls=dict.fromkeys(policy.providers, "http://127.0.0.1:19000"),
            spool=self.spool,
            outbound=self.outbound,
            addresses=AddressPolicy(()),
            media=Media(self.media_store, MemoryStaging(), self.inspector, "http://gateway.example"),
            media_work=MediaWork(self.media_fetcher),
            parts={"database": InProcess("memory"), "queue": InProcess("in-process")},
        )
        self.use_cases = use_cases = self._wired.use_cases
        use_cases.prober.add_kwargs(
            interval_ms=FAR_MS, min_interval_ms=0
        )  # what it is asked for need not wait for a second
        use_cases.activate.add_kwargs(pause=self._pass)
        self.application = application = use_cases.application()
        self.accepting, self.accepting_batches = application.accept, application.accept_batch
        self.cancelling, self.retrying, self.recalling = application.cancel, application.retry, application.recall
        self.ingesting, self.waiting = application.ingest_callback, application.wait
        self.pauses = application.pauses
        self.replay_runner = use_cases.replay_runner()
        self.erasure_runner = use_cases.erasure_runner()
        self.keep_dead_letter = use_cases.keep_dead_letter()
        self.commits, self.claiming, self.router = use_cases.commits(), use_cases.claim(), use_cases.router()
        self.mass_sender = use_cases.mass_sender()
        self.dispatcher, self.projector, self.prober = use_cases.dispatcher(), use_cases.projector(), use_cases.prober()
        self._loops = Loops((self.dispatcher, self.projector))

    def _gateway(self, code: ProviderCode) -> MemoryGateway:
        """The second provider's protocol knows nothing of instances."""
        kind = MemoryGateway if code == BACKUP else MemoryInstanceGateway
        return kind(self.clock, busy=lambda: self.database.busy)

    async def _pass(self, seconds: float) -> None:
        """Whoever waits for so long, waits for no real time."""
        self.clock.advance(round(seconds * 1000))

    def start(self) -> None:
        """Begin to send messages and to apply callbacks."""
        self._loops.start()

    async def kill(self) -> None:
        """End the process with its open calls: nothing of them is recorded. See `restart`."""
        self._connection.cut()
        await self.mass_sender.stop(0)
        await self.dispatcher.stop(0)
        await self.commits.close()
        await self.spool.close()

    async def restart(self, policy: Policy | None = None) -> None:
        """Kill, then go on as a new process on the same database: it remembers nothing, and may have another policy."""
        await self.kill()
        self._open(policy or self.policy)
        await self.commits.start()
        await self.pauses.refresh()

    async def __aenter__(self) -> Self:
        await self.commits.start()
        await self.pauses.refresh()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loops.tasks:
            self.use_cases.feed().close()
            await self._loops.stop(0)
        await self.commits.close()
        _FREE.append(self._wired)
        assert self.observer.without_guid == []

    def stored(self) -> int:
        """Number of stored messages."""
        return len(self.database.messages.committed_items())

    async def accept(self, *drafts: Draft, key: str | None = None, grouped: bool = False, **changes: Any) -> Accepted:
        """Accept one request; without drafts, a text message with `changes`."""
        requested = drafts or (a_draft(**changes),)
        return await self.accepting(AcceptMessage(DEFAULT_TENANT, requested, grouped=grouped, key=key))

    async def accept_text(self, content: str = "hello", to: str = CONVERSATION, **changes: Any) -> MessageId:
        accepted = await self.accept(
            conversation=PEERS_AND_ROOMS.parse(to), content=TextContent(content=content), **changes
        )
        return MessageId(accepted.target)

    async def accept_batch(self, *items: AcceptMessage, atomic: bool = False, key: str | None = None) -> AcceptedBatch:
        return await self.accepting_batches(
            AcceptBatch(DEFAULT_TENANT, items, tuple(range(len(items))), atomic=atomic, key=key)
        )

    async def dispatch(self) -> None:
        """Dispatch until nothing is due and no call is open."""
        while self.dispatcher.in_flight + await self.dispatcher.dispatch_due():
            await self.quiet()

    async def send_mass(self) -> None:
        """Make the calls of mass sends until no chunk is due."""
        while await self.mass_sender.round():
            await self.mass_sender.settled()

    async def quiet(self) -> None:
        """Wait until no call is open."""
        while calls := set(self.dispatcher._calls):
            await asyncio.wait(calls)  # a loop of `sleep(0)` would compute through every pause of the recorder

    async def pass_time(self, ms: int) -> None:
        """Let `ms` pass, then dispatch what is due."""
        self.clock.advance(ms)
        await self.dispatch()

    async def receive_callback(self, **fields: Any) -> int:
        """Store and project a callback; return how many of its items were new."""
        before = self.observer.new_callbacks
        await self.ingesting(self.callbacks.body(**fields))
        await self.projector.project_pending()
        return self.observer.new_callbacks - before

    async def sent(self, outcome: AttemptOutcome, content: str = "hello") -> MessageId:
        """A message whose send had this outcome."""
        self.gateway.script(outcome)
        message_id = await self.accept_text(content)
        await self.dispatch()
        return message_id

    def hold_next_send(self) -> "asyncio.Future[AttemptOutcome]":
        """The next send waits for the outcome that is set here."""
        answer: asyncio.Future[AttemptOutcome] = asyncio.get_running_loop().create_future()

        async def wait(_: Dispatch) -> AttemptOutcome:
            return await answer

        self.gateway.script(wait)
        return answer

    async def inbox(self, guid: Guid = GUID) -> list[str]:
        """The states of the stored callbacks of a guid, oldest first."""
        views = await self.reader.callbacks(None, guid, notify_type=None, limit=100, before=None)
        return [view.state for view in reversed(views)]

    async def view(self, message_id: MessageId) -> MessageView:
        return (await self.reader.messages(DEFAULT_TENANT, [message_id]))[message_id]

    async def message(self, message_id: MessageId) -> Message:
        return (await self.view(message_id)).message

    async def until(self, message_id: MessageId, enough: Callable[[Message], bool]) -> Message:
        """The message once `enough` is true of it, without a limit of time."""
        view = await self.waiting(DEFAULT_TENANT, message_id, enough=lambda view: enough(view.message), wait_ms=FAR_MS)
        assert view is not None
        return view.message
