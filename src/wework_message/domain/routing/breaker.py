"""Breakers per provider, binding and (provider, type), and the effect of each outcome on them (M-2 and M-6.4).

Immutable and constant in time and memory per call. Jitter and instants (ms) arrive as arguments.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.window import SlidingCounts


class BreakerState(StrEnum):
    """The state of a breaker; the names are API (W-5)."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Passage(StrEnum):
    """Whether a message may pass now."""

    FREE = "FREE"
    TRIAL = "TRIAL"
    """As the one message that tests whether it works again: `admit` it, so that the next one waits."""
    SHUT = "SHUT"


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight of one outcome at the three scopes: 0 = success, up to 1 = failure, None = does not count (M-2)."""

    provider: float | None = None
    binding: float | None = None
    type: float | None = None


_NOTHING: Final = Weights()
_CONNECT: Final = Weights(provider=1.0)
_UNCERTAIN: Final = Weights(0.5, 0.5, 0.5)
_TIMEOUT: Final = Weights(1.0, 1.0, 1.0)
_PLAIN: Final = {
    OutcomeClass.ACCEPTED: Weights(0.0, 0.0, 0.0),
    OutcomeClass.REFUSED_BINDING: Weights(binding=1.0),
    OutcomeClass.REFUSED_CAPABILITY: Weights(type=1.0),
}

CONNECT_REASONS: Final = frozenset({Reason.CONNECT, Reason.DNS, Reason.TLS, Reason.CLOSED})
"""Reasons of NOT_SENT that the provider's side caused; every other one was our own refusal."""

TIMEOUT_REASONS: Final = frozenset({Reason.DEADLINE})
"""Reasons of UNCERTAIN that weigh full."""

OWN_REASONS: Final = frozenset({Reason.LEASE_EXPIRED, Reason.SHUTDOWN})
"""Reasons of UNCERTAIN that say nothing about the provider: our process ended."""


