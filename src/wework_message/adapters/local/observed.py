"""What one process has observed of one provider and of one binding."""

from dataclasses import dataclass, field
from typing import Final

from wework_message.domain.account import BindingState
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.ports.system import RandomSource
from wework_message.domain.routing.breaker import DEFAULT_BREAKER, Breaker, BreakerPolicy, Passage
from wework_message.domain.routing.filters import RouteHealth
from wework_message.domain.routing.latency import LatencyHistogram
from wework_message.domain.routing.scoring import CallStats

STALE_MS: Final = 600_000
"""A healthy binding that was not observed for this long is forgotten: its counts have faded, its breaker is closed."""

NEW_BREAKER: Final = Breaker()
TYPE_BREAKER: Final = Breaker.of(BreakerPolicy(probe_first=False))
_NO_CALLS: Final = CallStats()
_ALL_FREE: Final = (Passage.FREE, Passage.FREE, Passage.FREE)
_SLOT_MS: Final = DEFAULT_BREAKER.empty.slot_ms


@dataclass(slots=True)
class ObservedBreaker:
    """A breaker that counts the successes of one slot of its window at once: nearly every call is one, and none opens it."""

    counted: Breaker = NEW_BREAKER
    """Without the successes that follow."""
    successes: int = 0
    slot: int = 0
    """The slot of the window that they fall into."""

    def record(self, weight: float | None, boot_ms: int, random_source: RandomSource) -> None:
        """As `Breaker.record`."""
        if self.counted.open_until is None:
            if weight is None:
                return
            if weight == 0:
                slot = boot_ms // _SLOT_MS
                if slot != self.slot:
                    self._count_successes()
                    self.slot = slot
                self.successes += 1
                return
        self._count_successes()
        self.counted = self.counted.record(weight, boot_ms, random_source.fraction())

    def probe(self, *, answered: bool, boot_ms: int, random_source: RandomSource) -> None:
        """As `Breaker.probe`, which has no effect on a closed one."""
        self.counted = self.counted.probe(answered=answered, now=boot_ms, jitter=random_source.fraction())

    def admit(self, boot_ms: int) -> None:
        """As `Breaker.admit`."""
        self.counted = self.counted.admit(boot_ms)

    def _count_successes(self) -> None:
        if self.successes:
            self.counted = self.counted.succeeded(self.successes, self.slot * _SLOT_MS)
            self.successes = 0


@dataclass(slots=True)
class ObservedProvider:
    """One provider."""

    breaker: ObservedBreaker = field(default_factory=ObservedBreaker)
    healthy: bool | None = None
    checked_at: int | None = None
    throttled_until: int = 0
    """The provider asked for no calls before this, by the boot clock."""
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)

    def observe(self, healthy: bool, at: int) -> None:
        """It answered, or did not."""
        self.healthy = healthy
        self.checked_at = at


@dataclass(slots=True)
class ObservedBinding:
    """One binding."""

    breaker: ObservedBreaker = field(default_factory=ObservedBreaker)
    stats: CallStats = field(default_factory=CallStats)
    state: BindingState = BindingState.UNKNOWN
    suspect: bool = False
    in_question: bool = False
    """A notice wants a probe; messages go on meanwhile."""
    provider_code: ProviderCode | None = None
    guid: Guid | None = None
    """None until a call there was reported: a notice names the binding only."""
    observed_boot_ms: int = 0
    called_boot_ms: int = -STALE_MS
    unseen_since: int | None = None
    """The first accepted send since the last echo, by the boot clock."""
    degraded: bool = False

    def may_be_forgotten(self, boot_ms: int) -> bool:
        """Whether nothing about it matters any more."""
        healthy = not self.wants_answer and not self.degraded and self.breaker.counted.open_until is None
        return healthy and boot_ms - self.observed_boot_ms >= STALE_MS

    @property
    def wants_answer(self) -> bool:
        """Whether only a status call can tell how it is."""
        return self.suspect or self.in_question or self.state is BindingState.OFFLINE

    def wants_probe(self, boot_ms: int) -> bool:
        """Whether a status call is due."""
        return self.wants_answer or self.breaker.counted.wants_probe(boot_ms)


def route_health(
    provider: ObservedProvider | None, binding: ObservedBinding | None, of_type: ObservedBreaker | None, boot_ms: int
) -> RouteHealth:
    """The health of one candidate; what was not observed is as new."""
    provider_breaker = provider.breaker.counted if provider is not None else NEW_BREAKER
    binding_breaker = binding.breaker.counted if binding is not None else NEW_BREAKER
    type_breaker = of_type.counted if of_type is not None else TYPE_BREAKER
    stats = binding.stats if binding is not None else _NO_CALLS
    passages, share = _ALL_FREE, 1.0
    if not (provider_breaker.is_calm(boot_ms) and binding_breaker.is_calm(boot_ms) and type_breaker.is_calm(boot_ms)):
        passages = (provider_breaker.passage(boot_ms), binding_breaker.passage(boot_ms), type_breaker.passage(boot_ms))
        share = min(breaker.share(boot_ms) for breaker in (provider_breaker, binding_breaker, type_breaker))
    throttled_until = provider.throttled_until if provider is not None else 0
    return RouteHealth(
        state=binding.state if binding is not None else BindingState.UNKNOWN,
        suspect=binding is not None and binding.suspect,
        provider=passages[0],
        binding=passages[1],
        type=passages[2],
        share=share,
        throttled_ms=throttled_until - boot_ms if throttled_until > boot_ms else 0,
        quality=stats.quality(boot_ms),
        latency_ms=stats.latency_ms(boot_ms),
        degraded=binding is not None and binding.degraded,
    )
