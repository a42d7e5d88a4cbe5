import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from ipaddress import ip_address

import pytest
from tests.contracts.account_repository_contract import AccountRepositoryContract
from tests.contracts.api_keys_contract import ApiKeysContract
from tests.contracts.audit_contract import AuditContract
from tests.contracts.binding_reader_contract import BindingReaderContract
from tests.contracts.callback_inbox_contract import CallbackInboxContract
from tests.contracts.callback_tokens_contract import CallbackTokensContract
from tests.contracts.claim_contract import ClaimContract
from tests.contracts.dead_letters_contract import DeadLettersContract
from tests.contracts.echo_repository_contract import EchoRepositoryContract
from tests.contracts.erasures_contract import ErasuresContract
from tests.contracts.health_board_contract import HealthBoardContract, a_report, route
from tests.contracts.instance_admin_contract import InstanceAdminContract, SessionRestorerContract
from tests.contracts.maintenance_contract import LeaseStoreContract, PruningContract
from tests.contracts.mass_contract import MassContract
from tests.contracts.media_contract import MediaContract
from tests.contracts.media_lifetime_contract import MediaLifetimeContract
from tests.contracts.media_reader_contract import MediaReaderContract
from tests.contracts.message_reader_contract import MessageReaderContract
from tests.contracts.message_repository_contract import MessageRepositoryContract
from tests.contracts.notifier_contract import HOUR_MS, NotifierContract
from tests.contracts.outbound_contract import OutboundContract
from tests.contracts.pauses_contract import PausesContract
from tests.contracts.placements_contract import PlacementsContract
from tests.contracts.rate_limiter_contract import RateLimiterContract, per_minute
from tests.contracts.replays_contract import FailedMessagesContract, ReplaysContract
from tests.contracts.request_limiter_contract import TENANT, RequestLimiterContract, taken
from tests.contracts.store_metrics_contract import StoreMetricsContract
from tests.contracts.streams_contract import StreamsContract
from tests.contracts.tenants_contract import TenantsContract
from tests.contracts.turn_contract import TurnContract
from tests.contracts.unit_of_work_contract import UnitOfWorkContract
from tests.contracts.webhooks_contract import WebhooksContract
from tests.support.builders.messages import GUID, NOW, PROVIDER, a_due_message, a_message_id, an_outcome

from wework_message.adapters.local import observed
from wework_message.adapters.local import rate_limiter as throttling
from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.notifier import LocalNotifier
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.local.request_limiter import SWEEP_AT, MemoryRequestLimiter
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
from wework_message.adapters.memory.mass_sends import MemoryMassReader
from wework_message.adapters.memory.media_reader import MemoryMediaReader
from wework_message.adapters.memory.outbound import MemoryOutbound, Received
from wework_message.adapters.memory.pauses import MemoryPauseReader
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.replays import MemoryFailedMessageReader, MemoryReplayReader
from wework_message.adapters.memory.store_metrics import MemoryStoreMetrics
from wework_message.adapters.memory.streams import MemoryStreamReader
from wework_message.adapters.memory.system import CountingIds, FixedRandom, SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.adapters.memory.webhooks import MemoryWebhookReader
from wework_message.adapters.redis.account_cache import AccountCache
from wework_message.adapters.redis.caching_units import CachingUnitOfWorkFactory
from wework_message.domain.account import Account, Binding, implicit_binding
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.accounts import AccountReader
from wework_message.domain.ports.api_keys import ApiKeyReader
from wework_message.domain.ports.audit import AuditReader
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.callback_tokens import CallbackTokenReader
from wework_message.domain.ports.control import PauseReader
from wework_message.domain.ports.dead_letters import DeadLetterReader
from wework_message.domain.ports.erasures import ErasureReader
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.instances import InstanceAdmin
from wework_message.domain.ports.mass import MassReader
from wework_message.domain.ports.media_reader import MediaReader
from wework_message.domain.ports.notifier import Notifier
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.replays import FailedMessageReader, ReplayReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.streams import StreamReader
from wework_message.domain.ports.webhooks import WebhookReader
from wework_message.testing.provider_contract import GatewayContract, a_dispatch


