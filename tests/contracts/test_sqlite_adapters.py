"""The contract suites on SQLite files, with a second process's engine on the same file."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Update, update
from tests.contracts.account_repository_contract import SALES, AccountRepositoryContract, save, stored
from tests.contracts.api_keys_contract import ApiKeysContract
from tests.contracts.audit_contract import AuditContract
from tests.contracts.binding_reader_contract import BOTH, LATER, LONE, TWICE, BindingReaderContract
from tests.contracts.callback_inbox_contract import CallbackInboxContract
from tests.contracts.callback_tokens_contract import CallbackTokensContract
from tests.contracts.claim_contract import ClaimContract
from tests.contracts.dead_letters_contract import DeadLettersContract
from tests.contracts.echo_repository_contract import EchoRepositoryContract
from tests.contracts.erasures_contract import ErasuresContract
from tests.contracts.maintenance_contract import AGE, LeaseStoreContract, PruningContract
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
from tests.support.builders.api_keys import an_api_key
from tests.support.builders.messages import BACKUP, NOW, PROVIDER, a_due_message
from tests.support.sqlite import EmptyFile

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.mapping.pool_table import pool_choice
from wework_message.adapters.sql.mapping.tables import account, binding
from wework_message.adapters.sql.repositories import pruned_choices
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
from wework_message.adapters.sql.sqlite.dialect import SqliteDialect
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.pools import PoolChoice
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
from wework_message.domain.quota import NO_LIMITS


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmptyFile]:
    file = EmptyFile(tmp_path_factory.mktemp("sqlite") / "wework-message.db")
    yield file
    file.close()


class OnSqlite:
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    async def opened(self, empty_file: EmptyFile) -> SqliteStore:
        return await empty_file.emptied()

    @pytest.fixture
    def units(self, opened: SqliteStore, clock: SettableClock) -> UnitOfWorkFactory:
        return SqlUnitOfWorkFactory(opened, SqliteDialect(), clock)

    @pytest.fixture
    def other_units(self, opened: SqliteStore, empty_file: EmptyFile, clock: SettableClock) -> UnitOfWorkFactory:
        assert opened is not None
        return SqlUnitOfWorkFactory(empty_file.other(), SqliteDialect(), clock)

    @pytest.fixture
    def mass_reader(self, opened: SqliteStore, clock: SettableClock) -> MassReader:
        return SqlMassReader(opened.read, SqliteDialect(), clock)

    @pytest.fixture
    def account_reader(self, opened: SqliteStore) -> AccountReader:
        return SqlAccountReader(opened.read, opened.search)

    @pytest.fixture
    def account_walking(self, opened: SqliteStore) -> Callable[[int], AccountReader]:
        return lambda max_walked: SqlAccountReader(opened.read, opened.search, max_walked=max_walked)

    @pytest.fixture
    def reader(self, opened: SqliteStore) -> MessageReader:
        return SqlMessageReader(opened.read, opened.search)

    @pytest.fixture
    def reader_that_walks(self, opened: SqliteStore) -> Callable[[int], MessageReader]:
        return lambda max_walked: SqlMessageReader(opened.read, opened.search, max_walked=max_walked)

    @pytest.fixture
    def pauses(self, opened: SqliteStore) -> PauseReader:
        return SqlPauseReader(opened.read)

    @pytest.fixture
    def audit(self, opened: SqliteStore) -> AuditReader:
        return SqlAuditReader(opened.search)

    @pytest.fixture
    def callback_tokens(self, opened: SqliteStore) -> CallbackTokenReader:
        return SqlCallbackTokenReader(opened.read)

    @pytest.fixture
    def api_keys(self, opened: SqliteStore) -> ApiKeyReader:
        return SqlApiKeyReader(opened.read)

    @pytest.fixture
    def webhooks(self, opened: SqliteStore) -> WebhookReader:
        return SqlWebhookReader(opened.read)

    @pytest.fixture
    def dead_letters(self, opened: SqliteStore) -> DeadLetterReader:
        return SqlDeadLetterReader(opened.read)

    @pytest.fixture
    def erasures(self, opened: SqliteStore) -> ErasureReader:
        return SqlErasureReader(opened.read)

    @pytest.fixture
    def media_reader(self, opened: SqliteStore) -> MediaReader:
        return SqlMediaReader(opened.read)

    @pytest.fixture
    def replays(self, opened: SqliteStore) -> ReplayReader:
        return SqlReplayReader(opened.read)

    @pytest.fixture
    def failed_walking(self, opened: SqliteStore) -> Callable[[int], FailedMessageReader]:
        return lambda max_walked: SqlFailedMessageReader(opened.search, max_walked=max_walked)

    @pytest.fixture
    def bindings(self, opened: SqliteStore) -> BindingReader:
        return SqlBindingReader(opened.read, opened.search)

    @pytest.fixture
    def bindings_walking(self, opened: SqliteStore) -> Callable[[int], BindingReader]:
        return lambda max_walked: SqlBindingReader(opened.read, opened.search, max_walked=max_walked)

    @pytest.fixture
    def streams(self, opened: SqliteStore) -> StreamReader:
        return SqlStreamReader(opened.read)


class TestSqliteMessageRepository(OnSqlite, MessageRepositoryContract):
    pass


class TestSqliteTurns(OnSqlite, TurnContract):
    pass


class TestSqliteClaims(OnSqlite, ClaimContract):
    pass


class TestSqliteUnitOfWork(OnSqlite, UnitOfWorkContract):
    pass


class TestSqliteEchoes(OnSqlite, EchoRepositoryContract):
    pass


class TestSqliteCallbackInbox(OnSqlite, CallbackInboxContract):
    pass


class TestSqliteBindings(OnSqlite, BindingReaderContract):
    @pytest.mark.parametrize(
        "change",
        [
            update(binding).values(standby="COLD"),
            update(binding).values(enabled=False),
            update(account).values(enabled=False),
        ],
        ids=["cold", "disabled", "account disabled"],
    )
    async def test_what_cannot_send_is_neither_a_sibling_nor_without_one(
        self, opened: SqliteStore, units: UnitOfWorkFactory, bindings: BindingReader, change: Update
    ) -> None:
        """No port writes such rows yet."""
        await self.open(units)
        of_account = change.table is account
        key = account.c.account_id == f"guid:{TWICE}" if of_account else binding.c.provider_code == BACKUP
        await opened.transact(lambda connection: connection.execute(change.where(key)).close())
        page = await bindings.without_sibling(DEFAULT_TENANT, PROVIDER, BOTH, limit=9, after=None)
        assert [only.guid for only in page.bindings] == ([LONE, LATER] if of_account else [LONE, LATER, TWICE])


class TestSqliteDeadLetters(OnSqlite, DeadLettersContract):
    pass


class TestSqliteCallbackTokens(OnSqlite, CallbackTokensContract):
    pass


class TestSqliteApiKeys(OnSqlite, ApiKeysContract):
    async def test_a_scope_of_another_version_is_one_that_the_key_has_not(
        self, units: UnitOfWorkFactory, api_keys: ApiKeyReader, opened: SqliteStore
    ) -> None:
        await self.add(units, an_api_key())
        await opened.transact(
            lambda connection: connection.exec_driver_sql("UPDATE wm_api_key SET scopes = 'new:scope messages:send'")
        )
        (key,) = await api_keys.api_keys()
        assert key == an_api_key()


class TestSqliteStreams(OnSqlite, StreamsContract):
    pass


class TestSqliteAudit(OnSqlite, AuditContract):
    """The audit trail."""


class TestSqlitePauses(OnSqlite, PausesContract):
    pass


class TestSqliteMass(OnSqlite, MassContract):
    pass


class TestSqlitePlacements(OnSqlite, PlacementsContract):
    pass


class TestSqliteWebhooks(OnSqlite, WebhooksContract):
    pass


class TestSqliteMedia(OnSqlite, MediaContract):
    pass


class TestSqliteMediaReader(OnSqlite, MediaReaderContract):
    pass


class TestSqliteMediaLifetime(OnSqlite, MediaLifetimeContract):
    pass


class TestSqliteFailedMessages(OnSqlite, FailedMessagesContract):
    pass


class TestSqliteErasures(OnSqlite, ErasuresContract):
    pass


class TestSqliteReplays(OnSqlite, ReplaysContract):
    pass


class TestSqliteAccountRepository(OnSqlite, AccountRepositoryContract):
    async def test_an_account_whose_limits_cannot_be_read_is_switched_off_and_says_so(
        self, opened: SqliteStore, units: UnitOfWorkFactory
    ) -> None:
        """The time zone database of another machine may know more zones."""
        await save(units, SALES)
        limits = '{"quiet_hours":{"from_minute":1,"to_minute":2,"zone":"Nowhere/At_All"}}'
        elsewhere = update(account).values(limits=limits)
        await opened.transact(lambda connection: connection.execute(elsewhere).close())
        read, _ = await stored(units, SALES.account_id)
        assert (read.enabled, read.limits, read.limits_known) == (False, NO_LIMITS, False)


class TestSqliteMessageReader(OnSqlite, MessageReaderContract):
    async def test_a_guid_is_found_with_an_account_that_is_named_otherwise(
        self, opened: SqliteStore, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        """Such a row is registered by hand: no port writes it yet."""
        guid, account_id = Guid("guid-d"), AccountId("two-instances")
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(guid, PROVIDER)])
            await unit.commit()
        registered = update(binding).where(binding.c.guid == guid).values(account_id=account_id)
        await opened.transact(lambda connection: connection.execute(registered).close())
        message = a_due_message(guid=guid, account_id=account_id)
        await self.add(units, message)
        assert await self.ids(reader, MessageFilter(guid=guid)) == [message.id]


class TestSqliteLeaseStore(OnSqlite, LeaseStoreContract):
    pass


class TestSqlitePruning(OnSqlite, PruningContract):
    async def test_a_choice_that_is_replaced_while_it_is_looked_at_is_another_one_and_stays(
        self, units: UnitOfWorkFactory, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On a server another process may commit in between; here it happens on the same connection."""
        choice = PoolChoice(DEFAULT_TENANT, "sales", "R:1", AccountId("a"))
        await self.choose(units, clock.now(), choice)
        clock.advance(AGE + 1)

        def replaced(connection: Connection, _: object) -> bool:
            connection.execute(update(pool_choice).values(account_id="b", chosen_at=clock.now())).close()
            return False

        with monkeypatch.context() as patched:
            patched.setattr(pruned_choices, "_is_in_use", replaced)
            await self.prune_choices(units)
        assert await self.choose(units, clock.now(), choice) == ["b"]


class TestSqliteStoreMetrics(OnSqlite, StoreMetricsContract):
    @pytest.fixture
    def store_metrics(self, opened: SqliteStore, clock: SettableClock) -> SqlStoreMetrics:
        return SqlStoreMetrics(opened.read, opened.dialect, clock)


class TestSqliteTenants(OnSqlite, TenantsContract):
    pass
