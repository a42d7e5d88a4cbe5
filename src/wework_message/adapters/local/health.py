"""The health of providers and bindings as this process has observed it. `embedded` uses it."""

from collections.abc import Iterable, Sequence
from typing import Final

from wework_message.adapters.local.observed import (
    STALE_MS,
    TYPE_BREAKER,
    ObservedBinding,
    ObservedBreaker,
    ObservedProvider,
    route_health,
)
from wework_message.domain.account import BindingState
from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.health import ANSWERED, CallReport, ProviderHealth, ReplicatedHealthBoard, Unechoed
from wework_message.domain.ports.system import Clock, RandomSource
from wework_message.domain.retry import MAX_RETRY_AFTER_MS
from wework_message.domain.routing.breaker import (
    CONNECT_REASONS,
    BreakerState,
    Weights,
    weigh,
)
from wework_message.domain.routing.selector import RouteHealth
from wework_message.domain.waits import on_boot_clock

SWEEP_AT: Final = 10_000
"""Below this many bindings nothing is forgotten."""


class MemoryHealthBoard:
    """Breakers, scores and states, each updated in constant time.

    Inside, every wait and every fading goes by the boot clock: a wall clock that is set back makes none longer (ADR 27).
    """

    def __init__(self, clock: Clock, random_source: RandomSource) -> None:
        """`random_source` spreads the reopening of breakers."""
        self._clock = clock
        self._random_source = random_source
        self._providers: dict[ProviderCode, ObservedProvider] = {}
        self._bindings: dict[BindingId, ObservedBinding] = {}
        self._instances: dict[tuple[ProviderCode, Guid], ObservedBinding] = {}
        """The same bindings, as far as their guid is known."""
        self._types: dict[tuple[ProviderCode, str], ObservedBreaker] = {}
        self._sweep_at = SWEEP_AT

    def report(self, call: CallReport) -> None:
        """Count it at the three scopes (M-6.4)."""
        boot_ms = on_boot_clock(call.at, self._clock)
        provider = self._count(call, boot_ms)
        if call.outcome in ANSWERED:
            provider.latencies.add(call.elapsed_ms, boot_ms)

    def heard(self, call: CallReport, times: int, latencies: Iterable[tuple[int, int]]) -> None:
        """At the cost of `times` calls, but for the durations."""
        boot_ms = on_boot_clock(call.at, self._clock)
        for _ in range(times):
            self._count(call, boot_ms)
        self._provider(call.provider_code).latencies.add_buckets(latencies, boot_ms)

    def _count(self, call: CallReport, boot_ms: int) -> ObservedProvider:
        weights = weigh(call.outcome, call.reason)
        provider = self._count_provider(call, boot_ms, weights)
        self._count_binding(call, boot_ms, weights)
        kind = (call.provider_code, call.message_type)
        breaker = self._types.get(kind)
        if breaker is None:
            breaker = self._types[kind] = ObservedBreaker(TYPE_BREAKER)
        breaker.record(weights.type, boot_ms, self._random_source)
        return provider

    def _count_provider(self, call: CallReport, boot_ms: int, weights: Weights) -> ObservedProvider:
        provider = self._provider(call.provider_code)
        provider.breaker.record(weights.provider, boot_ms, self._random_source)
        if call.outcome in ANSWERED:
            provider.observe(healthy=True, at=call.at)
            if call.retry_after_ms is not None and call.outcome is OutcomeClass.THROTTLED:
                until = boot_ms + min(call.retry_after_ms, MAX_RETRY_AFTER_MS)
                provider.throttled_until = max(provider.throttled_until, until)
        elif call.outcome is OutcomeClass.NOT_SENT and call.reason in CONNECT_REASONS:
            provider.observe(healthy=False, at=call.at)
        return provider

    def _count_binding(self, call: CallReport, boot_ms: int, weights: Weights) -> None:
        binding = self._binding(call.binding_id)
        if binding.guid is None:
            self._name(binding, call.provider_code, call.guid)
        binding.observed_boot_ms = binding.called_boot_ms = boot_ms
        binding.breaker.record(weights.binding, boot_ms, self._random_source)
        weight = weights.provider if weights.binding is None else weights.binding
        if weight is not None:
            latency_ms = call.elapsed_ms if call.outcome in ANSWERED else None
            binding.stats = binding.stats.record(weight, latency_ms, boot_ms)
        if call.outcome is OutcomeClass.ACCEPTED:
            if binding.unseen_since is None and call.awaits_echo:
                binding.unseen_since = boot_ms
            return
        unknown_code = call.outcome is OutcomeClass.REFUSED_PERMANENT and not call.confirmed
        binding.suspect |= unknown_code or call.outcome is OutcomeClass.REFUSED_BINDING

    def _name(self, binding: ObservedBinding, provider_code: ProviderCode, guid: Guid) -> None:
        binding.provider_code, binding.guid = provider_code, guid
        self._instances[provider_code, guid] = binding

    def _provider(self, provider_code: ProviderCode) -> ObservedProvider:
        provider = self._providers.get(provider_code)
        if provider is None:
            provider = self._providers[provider_code] = ObservedProvider()
        return provider

    def _binding(self, binding_id: BindingId) -> ObservedBinding:
        binding = self._bindings.get(binding_id)
        if binding is None:
            boot_ms = int(self._clock.boot())
            if len(self._bindings) >= self._sweep_at:
                self._sweep(boot_ms)
            binding = self._bindings[binding_id] = ObservedBinding(observed_boot_ms=boot_ms)
        return binding

    def _sweep(self, boot_ms: int) -> None:
        """Amortised: the next sweep comes when the number has doubled."""
        self._bindings = {
            binding_id: binding
            for binding_id, binding in self._bindings.items()
            if not binding.may_be_forgotten(boot_ms)
        }
        self._instances = {
            (binding.provider_code, binding.guid): binding
            for binding in self._bindings.values()
            if binding.provider_code is not None and binding.guid is not None
        }
        self._sweep_at = max(SWEEP_AT, 2 * len(self._bindings))

    def probed(self, provider_code: ProviderCode, answered: bool, at: int) -> None:
        """A probe that answers lets a half-open breaker begin its trials."""
        provider = self._provider(provider_code)
        provider.observe(answered, at)
        self._probed(provider.breaker, at, answered=answered)

    def binding_state(self, binding_id: BindingId, state: ClientState, at: int) -> None:
        """ONLINE ends a suspicion; UNKNOWN changes nothing, so that the next probe asks again."""
        if state is ClientState.UNKNOWN:
            return
        binding = self._binding(binding_id)
        online = state is ClientState.ONLINE
        binding.state = BindingState.ONLINE if online else BindingState.OFFLINE
        binding.observed_boot_ms = on_boot_clock(at, self._clock)
        binding.in_question = False
        binding.suspect &= not online
        self._probed(binding.breaker, at, answered=online)

    def reachable(self, binding_id: BindingId, at: int) -> None:
        """What makes it suspect stays."""
        self._probed(self._binding(binding_id).breaker, at, answered=True)

    def _probed(self, breaker: ObservedBreaker, at: int, *, answered: bool) -> None:
        breaker.probe(answered=answered, boot_ms=on_boot_clock(at, self._clock), random_source=self._random_source)

    def ask(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """Until a probe has an answer."""
        binding = self._binding(binding_id)
        self._name(binding, provider_code, guid)
        binding.in_question = True

    def stored_offline(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """Believed where this process has observed nothing."""
        binding = self._binding(binding_id)
        self._name(binding, provider_code, guid)
        if binding.state is BindingState.UNKNOWN:
            binding.state = BindingState.OFFLINE

    def route(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> RouteHealth:
        """The default `RouteHealth` for a binding without observations."""
        return route_health(
            self._providers.get(provider_code),
            self._bindings.get(binding_id),
            self._types.get((provider_code, message_type)),
            on_boot_clock(now, self._clock),
        )

    def admit(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> None:
        """Without effect on breakers that need no trial."""
        boot_ms = on_boot_clock(now, self._clock)
        for scope in (
            self._providers.get(provider_code),
            self._bindings.get(binding_id),
        ):
            if scope is not None:
                scope.breaker.admit(boot_ms)
        if (of_type := self._types.get((provider_code, message_type))) is not None:
            of_type.admit(boot_ms)

    def suspects(self) -> tuple[tuple[ProviderCode, BindingId, Guid], ...]:
        """Suspect and offline bindings, those that a notice asks about, and half-open breakers, as far as their guid is known."""
        boot_ms = int(self._clock.boot())
        return tuple(
            (binding.provider_code, binding_id, binding.guid)
            for binding_id, binding in self._bindings.items()
            if binding.provider_code is not None and binding.guid is not None and binding.wants_probe(boot_ms)
        )

    def in_use(self, provider_code: ProviderCode) -> Sequence[tuple[BindingId, Guid]]:
        """In the order in which they were first seen."""
        boot_ms = int(self._clock.boot())
        return [
            (binding_id, binding.guid)
            for binding_id, binding in self._bindings.items()
            if binding.provider_code == provider_code
            and binding.guid is not None
            and boot_ms - binding.called_boot_ms < STALE_MS
            and not binding.wants_probe(boot_ms)
        ]

    def echoed(self, provider_code: ProviderCode, guid: Guid) -> None:
        """Constant and small: every echo calls it."""
        binding = self._instances.get((provider_code, guid))
        if binding is not None:
            binding.unseen_since, binding.degraded = None, False

    def unechoed(self, longer_than_ms: int) -> Sequence[Unechoed]:
        """Of this process; an echo that another process has read is known only to a board that is shared."""
        boot_ms = int(self._clock.boot())
        return sorted(
            (
                Unechoed(binding.provider_code, binding_id, binding.guid, boot_ms - binding.unseen_since, binding.degraded)
                for binding_id, binding in self._bindings.items()
                if binding.provider_code is not None and binding.guid is not None and binding.unseen_since is not None
                and (binding.degraded or boot_ms - binding.unseen_since >= longer_than_ms)
            ),
            key=lambda unechoed: -unechoed.for_ms,
        )  # fmt: skip

    def degrade(self, binding_id: BindingId) -> None:
        """Only one that waits for an echo can be degraded."""
        binding = self._bindings.get(binding_id)
        if binding is not None and binding.unseen_since is not None:
            binding.degraded = True

    def provider(self, provider_code: ProviderCode) -> ProviderHealth:
        """The last observation, and percentiles of the last minutes."""
        provider = self._providers.get(provider_code)
        if provider is None:
            return ProviderHealth(provider_code, None, None, BreakerState.CLOSED, None, None)
        boot_ms = int(self._clock.boot())
        return ProviderHealth(
            provider_code,
            provider.healthy,
            provider.checked_at,
            provider.breaker.counted.state(boot_ms),
            p50_ms=provider.latencies.percentile(0.50, boot_ms),
            p95_ms=provider.latencies.percentile(0.95, boot_ms),
            throttled_ms=max(0, provider.throttled_until - boot_ms),
            degraded=sum(
                binding.degraded for binding in self._bindings.values() if binding.provider_code == provider_code
            ),
        )


def _conforms(board: MemoryHealthBoard) -> ReplicatedHealthBoard:
    return board