class OnMemory:
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    def database(self) -> MemoryDatabase:
        return MemoryDatabase()

    @pytest.fixture
    def units(self, database: MemoryDatabase, clock: SettableClock) -> UnitOfWorkFactory:
        return MemoryUnitOfWorkFactory(database, clock)

    @pytest.fixture
    def other_units(self, database: MemoryDatabase, clock: SettableClock) -> UnitOfWorkFactory:
        return MemoryUnitOfWorkFactory(database, clock)

    @pytest.fixture
    def mass_reader(self, database: MemoryDatabase, clock: SettableClock) -> MassReader:
        return MemoryMassReader(database, clock)

    @pytest.fixture
    def account_reader(self, database: MemoryDatabase) -> AccountReader:
        return MemoryAccountReader(database)

    @pytest.fixture
    def account_walking(self, database: MemoryDatabase) -> Callable[[int], AccountReader]:
        return lambda max_walked: MemoryAccountReader(database, max_walked=max_walked)

    @pytest.fixture
    def reader(self, database: MemoryDatabase) -> MessageReader:
        return MemoryMessageReader(database)

    @pytest.fixture
    def reader_that_walks(self, database: MemoryDatabase) -> Callable[[int], MessageReader]:
        return lambda max_walked: MemoryMessageReader(database, max_walked=max_walked)

    @pytest.fixture
    def pauses(self, database: MemoryDatabase) -> PauseReader:
        return MemoryPauseReader(database)

    @pytest.fixture
    def audit(self, database: MemoryDatabase) -> AuditReader:
        return MemoryAuditReader(database)

    @pytest.fixture
    def callback_tokens(self, database: MemoryDatabase) -> CallbackTokenReader:
        return MemoryCallbackTokenReader(database)

    @pytest.fixture
    def api_keys(self, database: MemoryDatabase) -> ApiKeyReader:
        return MemoryApiKeyReader(database)

    @pytest.fixture
    def webhooks(self, database: MemoryDatabase) -> WebhookReader:
        return MemoryWebhookReader(database)

    @pytest.fixture
    def dead_letters(self, database: MemoryDatabase) -> DeadLetterReader:
        return MemoryDeadLetterReader(database)

    @pytest.fixture
    def erasures(self, database: MemoryDatabase) -> ErasureReader:
        return MemoryErasureReader(database)

    @pytest.fixture
    def media_reader(self, database: MemoryDatabase) -> MediaReader:
        return MemoryMediaReader(database)

    @pytest.fixture
    def replays(self, database: MemoryDatabase) -> ReplayReader:
        return MemoryReplayReader(database)

    @pytest.fixture
    def failed_walking(self, database: MemoryDatabase) -> Callable[[int], FailedMessageReader]:
        return lambda max_walked: MemoryFailedMessageReader(database, max_walked=max_walked)

    @pytest.fixture
    def bindings(self, database: MemoryDatabase) -> BindingReader:
        return MemoryBindingReader(database)

    @pytest.fixture
    def bindings_walking(self, database: MemoryDatabase) -> Callable[[int], BindingReader]:
        return lambda max_walked: MemoryBindingReader(database, max_walked=max_walked)

    @pytest.fixture
    def streams(self, database: MemoryDatabase) -> StreamReader:
        return MemoryStreamReader(database)


class TestMemoryMessageRepository(OnMemory, MessageRepositoryContract):
    pass


class TestMemoryTurns(OnMemory, TurnContract):
    pass


class TestMemoryClaims(OnMemory, ClaimContract):
    pass


