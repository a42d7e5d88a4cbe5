"""The settings as one frozen tree; attribute names are the keys of `application.yml` with ``_`` for ``-``.

Ranges are in the types and are checked when a file or a variable is read; the defaults here are those of the product.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from wework_message.bootstrap.settings.callbacks import CallbackAccessSettings, CallbackSettings
from wework_message.bootstrap.settings.compat import CompatSettings
from wework_message.bootstrap.settings.evidence import UnknownSettings
from wework_message.bootstrap.settings.http import (
    ManagementSettings,
    OutboundSettings,
    SecuritySettings,
    ServerSettings,
)
from wework_message.bootstrap.settings.logs import LoggingSettings
from wework_message.bootstrap.settings.media import MediaSettings
from wework_message.bootstrap.settings.nacos import NacosSettings
from wework_message.bootstrap.settings.providers import WeworkSettings
from wework_message.bootstrap.settings.retention import AuditSettings, RetentionSettings
from wework_message.bootstrap.settings.secrets import RedisUrl, Secret, SecretUrl
from wework_message.bootstrap.settings.section import Section
from wework_message.bootstrap.settings.sending import MassSettings, SpoolSettings, SyncSettings
from wework_message.bootstrap.settings.tls import DatabaseLinkSettings, LinkFilesSettings, QueueLinkSettings

EMBEDDED_DATABASE: Final = "sqlite:///var/wework-message.db"
"""`datasource.url` without a profile, or with `dev`, where it is not set."""

_Ms: TypeAlias = Annotated[int, Meta(ge=1, le=600_000)]
_Count: TypeAlias = Annotated[int, Meta(ge=1, le=10_000)]
_Many: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
_RedisUrl: TypeAlias = Annotated[
    RedisUrl,
    Meta(
        extra={
            "allowed": "redis://[user:password@]host[:port][/database] or rediss://..., with special characters of the password as %XX"
        }
    ),
]
_Tenant: TypeAlias = Annotated[
    str, Meta(pattern=r"^[!-~]{1,64}$", extra={"allowed": "1 to 64 printable ASCII characters without spaces"})
]
_Word: TypeAlias = Annotated[str, Meta(pattern=r"^\S+$", extra={"allowed": "a text without spaces"})]


class DatasourceSettings(Section, frozen=True):
    """The database, the single source of truth (D-10)."""

    url: SecretUrl | None = None
    """``sqlite:///relative``, ``sqlite:////absolute`` or ``mysql://user:password@host:3306/database``.

    Loaded settings hold the embedded default where a profile allows it; None then means that the start is refused.
    """
    username: str | None = None
    """MySQL user, where the URL names none."""
    password: Secret | None = None
    """MySQL password, where the URL names none."""
    auto_migrate: bool = True
    """Migrate at start under a lock; false = a schema behind or ahead stops the start (D-37)."""
    accept_data_loss: bool = False
    """Start on a MySQL server that does not write each commit to the disk, too."""
    timeout_seconds: Annotated[int, Meta(ge=1, le=600)] = 10
    """Seconds for the statements of a transaction, for its commit, and for a query; a request is answered 503 within three times that."""
    prepared_statements: bool = True
    """A MariaDB server keeps statements prepared, up to 256 a connection; not through a proxy that changes sessions (ADR 30)."""
    tls: DatabaseLinkSettings = DatabaseLinkSettings()


class RedisSettings(Section, frozen=True):
    """What processes share in addition to the database; nothing that correctness needs."""

    url: _RedisUrl | None = None
    """``redis://[:password@]host:6379/0`` or ``rediss://...``; null = in memory of the process."""
    cache_status: bool = False
    """Keep statuses in Redis for clients that poll (ADR 0018)."""
    tls: LinkFilesSettings = LinkFilesSettings()


class TopicSettings(Section, frozen=True):
    """RocketMQ topics."""

    due: _Word = "wework-message-due"
    """Wake-ups with the ids of due messages."""
    intake: _Word | None = None
    """Requests of other systems, such as the Java service's `async-message-send`; null = none are read."""
    callbacks: _Word | None = None
    """Wake-ups for stored callbacks; null = none are published (D-58)."""


class IntakeSettings(Section, frozen=True):
    """How the topic of other systems' sends is read."""

    group: _Word | None = None
    """Its consumer group; null = ``<rocketmq.group>-intake``. No other service may read with it at the same time."""
    tenant: _Tenant = "default"
    """Whose these sends and their dead letters are."""
    unique_keys: bool = False
    """Whether two messages with one key (KEYS) are one message; otherwise a key is for searching only (ADR 23)."""


