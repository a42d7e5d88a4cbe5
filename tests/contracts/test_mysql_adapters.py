"""The contract suites on MariaDB, with a second process's pool on the same database."""

from collections.abc import AsyncIterator, Callable

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
from tests.contracts.maintenance_contract import LeaseStoreContract, PruningContract
from tests.contracts.mass_contract import MassContract
from tests.contracts.media_contract import MediaContract
from tests.contracts.media_lifetime_contract import MediaLifetimeContract
from tests.contracts.media_reader_contract import MediaReaderContract
from tests.contracts.message_reader_contract import MessageReaderContract
from tests.contracts.message_repository_contract import MessageRepositoryContract
from tests.contracts.pauses_contract import PausesContract
from tests.contracts.placements_contract import PlacementsContract
from tests.contracts.replays_contract import FailedMessagesContract, ReplaysContract
from tests.contracts.store_metrics_contract import StoreMetricsContract
from tests.contracts.streams_contract import StreamsContract
from tests.contracts.tenants_contract import TenantsContract
from tests.contracts.turn_contract import TurnContract
from tests.contracts.unit_of_work_contract import UnitOfWorkContract
from tests.contracts.webhooks_contract import WebhooksContract
from tests.support.builders.messages import NOW, a_due_message
from tests.support.mysql import EmptyDatabase, opened_store

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.account_reader import SqlAccountReader
from wework_message.adapters.sql.repositories.api_keys import SqlApiKeyReader
from wework_message.adapters.sql.repositories.audit import SqlAuditReader
from wework_message.adapters.sql.repositories.bindings import SqlBindingReader
from wework_message.adapters.sql.repositories.callback_tokens import SqlCallbackTokenReader
from wework_message.adapters.sql.repositories.dead_letters import SqlDeadLetterReader
from wework_message.adapters.sql.repositories.erasures import SqlErasureReader
from wework_message.adapters.sql.repositories.failed_messages import SqlFailedMessageReader
from wework_message.adapters.sql.repositories.mass_reader import SqlMassReader
from wework_message.adapters.sql.repositories.media_reader import SqlMediaReader
from wework_message.adapters.sql.repositories.pauses import SqlPauseReader
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.repositories.replays import SqlReplayReader
from wework_message.adapters.sql.repositories.store_metrics import SqlStoreMetrics
from wework_message.adapters.sql.repositories.streams import SqlStreamReader
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.sql.repositories.webhook_reader import SqlWebhookReader
from wework_message.domain.ports.accounts import AccountReader
from wework_message.domain.ports.api_keys import ApiKeyReader
from wework_message.domain.ports.audit import AuditReader
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.callback_tokens import CallbackTokenReader
from wework_message.domain.ports.control import PauseReader
from wework_message.domain.ports.dead_letters import DeadLetterReader
from wework_message.domain.ports.erasures import ErasureReader
from wework_message.domain.ports.mass import MassReader
from wework_message.domain.ports.media_reader import MediaReader
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.replays import FailedMessageReader, ReplayReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.streams import StreamReader
from wework_message.domain.ports.webhooks import WebhookReader


