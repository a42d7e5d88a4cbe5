"""The settings as one frozen tree; attribute names are the keys of `application.yml` with ``_`` for ``-``.

Ranges are in the types and are checked when a file or a variable is read; the defaults here are those of the product.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from wework_message.bootstrap.settings.callbacks import CallbackAccessSettings, CallbackSettings
from wework_message.bootstrap.settings.evidence import SettleSettings, UnknownSettings
from wework_message.bootstrap.settings.http import (
    ManagementSettings,
    OutboundSettings,
    SecuritySettings,
    ServerSettings,
)
from wework_message.bootstrap.settings.logs import LoggingSettings
from wework_message.bootstrap.settings.media import MediaSettings
from wework_message.bootstrap.settings.provider_media import ProviderMassSettings, ProviderMediaSettings
from wework_message.bootstrap.settings.retention import RetentionSettings
from wework_message.bootstrap.settings.secrets import SIMULATOR, CallbackUrl, ProviderUrl, Secret, SecretUrl
from wework_message.bootstrap.settings.section import Section
from wework_message.domain.outcomes import OutcomeClass

EMBEDDED_DATABASE: Final = "sqlite:///var/wework-message.db"
"""`datasource.url` without a profile, or with `dev`, where it is not set."""

_Ms: TypeAlias = Annotated[int, Meta(ge=1, le=600_000)]
_Count: TypeAlias = Annotated[int, Meta(ge=1, le=10_000)]
_Many: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
_Word: TypeAlias = Annotated[str, Meta(pattern=r"^\S+$", extra={"allowed": "a text without spaces"})]
_BaseUrl: TypeAlias = Annotated[
    ProviderUrl,
    Meta(extra={"allowed": f"an http or https URL without credentials and options, or {SIMULATOR}"}),
]
_CallbackUrl: TypeAlias = Annotated[
    CallbackUrl, Meta(extra={"allowed": "an http or https URL without credentials and options"})
]
_Protocol: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9-]+$", extra={"allowed": "a protocol such as guxing"})]
_Code: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Z0-9_]{1,32}$", extra={"allowed": "1 to 32 of A to Z, 0 to 9 and _"})
]
_ResultCode: TypeAlias = Annotated[str, Meta(pattern=r"^-?[1-9][0-9]*$")]
_OutcomeCodes: TypeAlias = Annotated[
    Mapping[_ResultCode, OutcomeClass],
    Meta(extra={"allowed": f"a map of the provider's non-zero codes to one of {', '.join(OutcomeClass)}"}),
]


_Options: TypeAlias = Annotated[
    Mapping[Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")], Secret],
    Meta(extra={"allowed": "a map of option names, lower case with single hyphens, to texts"}),
]


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


class RedisSettings(Section, frozen=True):
    """What processes share in addition to the database; nothing that correctness needs."""

    url: SecretUrl | None = None
    """``redis://[:password@]host:6379/0`` or ``rediss://...``; null = in memory of the process."""
    cache_status: bool = False
    """Keep statuses in Redis for clients that poll (ADR 0018)."""


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
    tls: bool = False
    """TLS to the endpoints."""
    namespace: str | None = None
    """Resource namespace of the cluster."""