class TestMemoryUnitOfWork(OnMemory, UnitOfWorkContract):
    async def test_a_store_that_does_not_answer_raises_and_keeps_nothing(
        self, database: MemoryDatabase, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message = a_due_message()
        database.failing_commits = 1
        async with units() as unit:
            await unit.messages.add([message])
            with pytest.raises(UnavailableError):
                await unit.commit()
        assert await reader.messages(DEFAULT_TENANT, [message.id]) == {}
        database.away = True
        with pytest.raises(UnavailableError):
            await units().__aenter__()
        with pytest.raises(UnavailableError):
            await reader.ping()
        database.away = False
        async with units() as unit:
            assert database.busy
            assert await unit.messages.due(1) == []
        assert not database.busy


class TestMemoryEchoes(OnMemory, EchoRepositoryContract):
    pass


class TestMemoryCallbackInbox(OnMemory, CallbackInboxContract):
    pass


class TestMemoryBindings(OnMemory, BindingReaderContract):
    pass


class TestMemoryDeadLetters(OnMemory, DeadLettersContract):
    pass


class TestMemoryCallbackTokens(OnMemory, CallbackTokensContract):
    pass


class TestMemoryApiKeys(OnMemory, ApiKeysContract):
    pass


class TestMemoryStreams(OnMemory, StreamsContract):
    pass


class TestMemoryAudit(OnMemory, AuditContract):
    """The audit trail."""


class TestMemoryPauses(OnMemory, PausesContract):
    pass


class TestMemoryMass(OnMemory, MassContract):
    pass


class TestMemoryPlacements(OnMemory, PlacementsContract):
    pass


class TestMemoryWebhooks(OnMemory, WebhooksContract):
    pass


class TestMemoryMedia(OnMemory, MediaContract):
    pass


class TestMemoryMediaReader(OnMemory, MediaReaderContract):
    pass


class TestMemoryMediaLifetime(OnMemory, MediaLifetimeContract):
    pass


class TestMemoryFailedMessages(OnMemory, FailedMessagesContract):
    pass


class TestMemoryErasures(OnMemory, ErasuresContract):
    pass


class TestMemoryReplays(OnMemory, ReplaysContract):
    pass


class TestMemoryAccountRepository(OnMemory, AccountRepositoryContract):
    async def test_a_registered_binding_gets_no_second_account(
        self, database: MemoryDatabase, units: UnitOfWorkFactory
    ) -> None:
        registered = Account(AccountId("acc"))
        database.register(registered, _binding_of(registered))
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
            assert [binding.account_id for binding in await unit.accounts.binding_of(GUID)] == ["acc"]


def _binding_of(account: Account) -> Binding:
    return dataclasses.replace(implicit_binding(GUID, PROVIDER), account_id=account.account_id)


class TestCachedAccountRepository(OnMemory, AccountRepositoryContract):
    """With the process's cache in front, which needs no Redis to be right about its own commits."""

    @pytest.fixture
    def units(self, database: MemoryDatabase, clock: SettableClock) -> UnitOfWorkFactory:
        return CachingUnitOfWorkFactory(MemoryUnitOfWorkFactory(database, clock), AccountCache(clock), lambda: None)


class TestMemoryMessageReader(OnMemory, MessageReaderContract):
    pass


class TestMemoryLeaseStore(OnMemory, LeaseStoreContract):
    pass


class TestMemoryPruning(OnMemory, PruningContract):
    pass


class TestMemoryStoreMetrics(OnMemory, StoreMetricsContract):
    @pytest.fixture
    def store_metrics(self, database: MemoryDatabase, clock: SettableClock) -> MemoryStoreMetrics:
        return MemoryStoreMetrics(database, clock)


class TestMemoryNotifier(NotifierContract):
    @pytest.fixture
    def notifier(self) -> Notifier:
        return LocalNotifier()

    async def test_many_wakeups_end_one_wait(self, notifier: Notifier) -> None:
        for _ in range(3):
            await notifier.notify([a_message_id()])
        await notifier.wait(HOUR_MS)
        second = asyncio.create_task(notifier.wait(HOUR_MS))
        await asyncio.sleep(0)
        assert not second.done()
        second.cancel()


class TestMemoryRequestLimiter(RequestLimiterContract):
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    def limiter(self, clock: SettableClock) -> MemoryRequestLimiter:
        return MemoryRequestLimiter(clock)

    async def test_each_of_several_processes_has_its_part(self, clock: SettableClock) -> None:
        half = MemoryRequestLimiter(clock, 2)
        assert await taken(half, [TENANT], 9) == 2
        clock.advance(1_000)
        assert await taken(half, [TENANT], 9) == 2
        clock.advance(200)
        assert await taken(half, [TENANT], 9) == 1

    async def test_what_was_granted_elsewhere_uses_the_part_up_and_no_more(
        self, limiter: MemoryRequestLimiter, clock: SettableClock
    ) -> None:
        limiter.granted([TENANT], 500)
        assert await taken(limiter, [TENANT], 9) == 0
        clock.advance(200)
        assert await taken(limiter, [TENANT], 9) == 2

    async def test_buckets_that_are_full_again_are_forgotten(
        self, limiter: MemoryRequestLimiter, clock: SettableClock
    ) -> None:
        for number in range(3 * SWEEP_AT):
            clock.advance(1)
            budgets = [TENANT._replace(name=f"tenant {number}")]
            assert await limiter.take(budgets) is None
            limiter.granted(budgets, 0)
            assert len(limiter) <= SWEEP_AT


class TestMemoryRateLimiter(RateLimiterContract):
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    def limiter(self, clock: SettableClock) -> MemoryRateLimiter:
        return MemoryRateLimiter(clock)

    async def test_the_wall_clock_may_jump(self, limiter: MemoryRateLimiter, clock: SettableClock) -> None:
        await limiter.reserve(per_minute(1))
        clock.jump(600_000)
        assert (await limiter.reserve(per_minute(1))).wait_ms == 60_000

    async def test_accounts_that_stopped_sending_are_forgotten(
        self, limiter: MemoryRateLimiter, clock: SettableClock
    ) -> None:
        for number in range(throttling.SWEEP_AT - 1):
            await limiter.reserve(per_minute(1, AccountId(f"a{number}")))
        clock.advance(59_999)
        await limiter.reserve(per_minute(1, AccountId("busy")))
        assert len(limiter) == throttling.SWEEP_AT
        clock.advance(1)
        for number in range(throttling.SWEEP_AT):
            await limiter.reserve(per_minute(1, AccountId(f"b{number}")))
        assert len(limiter) == throttling.SWEEP_AT + 1
        assert (await limiter.reserve(per_minute(1, AccountId("busy")))).wait_ms > 0


class TestMemoryHealthBoard(HealthBoardContract):
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    def board(self, clock: SettableClock) -> MemoryHealthBoard:
        return MemoryHealthBoard(clock, FixedRandom(0.0))

    def test_healthy_bindings_without_observations_are_forgotten(
        self, board: MemoryHealthBoard, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(board, "_sweep_at", 2)
        board.report(a_report(OutcomeClass.ACCEPTED, binding_id=BindingId("healthy")))
        board.binding_state(BindingId("offline"), ClientState.OFFLINE, clock.now())
        clock.advance(observed.STALE_MS)
        board.report(a_report(OutcomeClass.ACCEPTED, binding_id=BindingId("new"), at=clock.now()))
        assert route(board, clock, binding_id=BindingId("healthy")).latency_ms is None
        assert set(board._bindings) == {"offline", "new"}


class TestMemoryInstances(InstanceAdminContract, SessionRestorerContract):
    @pytest.fixture
    def guid(self) -> Guid:
        return GUID

    @pytest.fixture
    def admin(self, guid: Guid) -> InstanceAdmin:
        admin = MemoryInstanceGateway(SettableClock(NOW))
        admin.guids = [Guid("z"), guid, Guid("a")]
        return admin

    @pytest.fixture
    def unreachable(self) -> InstanceAdmin:
        admin = MemoryInstanceGateway(SettableClock(NOW))
        admin.answers = False
        admin.answer = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)
        return admin


class TestMemoryGateway(GatewayContract):
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    def guid(self) -> Guid:
        return GUID

    @pytest.fixture
    def gateway(self, clock: SettableClock, guid: Guid) -> MemoryGateway:
        gateway = MemoryGateway(clock)
        gateway.states[guid] = ClientState.ONLINE
        return gateway

    @pytest.fixture
    def executed(self, gateway: MemoryGateway) -> Callable[[], int]:
        return lambda: len(gateway.executed)

    @pytest.fixture
    def unreachable(self, clock: SettableClock) -> MemoryGateway:
        gateway = MemoryGateway(clock)
        gateway.script(*[an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)] * 3)
        gateway.script_recalls(an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        gateway.answers = False
        return gateway

    async def test_it_does_what_its_script_says(self, gateway: MemoryGateway, clock: SettableClock) -> None:
        async def lose(_: object) -> AttemptOutcome:
            return an_outcome(OutcomeClass.UNCERTAIN)

        gateway.script(an_outcome(OutcomeClass.NOT_SENT), lose)
        kinds = [(await gateway.send(a_dispatch(clock, GUID))).kind for _ in range(3)]
        assert kinds == [OutcomeClass.NOT_SENT, OutcomeClass.UNCERTAIN, OutcomeClass.ACCEPTED]
        assert (len(gateway.calls), len(gateway.executed)) == (3, 2)

    async def test_a_call_inside_a_unit_of_work_is_refused(self, clock: SettableClock) -> None:
        database = MemoryDatabase()
        gateway = MemoryGateway(clock, busy=lambda: database.busy)
        units = MemoryUnitOfWorkFactory(database, clock)
        async with units():
            with pytest.raises(RuntimeError):
                await gateway.send(a_dispatch(clock, GUID))
        assert (await gateway.send(a_dispatch(clock, GUID))).kind is OutcomeClass.ACCEPTED


class MemoryReceiver:
    """A receiver at one URL of a memory adapter."""

    def __init__(self, outbound: MemoryOutbound) -> None:
        self._outbound = outbound
        self.url = "https://hooks.example.com/hook?x=1"

    @property
    def received(self) -> Sequence[Received]:
        return self._outbound.received

    def answer(self, answer: int | OutboundOutcome) -> None:
        self._outbound.answers[self.url] = answer


class TestMemoryOutbound(OutboundContract):
    @pytest.fixture
    def outbound(self) -> MemoryOutbound:
        outbound = MemoryOutbound()
        outbound.addresses = {
            "two.example.com": [ip_address("1.1.1.1"), ip_address("10.0.0.1")], "nowhere.example.com": [],
        }  # fmt: skip
        return outbound

    @pytest.fixture
    def receiver(self, outbound: MemoryOutbound) -> MemoryReceiver:
        return MemoryReceiver(outbound)

    @pytest.fixture
    def blocked_url(self) -> str:
        return "https://two.example.com/hook"

    @pytest.fixture
    def unknown_url(self) -> str:
        return "https://nowhere.example.com/hook"

    async def test_a_request_inside_a_unit_of_work_is_refused(self) -> None:
        database = MemoryDatabase()
        outbound = MemoryOutbound(busy=lambda: database.busy)
        async with MemoryUnitOfWorkFactory(database, SettableClock())():
            with pytest.raises(RuntimeError):
                await self.post(outbound, "https://hooks.example.com/")
        assert (await self.post(outbound, "https://hooks.example.com/")).outcome is OutboundOutcome.DELIVERED


def test_ids_count_up() -> None:
    ids = CountingIds()
    created = [ids.message_id(), ids.batch_id(), ids.message_id()]
    assert created == sorted(set(created))
    assert {len(created_id) for created_id in created} == {36}


class TestMemoryTenants(OnMemory, TenantsContract):
    pass