class OnMariaDb:
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    async def opened(self, migrated: EmptyDatabase) -> AsyncIterator[MysqlStore]:
        async with opened_store(migrated.target, server_clock=False) as store:
            yield store

    @pytest.fixture
    def units(self, opened: MysqlStore, clock: SettableClock) -> UnitOfWorkFactory:
        return SqlUnitOfWorkFactory(opened, opened.dialect, clock, opened.turn)

    @pytest.fixture
    async def other_units(self, migrated: EmptyDatabase, clock: SettableClock) -> AsyncIterator[UnitOfWorkFactory]:
        async with opened_store(migrated.target, server_clock=False) as other:
            yield SqlUnitOfWorkFactory(other, other.dialect, clock, other.turn)

    @pytest.fixture
    def mass_reader(self, opened: MysqlStore, clock: SettableClock) -> MassReader:
        return SqlMassReader(opened.read, opened.dialect, clock)

    @pytest.fixture
    def account_reader(self, opened: MysqlStore) -> AccountReader:
        return SqlAccountReader(opened.read, opened.search)

    @pytest.fixture
    def account_walking(self, opened: MysqlStore) -> Callable[[int], AccountReader]:
        return lambda max_walked: SqlAccountReader(opened.read, opened.search, max_walked=max_walked)

    @pytest.fixture
    def reader(self, opened: MysqlStore) -> MessageReader:
        return SqlMessageReader(opened.read, opened.search)

    @pytest.fixture
    def reader_that_walks(self, opened: MysqlStore) -> Callable[[int], MessageReader]:
        return lambda max_walked: SqlMessageReader(opened.read, opened.search, max_walked=max_walked)

    @pytest.fixture
    def pauses(self, opened: MysqlStore) -> PauseReader:
        return SqlPauseReader(opened.read)

    @pytest.fixture
    def audit(self, opened: MysqlStore) -> AuditReader:
        return SqlAuditReader(opened.search)

    @pytest.fixture
    def callback_tokens(self, opened: MysqlStore) -> CallbackTokenReader:
        return SqlCallbackTokenReader(opened.read)

    @pytest.fixture
    def api_keys(self, opened: MysqlStore) -> ApiKeyReader:
        return SqlApiKeyReader(opened.read)

    @pytest.fixture
    def webhooks(self, opened: MysqlStore) -> WebhookReader:
        return SqlWebhookReader(opened.read)

    @pytest.fixture
    def dead_letters(self, opened: MysqlStore) -> DeadLetterReader:
        return SqlDeadLetterReader(opened.read)

    @pytest.fixture
    def erasures(self, opened: MysqlStore) -> ErasureReader:
        return SqlErasureReader(opened.read)

    @pytest.fixture
    def media_reader(self, opened: MysqlStore) -> MediaReader:
        return SqlMediaReader(opened.read)

    @pytest.fixture
    def replays(self, opened: MysqlStore) -> ReplayReader:
        return SqlReplayReader(opened.read)

    @pytest.fixture
    def failed_walking(self, opened: MysqlStore) -> Callable[[int], FailedMessageReader]:
        return lambda max_walked: SqlFailedMessageReader(opened.search, max_walked=max_walked)

    @pytest.fixture
    def bindings(self, opened: MysqlStore) -> BindingReader:
        return SqlBindingReader(opened.read, opened.search)

    @pytest.fixture
    def bindings_walking(self, opened: MysqlStore) -> Callable[[int], BindingReader]:
        return lambda max_walked: SqlBindingReader(opened.read, opened.search, max_walked=max_walked)

    @pytest.fixture
    def streams(self, opened: MysqlStore) -> StreamReader:
        return SqlStreamReader(opened.read)


class TestMariaDbMessageRepository(OnMariaDb, MessageRepositoryContract):
    pass


class TestMariaDbTurns(OnMariaDb, TurnContract):
    pass


class TestMariaDbClaims(OnMariaDb, ClaimContract):
    async def test_a_new_message_that_another_unit_of_work_is_changing_is_left_out(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        message, neighbour = a_due_message(), a_due_message(conversation_id="R:2")
        await self.add(units, message, neighbour)
        async with other_units() as other:
            assert await other.messages.get([message.id])
            assert await self.due_ids(units) == [neighbour.id]
        assert await self.due_ids(units) == [message.id, neighbour.id]


class TestMariaDbUnitOfWork(OnMariaDb, UnitOfWorkContract):
    pass


class TestMariaDbEchoes(OnMariaDb, EchoRepositoryContract):
    pass


class TestMariaDbCallbackInbox(OnMariaDb, CallbackInboxContract):
    pass


class TestMariaDbBindings(OnMariaDb, BindingReaderContract):
    pass


class TestMariaDbDeadLetters(OnMariaDb, DeadLettersContract):
    pass


class TestMariaDbCallbackTokens(OnMariaDb, CallbackTokensContract):
    pass


class TestMariaDbApiKeys(OnMariaDb, ApiKeysContract):
    pass


class TestMariaDbStreams(OnMariaDb, StreamsContract):
    pass


class TestMariaDbAudit(OnMariaDb, AuditContract):
    """The audit trail."""


class TestMariaDbPauses(OnMariaDb, PausesContract):
    pass


class TestMariaDbMass(OnMariaDb, MassContract):
    pass


class TestMariaDbPlacements(OnMariaDb, PlacementsContract):
    pass


class TestMariaDbWebhooks(OnMariaDb, WebhooksContract):
    pass


class TestMariaDbMedia(OnMariaDb, MediaContract):
    pass


class TestMariaDbMediaReader(OnMariaDb, MediaReaderContract):
    pass


class TestMariaDbMediaLifetime(OnMariaDb, MediaLifetimeContract):
    pass


class TestMariaDbFailedMessages(OnMariaDb, FailedMessagesContract):
    pass


class TestMariaDbErasures(OnMariaDb, ErasuresContract):
    pass


class TestMariaDbReplays(OnMariaDb, ReplaysContract):
    pass


class TestMariaDbAccountRepository(OnMariaDb, AccountRepositoryContract):
    pass


class TestMariaDbMessageReader(OnMariaDb, MessageReaderContract):
    pass


class TestMariaDbLeaseStore(OnMariaDb, LeaseStoreContract):
    pass


class TestMariaDbPruning(OnMariaDb, PruningContract):
    pass


class TestMariaDbStoreMetrics(OnMariaDb, StoreMetricsContract):
    @pytest.fixture
    def store_metrics(self, opened: MysqlStore, clock: SettableClock) -> SqlStoreMetrics:
        return SqlStoreMetrics(opened.read, opened.dialect, clock)


class TestMysqlTenants(OnMariaDb, TenantsContract):
    pass