def weigh(outcome: OutcomeClass, reason: Reason | None = None) -> Weights:
    """The health effect of an outcome; throttling lowers concurrency, not health, and a caller's fault does not count."""
    if outcome is OutcomeClass.NOT_SENT:
        return _CONNECT if reason in CONNECT_REASONS else _NOTHING
    if outcome is OutcomeClass.UNCERTAIN:
        if reason in OWN_REASONS:
            return _NOTHING
        return _TIMEOUT if reason in TIMEOUT_REASONS else _UNCERTAIN
    return _PLAIN.get(outcome, _NOTHING)


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens and closes (M-6.4, D-21)."""

    consecutive: float = 5.0
    """Weight of failures in a row that opens it."""
    ratio: float = 0.5
    """Share of failures that opens it ..."""
    minimum: int = 20
    """... once this many calls were counted in the window."""
    window_ms: int = 30_000
    slots: int = 6
    open_ms: int = 30_000
    """How long it stays open, times how often it opened in a row ..."""
    max_open_ms: int = 300_000
    """... but no longer than this. Closed for as long, it is forgiven."""
    close_after: int = 3
    """Successful trials that close it."""
    probe_first: bool = True
    """A read-only status call must succeed before the first trial; False where there is no such call (a message type)."""
    trial_ms: int = 60_000
    """A trial whose outcome is lost blocks the next one no longer than this."""
    ramp_ms: int = 10_000
    """After closing, the weight grows by a quarter with each step of this length."""

    @property
    def empty(self) -> SlidingCounts:
        """A window in which nothing happened."""
        return SlidingCounts(self.window_ms // self.slots, self.slots)


DEFAULT_BREAKER: Final = BreakerPolicy()

_RAMP_STEPS: Final = 4
_JITTER_SHARE: Final = 0.2
_NEVER: Final = -(2**62)


class Breaker(NamedTuple):
    """One breaker; every change returns a new one. `Breaker()` is closed and has counted nothing."""

    policy: BreakerPolicy = DEFAULT_BREAKER
    window: SlidingCounts = DEFAULT_BREAKER.empty
    """(calls, weight of failures)."""
    in_a_row: float = 0.0
    opens: int = 0
    """How often it opened without being forgiven in between."""
    open_until: int | None = None
    """None = CLOSED; before it OPEN, from then on HALF_OPEN."""
    probed: bool = False
    trial_until: int | None = None
    """A trial is out, and blocks the next one until then."""
    passed: int = 0
    """Trials that succeeded since it was last open."""
    closed_at: int = _NEVER

    @classmethod
    def of(cls, policy: BreakerPolicy) -> "Breaker":
        """A closed one with this policy."""
        return cls(policy, policy.empty)

    def state(self, now: int) -> BreakerState:
        """The state now."""
        if self.open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.open_until else BreakerState.HALF_OPEN

    def is_calm(self, now: int) -> bool:
        """Whether it is closed and its weight has returned: everything passes."""
        return self.open_until is None and now - self.closed_at >= self.policy.ramp_ms * (_RAMP_STEPS - 1)

    def passage(self, now: int) -> Passage:
        """Whether a message may pass now."""
        if self.open_until is None:
            return Passage.FREE
        if now < self.open_until or self.wants_probe(now):
            return Passage.SHUT
        return Passage.SHUT if self.trial_until is not None and now < self.trial_until else Passage.TRIAL

    def wants_probe(self, now: int) -> bool:
        """Whether it waits for a status call before it lets a trial pass."""
        return self.policy.probe_first and not self.probed and self.state(now) is BreakerState.HALF_OPEN

    def probe(self, *, answered: bool, now: int, jitter: float) -> "Breaker":
        """The result of a status call: trials may begin, or it opens again. Without effect unless it is HALF_OPEN."""
        if self.state(now) is not BreakerState.HALF_OPEN:
            return self
        return self._replace(probed=True) if answered else self._open(now, jitter)

    def admit(self, now: int) -> "Breaker":
        """Mark that a trial went out; without effect where none was needed."""
        if self.passage(now) is not Passage.TRIAL:
            return self
        return self._replace(trial_until=now + self.policy.trial_ms)

    def record(self, weight: float | None, now: int, jitter: float) -> "Breaker":
        """Count the outcome of a call: 0 = success, up to 1 = failure, None = it says nothing here (`weigh`).

        `jitter` in [0, 1) shortens an opening by up to a fifth, so that processes do not return at once.
        """
        if self.open_until is not None:
            return self._settle_trial(weight, now, jitter)
        if weight is None:
            return self
        window = self.window.add(1, weight, now)
        in_a_row = 0.0 if weight == 0 else self.in_a_row + weight
        closed = Breaker(self.policy, window, in_a_row, self.opens, closed_at=self.closed_at)
        calls, bad = window.totals
        policy = self.policy
        if weight and (in_a_row >= policy.consecutive or (calls >= policy.minimum and bad >= policy.ratio * calls)):
            return closed._open(now, jitter)
        return closed

    def succeeded(self, times: int, now: int) -> "Breaker":
        """What `times` successes in one slot of the window leave of a closed breaker: the same as one `record` for each."""
        window = self.window.add(times, 0.0, now)
        return Breaker(self.policy, window, 0.0, self.opens, closed_at=self.closed_at)

    def share(self, now: int) -> float:
        """How much of its traffic it should get, 0-1: after closing the weight returns in four steps."""
        if self.open_until is not None:
            return 0.0
        steps = (now - self.closed_at) // self.policy.ramp_ms + 1
        return 1.0 if steps >= _RAMP_STEPS else max(steps, 1) / _RAMP_STEPS

    def _settle_trial(self, weight: float | None, now: int, jitter: float) -> "Breaker":
        """Only the trial counts: calls that were open when it opened say nothing new."""
        if self.trial_until is None or self.state(now) is not BreakerState.HALF_OPEN:
            return self
        if weight is None:
            return self._replace(trial_until=None)
        if weight > 0:
            return self._open(now, jitter)
        if self.passed + 1 >= self.policy.close_after:
            return Breaker(self.policy, self.policy.empty, opens=self.opens, closed_at=now)
        return self._replace(passed=self.passed + 1, trial_until=None)

    def _open(self, now: int, jitter: float) -> "Breaker":
        policy = self.policy
        forgiven = self.open_until is None and now - self.closed_at >= policy.max_open_ms
        opens = 1 if forgiven else self.opens + 1
        span = min(policy.max_open_ms, policy.open_ms * opens)
        until = now + span - int(span * _JITTER_SHARE * jitter)
        return Breaker(policy, policy.empty, opens=opens, open_until=until)