class ProviderSettings(Section, frozen=True):
    """One provider of the vendor API (D-20); its key is lower case with hyphens."""

    code: _Code
    """Code in the API; default = the key in upper snake case."""
    name: str
    """Name for people; default = the code (广州孤星 for `guangzhou-guxing`)."""
    enabled: bool = True
    """False = never chosen."""
    priority: Annotated[int, Meta(ge=0, le=10_000)] = 1
    """Smaller wins; the enabled provider with the smallest is the default one, ties by file order (D-54)."""
    weight: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Share among providers of one priority."""
    protocol: _Protocol = "guxing"
    """The protocol of the adapter."""
    api_base_url: _BaseUrl | None = None
    """http(s) URL without credentials, printed without its path; `simulator`, or null with the embedded profile = the built-in simulator."""
    timeout_ms: _Ms = 30_000
    """Total deadline of one call, ms (D-39)."""
    retry_count: Annotated[int, Meta(ge=0, le=100)] = 3
    """Cap of the quick tries at this provider; 0 counts as 1 (D-47), see `quick_tries`."""
    rate_limit_per_minute: _Many | None = None
    """Messages of all accounts together at this provider, per minute; what exceeds it goes to a sibling binding or waits. null = no limit."""
    rate_limit_per_hour: _Many | None = None
    """The same per hour."""
    rate_limit_per_day: _Many | None = None
    """The same per day."""
    max_accounts: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    """Accounts that `place` puts there at most; 0 = none, null = any number. What is bound by hand counts, and is not limited."""
    outcome_codes: _OutcomeCodes = msgspec.field(default_factory=dict)
    """Provider's result code -> outcome class, in addition to the built-in table of the contract (D-43)."""
    callback_url: _CallbackUrl | None = None
    """Set at every instance, at the start and when it is registered; http(s), as the provider reaches us; printed without its path."""
    notify: Literal["OWN", "ALL"] | None = None
    """Set at every instance, too: it reports messages that its account sent (OWN), or those of others as well; null = as it is."""
    mark_read: bool = False
    """Clients may mark conversations as read."""
    settle: SettleSettings = SettleSettings()
    """How what is uncertain there is settled."""
    media: ProviderMediaSettings = ProviderMediaSettings()
    mass: ProviderMassSettings = ProviderMassSettings()
    options: _Options = msgspec.field(default_factory=dict)
    """Further options of its protocol. All are kept as secrets; the protocol says which ones are none."""

    @property
    def quick_tries(self) -> int:
        """Quick tries at this provider, at least 1."""
        return max(1, self.retry_count)


class WeworkSettings(Section, frozen=True):
    """The providers, in the order of the files."""

    providers: Mapping[str, ProviderSettings] = msgspec.field(default_factory=dict)
    """Provider key -> provider; never empty once loaded."""


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
    max_mass_recipients: _Count = 200
    """Recipients of one mass send over both lists; calls carry at most 200 (D-57)."""
    max_waiting_requests: Annotated[int, Meta(ge=0, le=100_000)] = 2_000
    """Requests of one process that may wait for a change of status at once."""


class SyncSettings(Section, frozen=True):
    """The synchronous send."""

    wait_ms: Annotated[int, Meta(ge=1, le=30_000)] = 10_000
    """How long a sync send waits for the outcome before it answers 202, ms (D-39)."""


class MessageSettings(Section, frozen=True):
    """Everything below `app.message`."""

    async_: AsyncSettings = msgspec.field(default=AsyncSettings(), name="async")
    retry: RetrySettings = RetrySettings()
    limits: LimitSettings = LimitSettings()
    sync: SyncSettings = SyncSettings()
    unknown: UnknownSettings = UnknownSettings()
    callbacks: CallbackSettings = CallbackSettings()
    retention: RetentionSettings = RetentionSettings()


class SpoolSettings(Section, frozen=True):
    """Answers that the database could not take while it was away (ADR 60)."""

    directory: Annotated[str, Meta(min_length=1)] = "var/spool"
    """Folder on a disk that outlives the process; all processes of one machine may share it."""


class AppSettings(Section, frozen=True):
    """Everything below `app`."""

    wework: WeworkSettings = WeworkSettings()
    message: MessageSettings = MessageSettings()
    callbacks: CallbackAccessSettings = CallbackAccessSettings()
    outbound: OutboundSettings = OutboundSettings()
    media: MediaSettings = MediaSettings()
    spool: SpoolSettings = SpoolSettings()


class Settings(Section, frozen=True):
    """Every setting of the service; built by `load`, never changed afterwards."""

    server: ServerSettings = ServerSettings()
    management: ManagementSettings = ManagementSettings()
    datasource: DatasourceSettings = DatasourceSettings()
    redis: RedisSettings = RedisSettings()
    rocketmq: RocketmqSettings = RocketmqSettings()
    app: AppSettings = AppSettings()
    logging: LoggingSettings = LoggingSettings()
    security: SecuritySettings = SecuritySettings()