class ProducerSettings(Section, frozen=True):
    """RocketMQ producer, in the Java service's keys (D-60)."""

    group: _Word = "message-service-producer"
    """Producer group; native transport only."""
    send_message_timeout: _Ms = 3000
    """Request timeout of the client, ms, rounded up to whole seconds."""
    retry_times_when_send_failed: Annotated[int, Meta(ge=0, le=100)] = 3
    """Tries of one publish before polling has to find the message."""


class RocketmqSettings(Section, frozen=True):
    """The queue that wakes other processes; the database stays the single source of truth."""

    name_server: _Word | None = None
    """``host:9876[;host:9876]``; null = in-process queue."""
    endpoints: _Word | None = None
    """gRPC proxy ``host:8081``; null = first name server's host, port 8081."""
    create_topics: bool = True
    """Create missing topics and groups at start, where the cluster allows it."""
    topics: TopicSettings = TopicSettings()
    intake: IntakeSettings = IntakeSettings()
    group: _Word = "wework-message-dispatch"
    """Consumer group."""
    producer: ProducerSettings = ProducerSettings()
    transport: Literal["grpc", "native"] = "grpc"
    """Official gRPC client, or the one that needs a C++ library."""
    access_key: Secret | None = None
    secret_key: Secret | None = None
    tls: QueueLinkSettings = QueueLinkSettings()
    namespace: str | None = None
    """Resource namespace of the cluster."""


class AsyncSettings(Section, frozen=True):
    """Sending in the background (D-42)."""

    enabled: bool = True
    """False = the async route answers 503."""
    core_pool_size: Annotated[int, Meta(ge=0, le=10_000)] = 10
    """Accepted for compatibility with the Java service, without effect."""
    max_pool_size: Annotated[int, Meta(ge=1, le=1000)] = 50
    """Provider calls in flight per process."""


class RetrySettings(Section, frozen=True):
    """Quick tries of what is provably unsent (D-47 and D-55)."""

    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    """Quick tries of one message; the request's `retryCount` overrides it."""
    delay_ms: Annotated[int, Meta(ge=1, le=60_000)] = 1000
    """First backoff, ms; later ones grow up to 60 s."""


class LimitSettings(Section, frozen=True):
    """Limits of one request or account."""

    max_batch_size: Annotated[int, Meta(ge=1, le=200)] = 200
    """Items of one batch request."""
    rate_limit_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    """Messages per account and minute; what exceeds it waits and does not fail (D-22)."""
    max_text_length: _Count = 4000
    """Characters of one text."""
    earliest_year: Annotated[int, Meta(ge=1970, le=2100)] = 2020
    """Instants in requests begin with this year."""
    max_days_ahead: Annotated[int, Meta(ge=1, le=36_500)] = 365
    """Instants in requests are at most so many days from now."""
    max_callback_records: _Count = 1_000
    """Records of one callback that are stored each for itself; the rest of them is quarantined as one."""
    max_pending_callbacks: _Many = 100_000
    """Callbacks that wait to be applied; beyond it they are answered 503."""
    max_pending_callbacks_per_guid: _Many = 20_000
    """The same for one guid."""
    max_mass_recipients: Annotated[int, Meta(ge=1, le=10_000)] = 200
    """Recipients of one mass send over both lists; calls carry at most 200 (D-57)."""
    max_waiting_requests: Annotated[int, Meta(ge=0, le=100_000)] = 2_000
    """Requests of one process that may wait for a change of status at once."""


class MessageSettings(Section, frozen=True):
    """Everything below `app.message`."""

    async_: AsyncSettings = msgspec.field(default=AsyncSettings(), name="async")
    retry: RetrySettings = RetrySettings()
    limits: LimitSettings = LimitSettings()
    mass: MassSettings = MassSettings()
    sync: SyncSettings = SyncSettings()
    unknown: UnknownSettings = UnknownSettings()
    callbacks: CallbackSettings = CallbackSettings()
    retention: RetentionSettings = RetentionSettings()


class AppSettings(Section, frozen=True):
    """Everything below `app`."""

    wework: WeworkSettings = WeworkSettings()
    message: MessageSettings = MessageSettings()
    callbacks: CallbackAccessSettings = CallbackAccessSettings()
    audit: AuditSettings = AuditSettings()
    outbound: OutboundSettings = OutboundSettings()
    media: MediaSettings = MediaSettings()
    spool: SpoolSettings = SpoolSettings()
    compat: CompatSettings = CompatSettings()


class Settings(Section, frozen=True):
    """Every setting of the service; built by `load`, never changed afterwards."""

    server: ServerSettings = ServerSettings()
    management: ManagementSettings = ManagementSettings()
    datasource: DatasourceSettings = DatasourceSettings()
    redis: RedisSettings = RedisSettings()
    rocketmq: RocketmqSettings = RocketmqSettings()
    nacos: NacosSettings = NacosSettings()
    app: AppSettings = AppSettings()
    logging: LoggingSettings = LoggingSettings()
    security: SecuritySettings = SecuritySettings()
