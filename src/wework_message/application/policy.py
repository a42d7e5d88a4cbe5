"""The numbers that use cases work by, taken from the settings once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wework_message.domain.draft import OnUnknown
from wework_message.domain.ids import ProviderCode
from wework_message.domain.provider import Provider
from wework_message.domain.retry import RetryPolicy

DAY_MS: Final = 24 * 3_600_000

WRITE_WITHIN_MS: Final = 2_000
"""W: the first byte leaves within this of the intent, or the call is not made (reliability B.4)."""

PROBE_EVERY_MS: Final = 15_000
"""Background probes of providers and suspect bindings (domain D6.5)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator configured, as the use cases need it. All times in ms."""

    providers: Mapping[ProviderCode, Provider]
    retry: RetryPolicy
    calls_in_flight: int = 50
    """Provider calls at once in this process (`app.message.async.max-pool-size`)."""
    rate_per_minute: int = 1000
    """Per account (`app.message.limits.rate-limit-per-minute`)."""
    horizon_ms: int = 90_000
    """H: how long an echo may be in coming."""
    on_unknown: OnUnknown = OnUnknown.HOLD
    fail_unknown_after_ms: int = DAY_MS
    sync_wait_ms: int = 10_000
    expire_after_ms: int = DAY_MS
    lease_margin_ms: int = 10_000
    async_enabled: bool = True
    vids: Mapping[str, str] = field(default_factory=dict)
    """Own user id by guid, where it is configured."""

    def lease_ms(self, provider_code: ProviderCode) -> int:
        """How long a call's row stays leased: W + the call's total deadline + a margin (decision 39)."""
        return WRITE_WITHIN_MS + self.providers[provider_code].timeout_ms + self.lease_margin_ms
