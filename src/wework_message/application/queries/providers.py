"""Queries about providers: configuration, health, kept counts (W-5)."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wework_message.application.errors import NotFoundError
from wework_message.application.policy import Policy
from wework_message.application.queries.binding_counts import NO_BINDINGS, CountBindings
from wework_message.domain.account import Binding
from wework_message.domain.ids import AccountId, ProviderCode, TenantId
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.bindings import BindingCounts, BindingReader, LonePage
from wework_message.domain.ports.health import HealthBoard, ProviderHealth
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.routing.filters import BindingHealth, binding_health
from wework_message.domain.routing.provider import Provider, healthy_default


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider as configured, and its health as observed."""

    provider: Provider
    api_url: str | None
    """Scheme, host and port: everybody may see it."""
    health: ProviderHealth
    counts: BindingCounts = NO_BINDINGS
    """Of its bindings; all 0 where they were not read."""
    paused: bool = False
    """An operator stopped its sends."""


@dataclass(frozen=True, slots=True)
class ProviderStats:
    """Finished calls of one provider since the first migration."""

    provider_code: ProviderCode
    sent: int
    """Calls that ended, whatever their outcome."""
    succeeded: int
    by_type: Mapping[str, int]
    by_outcome: Mapping[str, int]

    @property
    def success_rate(self) -> float | None:
        """Share of accepted calls, 0-1; None before the first call."""
        return self.succeeded / self.sent if self.sent else None


@dataclass(frozen=True, slots=True)
class Providers:
    """Queries about providers."""

    policy: Policy
    board: HealthBoard
    reader: MessageReader
    count_bindings: CountBindings
    bindings: BindingReader
    paused: Callable[[ProviderCode], bool]
    """Whether an operator stopped the sends of a provider."""
    api_urls: Mapping[ProviderCode, str] = field(default_factory=dict)

    def all(self) -> Sequence[ProviderView]:
        """In the order of the configuration."""
        return [self._view(provider) for provider in self.policy.providers.values()]

    async def counted(self, *views: ProviderView) -> Sequence[ProviderView]:
        """The same with the counts of their bindings; raises `UnavailableError`."""
        counts = await self.count_bindings()
        return [replace(view, counts=counts.get(view.provider.code, NO_BINDINGS)) for view in views]

    async def without_sibling(self, tenant_id: TenantId, code: str, *, limit: int, after: AccountId | None) -> LonePage:
        """The bindings of the tenant's accounts that have no other one to fail over to, by account; raises `NotFoundError`, `UnavailableError`."""
        provider = self.get(code).provider
        enabled = [other.code for other in self.policy.providers.values() if other.enabled]
        return await self.bindings.without_sibling(tenant_id, provider.code, enabled, limit=limit, after=after)

    def get(self, code: str) -> ProviderView:
        """One provider; raises `NotFoundError`."""
        provider = self.policy.providers.get(ProviderCode(code))
        if provider is None:
            raise NotFoundError("provider")
        return self._view(provider)

    def default(self) -> ProviderView:
        """The healthy one with the smallest priority, the default one where none is; raises `NotFoundError`."""
        provider = healthy_default(self.policy.providers.values(), lambda code: self.board.provider(code).healthy)
        if provider is None:
            raise NotFoundError("enabled provider")
        return self._view(provider)

    def of_binding(self, binding: Binding, *, now: int) -> BindingHealth:
        """What is known of an instance, observed here or stored."""
        return binding_health(binding, self.board.route(binding.provider_code, binding.binding_id, "", now))

    async def stats(self) -> Mapping[ProviderCode, ProviderStats]:
        """Kept counts by provider; raises `UnavailableError`."""
        types: dict[ProviderCode, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        outcomes: dict[ProviderCode, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (code, message_type, outcome), total in (await self.reader.counts()).items():
            types[code][message_type] += total
            outcomes[code][outcome] += total
        return {
            code: ProviderStats(
                provider_code=code,
                sent=sum(outcomes[code].values()),
                succeeded=outcomes[code].get(OutcomeClass.ACCEPTED, 0),
                by_type=dict(types[code]),
                by_outcome=dict(outcomes[code]),
            )
            for code in self.policy.providers
        }

    def _view(self, provider: Provider) -> ProviderView:
        api_url, health = self.api_urls.get(provider.code), self.board.provider(provider.code)
        return ProviderView(provider, api_url, health, paused=self.paused(provider.code))
