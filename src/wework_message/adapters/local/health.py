"""The health of providers and bindings as this process has observed it. `embedded` uses it."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from wework_message.domain.account import BindingState
from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import REFUSALS, OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.health import CallReport, HealthBoard, ProviderHealth
from wework_message.domain.ports.system import Clock, RandomSource
from wework_message.domain.routing.breaker import (
    CONNECT_REASONS,
    Breaker,
    BreakerPolicy,
    BreakerState,
    Weights,
    weigh,
)
from wework_message.domain.routing.scoring import CallStats
from wework_message.domain.routing.selector import RouteHealth
from wework_message.domain.waits import on_boot_clock

MAX_LATENCIES: Final = 512
"""Answers per provider that its percentiles are taken from."""

SWEEP_AT: Final = 10_000
"""Below this many bindings nothing is forgotten."""

STALE_MS: Final = 600_000
"""A healthy binding that was not observed for this long is forgotten: its counts have faded, its breaker is closed."""

_ANSWERED: Final = REFUSALS | {OutcomeClass.ACCEPTED, OutcomeClass.THROTTLED}
_TYPE_BREAKER: Final = Breaker.of(BreakerPolicy(probe_first=False))
_NEW_BREAKER: Final = Breaker()


@dataclass(slots=True)
class _Provider:
    breaker: Breaker = _NEW_BREAKER
    healthy: bool | None = None
    checked_at: int | None = None
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_LATENCIES))

    def observe(self, healthy: bool, at: int) -> None:
        self.healthy = healthy
        self.checked_at = at


@dataclass(slots=True)
class _Binding:
    breaker: Breaker = _NEW_BREAKER
    stats: CallStats = field(default_factory=CallStats)
    state: BindingState = BindingState.UNKNOWN
    suspect: bool = False
    in_question: bool = False
    """A notice wants a probe; messages go on meanwhile."""
    provider_code: ProviderCode | None = None
    guid: Guid | None = None
    """None until a call there was reported: a notice names the binding only."""
    observed_boot_ms: int = 0

    def may_be_forgotten(self, boot_ms: int) -> bool:
        healthy = (
            not self.suspect
            and not self.in_question
            and self.state is not BindingState.OFFLINE
            and self.breaker.open_until is None
        )
        return healthy and boot_ms - self.observed_boot_ms >= STALE_MS

    def wants_probe(self, boot_ms: int) -> bool:
        return (
            self.suspect or self.in_question or self.state is BindingState.OFFLINE or self.breaker.wants_probe(boot_ms)
        )


class MemoryHealthBoard:
    """Breakers, scores and states, each updated in constant time.

    Inside, every wait and every fading goes by the boot clock: a wall clock that is set back makes none longer (ADR 27).
    """

    def __init__(self, clock: Clock, random_source: RandomSource) -> None:
        """`random_source` spreads the reopening of breakers."""
        self._clock = clock
        self._random_source = random_source
        self._providers: dict[ProviderCode, _Provider] = {}
        self._bindings: dict[BindingId, _Binding] = {}
        self._types: dict[tuple[ProviderCode, str], Breaker] = {}
        self._sweep_at = SWEEP_AT

    def report(self, call: CallReport) -> None:
        """Count it at the three scopes (M-6.4)."""
        weights = weigh(call.outcome, call.reason)
        jitter = self._random_source.fraction()
        boot_ms = on_boot_clock(call.at, self._clock)
        self._count_provider(call, boot_ms, weights, jitter)
        self._count_binding(call, boot_ms, weights, jitter)
        kind = (call.provider_code, call.message_type)
        self._types[kind] = self._types.get(kind, _TYPE_BREAKER).record(weights.type, boot_ms, jitter)

    def _count_provider(self, call: CallReport, boot_ms: int, weights: Weights, jitter: float) -> None:
        provider = self._providers.setdefault(call.provider_code, _Provider())
        provider.breaker = provider.breaker.record(weights.provider, boot_ms, jitter)
        if call.outcome in _ANSWERED:
            provider.latencies.append(call.elapsed_ms)
            provider.observe(healthy=True, at=call.at)
        elif call.outcome is OutcomeClass.NOT_SENT and call.reason in CONNECT_REASONS:
            provider.observe(healthy=False, at=call.at)

    def _count_binding(self, call: CallReport, boot_ms: int, weights: Weights, jitter: float) -> None:
        binding = self._binding(call.binding_id)
        binding.provider_code, binding.guid, binding.observed_boot_ms = call.provider_code, call.guid, boot_ms
        binding.breaker = binding.breaker.record(weights.binding, boot_ms, jitter)
        weight = weights.provider if weights.binding is None else weights.binding
        if weight is not None:
            latency_ms = call.elapsed_ms if call.outcome in _ANSWERED else None
            binding.stats = binding.stats.record(weight, latency_ms, boot_ms)
        unknown_code = call.outcome is OutcomeClass.REFUSED_PERMANENT and not call.confirmed
        binding.suspect |= unknown_code or call.outcome is OutcomeClass.REFUSED_BINDING

    def _binding(self, binding_id: BindingId) -> _Binding:
        binding = self._bindings.get(binding_id)
        if binding is None:
            boot_ms = int(self._clock.boot())
            if len(self._bindings) >= self._sweep_at:
                self._sweep(boot_ms)
            binding = self._bindings[binding_id] = _Binding(observed_boot_ms=boot_ms)
        return binding

    def _sweep(self, boot_ms: int) -> None:
        """Amortised: the next sweep comes when the number has doubled."""
        self._bindings = {
            binding_id: binding
            for binding_id, binding in self._bindings.items()
            if not binding.may_be_forgotten(boot_ms)
        }
        self._sweep_at = max(SWEEP_AT, 2 * len(self._bindings))

    def probed(self, provider_code: ProviderCode, answered: bool, at: int) -> None:
        """A probe that answers lets a half-open breaker begin its trials."""
        provider = self._providers.setdefault(provider_code, _Provider())
        provider.observe(answered, at)
        provider.breaker = self._probed(provider.breaker, at, answered=answered)

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
        binding.breaker = self._probed(binding.breaker, at, answered=online)

    def _probed(self, breaker: Breaker, at: int, *, answered: bool) -> Breaker:
        return breaker.probe(
            answered=answered, now=on_boot_clock(at, self._clock), jitter=self._random_source.fraction()
        )

    def ask(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """Until a probe has an answer."""
        binding = self._binding(binding_id)
        binding.provider_code, binding.guid, binding.in_question = provider_code, guid, True

    def stored_offline(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """Believed where this process has observed nothing."""
        binding = self._binding(binding_id)
        binding.provider_code, binding.guid = provider_code, guid
        if binding.state is BindingState.UNKNOWN:
            binding.state = BindingState.OFFLINE

    def route(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> RouteHealth:
        """The default `RouteHealth` for a binding without observations."""
        provider = self._providers.get(provider_code)
        binding = self._bindings.get(binding_id)
        provider_breaker = provider.breaker if provider is not None else _NEW_BREAKER
        binding_breaker = binding.breaker if binding is not None else _NEW_BREAKER
        type_breaker = self._types.get((provider_code, message_type), _TYPE_BREAKER)
        stats = binding.stats if binding is not None else CallStats()
        boot_ms = on_boot_clock(now, self._clock)
        return RouteHealth(
            state=binding.state if binding is not None else BindingState.UNKNOWN,
            suspect=binding is not None and binding.suspect,
            provider=provider_breaker.passage(boot_ms),
            binding=binding_breaker.passage(boot_ms),
            type=type_breaker.passage(boot_ms),
            share=min(provider_breaker.share(boot_ms), binding_breaker.share(boot_ms), type_breaker.share(boot_ms)),
            quality=stats.quality(boot_ms),
            latency_ms=stats.latency_ms(boot_ms),
        )

    def admit(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> None:
        """Without effect on breakers that need no trial."""
        boot_ms = on_boot_clock(now, self._clock)
        if (provider := self._providers.get(provider_code)) is not None:
            provider.breaker = provider.breaker.admit(boot_ms)
        if (binding := self._bindings.get(binding_id)) is not None:
            binding.breaker = binding.breaker.admit(boot_ms)
        kind = (provider_code, message_type)
        if kind in self._types:
            self._types[kind] = self._types[kind].admit(boot_ms)

    def suspects(self) -> tuple[tuple[ProviderCode, BindingId, Guid], ...]:
        """Suspect and offline bindings, those that a notice asks about, and half-open breakers, as far as their guid is known."""
        boot_ms = int(self._clock.boot())
        return tuple(
            (binding.provider_code, binding_id, binding.guid)
            for binding_id, binding in self._bindings.items()
            if binding.provider_code is not None and binding.guid is not None and binding.wants_probe(boot_ms)
        )

    def provider(self, provider_code: ProviderCode) -> ProviderHealth:
        """The last observation, and percentiles of the newest answers."""
        provider = self._providers.get(provider_code)
        if provider is None:
            return ProviderHealth(provider_code, None, None, BreakerState.CLOSED, None, None)
        latencies = sorted(provider.latencies)
        return ProviderHealth(
            provider_code,
            provider.healthy,
            provider.checked_at,
            provider.breaker.state(int(self._clock.boot())),
            p50_ms=_percentile(latencies, 0.50),
            p95_ms=_percentile(latencies, 0.95),
        )


def _percentile(ordered: list[float], share: float) -> float | None:
    """Nearest rank."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _conforms(board: MemoryHealthBoard) -> HealthBoard:
    return board
