"""The limits and times of the use cases, read from the settings once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from wework_message.domain.access.api_keys import DEFAULT_ENVIRONMENT
from wework_message.domain.callers import CallbackAccess
from wework_message.domain.horizon import lease_ms
from wework_message.domain.ids import ProviderCode
from wework_message.domain.inbox import InboxLimits
from wework_message.domain.mass.day import DEFAULT_ZONE
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.ports.gateway import MAX_CALLBACK_RECORDS
from wework_message.domain.ports.instances import Notify
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.provider import Provider, default_provider

DAY_MS: Final = 24 * 3_600_000

PROBE_INTERVAL_MS: Final = 15_000
"""Background probes of providers and suspect bindings (M-6.5)."""


@dataclass(frozen=True, slots=True)
class InstancePolicy:
    """What the service may set at the instances of one provider; nothing unless the operator says so."""

    callback_url: str | None = field(default=None, repr=False)
    """Its path may hold a token, so nothing prints it."""
    notify: Notify | None = None
    mark_read: bool = False
    """Whether clients may mark conversations as read."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator configured, as the use cases need it. All times in ms. Only `follow` changes it."""

    providers: Mapping[ProviderCode, Provider]
    retry: RetryPolicy
    calls_in_flight: int = 50
    """Provider calls at once in this process (`app.message.async.max-pool-size`)."""
    rate_per_minute: int = 1000
    """Per account (`app.message.limits.rate-limit-per-minute`)."""
    horizon_ms: int = 90_000
    """H: how late an echo may come."""
    sync_interval_ms: int = 60_000
    """How often the stream of every instance is pulled, where it is (`app.message.unknown.sync-interval-seconds`)."""
    on_unknown: OnUnknown = OnUnknown.HOLD
    fail_unknown_after_ms: int = DAY_MS
    sync_wait_ms: int = 10_000
    expire_after_ms: int = DAY_MS
    confirm_above: int = 200
    """Recipients of a mass send that needs no confirmation, at most (`app.message.mass.confirm-above`)."""
    mass_zone: str = DEFAULT_ZONE
    """Whose days count where an account has no zone of its own (`app.message.mass.zone`)."""
    async_enabled: bool = True
    keep_callbacks_ms: int = 30 * DAY_MS
    """Finished callbacks."""
    keep_raw_ms: int | None = None
    """The texts of finished callbacks; None = as long as the callbacks."""
    keep_quarantine_ms: int = 30 * DAY_MS
    """Callbacks that are kept for people."""
    inbox: InboxLimits = field(default_factory=InboxLimits)
    """How many callbacks wait and are kept (`app.message.limits`)."""
    max_callback_records: int = MAX_CALLBACK_RECORDS
    """Records of one callback that are stored each for itself."""
    keep_messages_ms: int | None = None
    """Messages at rest; None = for ever."""
    keep_content_ms: int | None = None
    """Contents of messages at rest; None = as long as the messages."""
    keep_media_ms: int = 7 * DAY_MS
    """Media assets after their last use (`app.media.retention-days`)."""
    keep_audit_ms: int = 730 * DAY_MS
    """Entries of the audit trail (`app.audit.retention-days`)."""
    poll_due_ms: int = 1_000
    """How often the due table is polled without a wake-up: for scheduled messages, retries, and lost wake-ups."""
    poll_inbox_ms: int = 5_000
    """The same for callbacks: another process may have stored them and died."""
    poll_status_ms: int = 500
    """When a waiter polls for the first time; later polls come less often."""
    admin_user_ids: frozenset[str] = frozenset()
    """Admins of rooms: they may recall the accounts' messages (`app.message.callbacks.admin-user-ids`)."""
    max_foreign_ids: int = 100
    """Message ids that are none of ours in one callback; more are reported (`app.message.callbacks.max-foreign-ids`)."""
    callback_access: CallbackAccess = field(default_factory=CallbackAccess)
    """Who may bring callbacks (`app.callbacks`)."""
    asks_for_keys: bool = False
    """Whether callers must show an API key or a token (`security.mode: keys`)."""
    key_environment: str = DEFAULT_ENVIRONMENT
    """The environment of API keys that are valid here (`security.environment`)."""
    media_fresh_ms: int = 600_000
    """How long the same URL is the same media asset (`app.media.url-fresh-seconds`)."""
    max_waiters: int = 2_000
    """Requests that may wait for a change at once in this process (`app.message.limits.max-waiting-requests`)."""
    instances: Mapping[ProviderCode, InstancePolicy] = field(default_factory=dict)
    """Providers at whose instances the service may set something."""
    wecom_user_ids: Mapping[str, str] = field(default_factory=dict)
    """Own user id by guid, where it is configured."""

    @property
    def enabled(self) -> frozenset[ProviderCode]:
        """The enabled providers."""
        return frozenset(code for code, provider in self.providers.items() if provider.enabled)

    @property
    def recalls_in_flight(self) -> int:
        """Recalls at once in this process, beside its other calls: one for each eight of them, and at least one."""
        return max(1, self.calls_in_flight // 8)

    @property
    def default_code(self) -> ProviderCode | None:
        """The default provider's code; None where none is enabled (D-54)."""
        provider = default_provider(self.providers.values())
        return provider.code if provider is not None else None

    def taking_files(self, codes: Collection[ProviderCode]) -> "Policy":
        """The same, knowing that these providers take files of ours, and others do not."""
        providers = {
            code: replace(provider, capabilities=replace(provider.capabilities, uploads=code in codes))
            for code, provider in self.providers.items()
        }
        return replace(self, providers=providers)

    def follow(self, newer: "Policy") -> None:
        """Become as `newer`, for all who hold this one: they read what may change when they use it (ADR 78)."""
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, getattr(newer, name))

    def lease_ms(self, provider_code: ProviderCode) -> int:
        """How long a call's row stays leased."""
        return lease_ms(self.providers[provider_code].timeout_ms)
