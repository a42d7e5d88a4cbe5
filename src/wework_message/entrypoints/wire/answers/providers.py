"""The `data` of answers about providers: Java's fields and our own (W-5)."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from wework_message.application.queries.providers import ProviderStats, ProviderView
from wework_message.domain.content import MessageType
from wework_message.domain.ids import ProviderCode


class ProviderAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A provider as configured and observed."""

    code: str
    name: str
    enabled: bool
    priority: int
    """Smaller wins."""
    healthy: bool | None
    """Null until something was observed."""
    api_url: str | None
    """Scheme, host and port; the path may hold a token."""
    supported_features: tuple[str, ...]
    weight: int
    protocol: str
    simulated: bool
    bindings: int | None
    """Null where it is not known."""


class ProviderHealthAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """One provider's health."""

    provider_code: str
    provider_name: str
    healthy: bool | None
    check_time: int | None
    """Epoch ms of the last observation."""


class ProviderSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """One provider among the totals of a health answer."""

    code: str
    name: str
    enabled: bool
    priority: int
    healthy: bool | None


class ProviderStatsAnswer(ProviderSummary, frozen=True, kw_only=True, rename="camel"):
    """One provider's finished calls."""

    sent: int
    succeeded: int
    success_rate: float | None
    """0-1; null before the first call."""
    p50_ms: float | None
    p95_ms: float | None
    by_type: Mapping[str, int]
    by_outcome: Mapping[str, int]
    breaker: str
    accounts_without_sibling: int | None
    """Null where it is not known."""


class Totals(Struct, frozen=True, rename="camel"):
    """How many providers there are."""

    total: int
    enabled: int
    healthy: int
    providers: tuple[ProviderSummary, ...]


class ProvidersStats(Struct, frozen=True, rename="camel"):
    """All providers' finished calls."""

    total: int
    enabled: int
    healthy: int
    providers: tuple[ProviderStatsAnswer, ...]


def provider_answer(view: ProviderView) -> ProviderAnswer:
    """One provider."""
    provider = view.provider
    types = [f"SEND_{message_type}" for message_type in MessageType if message_type in provider.capabilities.types]
    return ProviderAnswer(
        code=provider.code,
        name=provider.name,
        enabled=provider.enabled,
        priority=provider.priority,
        healthy=view.health.healthy,
        api_url=view.api_url,
        supported_features=(*types, *(["CALLBACK_HANDLE"] if provider.has_callbacks else [])),
        weight=provider.weight,
        protocol=provider.protocol,
        simulated=provider.simulated,
        bindings=None,
    )


def provider_health(view: ProviderView) -> ProviderHealthAnswer:
    """One provider's health."""
    return ProviderHealthAnswer(
        provider_code=view.provider.code,
        provider_name=view.provider.name,
        healthy=view.health.healthy,
        check_time=view.health.checked_at,
    )


def totals(views: Sequence[ProviderView]) -> Totals:
    """How many providers there are, and a summary of each."""
    return Totals(*_counts(views), tuple(_summary(view) for view in views))


def providers_stats(views: Sequence[ProviderView], stats: Mapping[ProviderCode, ProviderStats]) -> ProvidersStats:
    """Stored counts of every provider."""
    return ProvidersStats(*_counts(views), tuple(_stats(view, stats[view.provider.code]) for view in views))


def _counts(views: Sequence[ProviderView]) -> tuple[int, int, int]:
    enabled = sum(view.provider.enabled for view in views)
    return len(views), enabled, sum(view.health.healthy is True for view in views)


def _summary(view: ProviderView) -> ProviderSummary:
    return ProviderSummary(
        code=view.provider.code,
        name=view.provider.name,
        enabled=view.provider.enabled,
        priority=view.provider.priority,
        healthy=view.health.healthy,
    )


def _stats(view: ProviderView, stats: ProviderStats) -> ProviderStatsAnswer:
    return ProviderStatsAnswer(
        code=view.provider.code,
        name=view.provider.name,
        enabled=view.provider.enabled,
        priority=view.provider.priority,
        healthy=view.health.healthy,
        sent=stats.sent,
        succeeded=stats.succeeded,
        success_rate=stats.success_rate,
        p50_ms=view.health.p50_ms,
        p95_ms=view.health.p95_ms,
        by_type=stats.by_type,
        by_outcome=stats.by_outcome,
        breaker=view.health.breaker,
        accounts_without_sibling=None,
    )
