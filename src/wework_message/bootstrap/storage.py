"""A database as use cases see it: the ports on it."""

from dataclasses import dataclass

from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.mapping.secret_columns import CLEAR, SecretColumns
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
from wework_message.adapters.sql.repositories.remembered import MAX_REMEMBERED, RememberedMessages
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
from wework_message.domain.ports.store_metrics import StoreMetrics
from wework_message.domain.ports.streams import StreamReader
from wework_message.domain.ports.system import Clock
from wework_message.domain.ports.webhooks import WebhookReader


@dataclass(frozen=True, slots=True)
class Storage:
    """A database as use cases see it: the ports on it."""

    units: UnitOfWorkFactory
    reader: MessageReader
    dead_letters: DeadLetterReader
    accounts: AccountReader
    metrics: StoreMetrics
    pauses: PauseReader
    audit: AuditReader
    callback_tokens: CallbackTokenReader
    api_keys: ApiKeyReader
    replays: ReplayReader
    erasures: ErasureReader
    failed: FailedMessageReader
    bindings: BindingReader
    streams: StreamReader
    webhooks: WebhookReader
    mass: MassReader
    media: MediaReader
    side_by_side: bool = False
    """Whether transactions run side by side; a store that writes one by one gains nothing from a second committer."""


def sql_storage(store: Store, clock: Clock, *, claims: bool = True, secrets: SecretColumns = CLEAR) -> Storage:
    """The ports on an open SQL database, for a process that `claims` messages or not."""
    remembered = RememberedMessages(MAX_REMEMBERED if claims else 0)
    return Storage(
        SqlUnitOfWorkFactory(store, store.dialect, clock, store.turn, store.timeout_s, remembered, secrets),
        SqlMessageReader(store.read, store.search),
        SqlDeadLetterReader(store.read),
        SqlAccountReader(store.read, store.search),
        SqlStoreMetrics(store.read, store.dialect, clock),
        SqlPauseReader(store.read),
        SqlAuditReader(store.search),
        SqlCallbackTokenReader(store.read),
        SqlApiKeyReader(store.read),
        SqlReplayReader(store.read),
        SqlErasureReader(store.read),
        SqlFailedMessageReader(store.search),
        SqlBindingReader(store.read, store.search),
        SqlStreamReader(store.read),
        SqlWebhookReader(store.read, secrets),
        SqlMassReader(store.read, store.dialect, clock),
        SqlMediaReader(store.read, secrets),
        store.side_by_side,
    )
