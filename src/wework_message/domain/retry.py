"""When a provably unsent message is retried, waits, or is given up (D-14, D-21, D-40, D-47 and D-55).

Pure arithmetic: jitter and times arrive as arguments. An UNCERTAIN outcome never leads to a retry.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.outcomes import REFUSALS, FailureReason, OutcomeClass
from wework_message.domain.window import SlidingCounts

FAILOVER_DELAY_MS: Final = 1
"""What is provably unsent goes to another binding at once: there is nothing to wait for."""

AT_ONCE_MS: Final = 1
"""Nothing is waited for."""

MAX_RETRY_AFTER_MS: Final = 3_600_000
"""A provider's `Retry-After` is honoured up to an hour (R-T3)."""

_MAX_DOUBLINGS: Final = 32
"""2^32 ms are 49 days: far beyond any cap, and still a small integer."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Retry automatically (RETRY_WAIT)."""

    delay_ms: int
    """From now, at least 1."""


@dataclass(frozen=True, slots=True)
class HoldFor:
    """Quick tries are used up or useless now: wait (HELD), and retry when the wait is over."""

    reason: HoldReason
    delay_ms: int
    """From now, at least 1."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """FAILED: only a refusal, or a message that cannot be handled at all, leads here (D-55)."""

    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing to retry: the answer is evidence (sent, or perhaps sent), and evidence decides."""


Verdict = RetryAt | HoldFor | GiveUp | Settle


def still_possible(verdict: Verdict, *, recalled: bool, erased: bool) -> Verdict:
    """`verdict`, but nothing is sent again that is to be recalled, or whose content is gone."""
    if recalled:
        return GiveUp(FailureReason.RECALL_ASKED)
    return GiveUp(FailureReason.SEND_FAILED_LATER) if erased and not isinstance(verdict, GiveUp) else verdict


class Sibling(Enum):
    """What the other bindings of the account can do for a message."""

    NONE = auto()
    """No other one can ever take it."""
    AWAY = auto()
    """Another one can, but not at this moment: it is offline, paused, fenced, behind a breaker, a standby, or it is not its turn."""
    READY = auto()
    """Another one can take it now, one that was tried less often, at a provider that has quick tries left."""


NEVER_RETRIED: Final = frozenset({OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN})
"""Sent, or perhaps sent: the verdict is `Settle`, whatever else is known."""

_SETTLE: Final = Settle()

_ELSEWHERE: Final = frozenset({OutcomeClass.REFUSED_BINDING, OutcomeClass.REFUSED_CAPABILITY})
"""Refusals of one binding: another one may take the message."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter; an outage holds a message, only a refusal fails it.

    Raises `InvalidValueError` for a setting out of range.
    """

    max_attempts: int = 3
    """Quick tries of one message in a round, at least 1 (D-47)."""
    first_delay_ms: int = 1_000
    """Upper end of the first backoff, ms, at least 1 (`retry.delay-ms`)."""
    cap_ms: int = 60_000
    """Upper end of every backoff, ms."""

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise InvalidValueError("retry.max-attempts", "must be at least 1")
        if self.first_delay_ms < 1:
            raise InvalidValueError("retry.delay-ms", "must be at least 1")
        if self.cap_ms < self.first_delay_ms:
            raise InvalidValueError("retry.delay-ms", "must not exceed the longest backoff")

    def after(
        self,
        outcome: OutcomeClass,
        *,
        tries: int,
        provider_tries: int,
        provider_cap: int,
        jitter: float,
        remaining_ms: int,
        max_attempts: int | None = None,
        retry_after_ms: int | None = None,
        sibling: Sibling = Sibling.NONE,
        budget_left: bool = True,
        poison: bool = False,
        old_handles: int = 0,
    ) -> Verdict:
        """What to do after a call that ended with `outcome`.

        `tries` and `provider_tries` count the calls of this round, this one included, over all providers and at this one.
        `provider_cap` is the provider's `retry-count`, `max_attempts` the request's own `retryCount`; below 1 both count
        as 1 (D-47). `jitter` is in [0, 1). `remaining_ms` is the time until `expiresAt`. `sibling`: what another binding
        of the account can do for it. `budget_left`: the provider's `RetryBudget` allows another call. `poison`: its handling raised too often before the first byte (D-40).
        `old_handles`: how often the provider has refused its own handle of a file in this round, if it did so now.
        """
        if outcome in NEVER_RETRIED:
            return _SETTLE
        if poison or old_handles:
            return GiveUp(FailureReason.POISON) if poison else _after_old_handle(old_handles)
        # The call just made is counted, so a limit of 0 stops here exactly as a limit of 1 does.
        in_time = tries < (self.max_attempts if max_attempts is None else max_attempts)
        quick = budget_left and in_time and provider_tries < provider_cap
        backoff = min(self.backoff_ms(tries, jitter), max(1, remaining_ms - 1))
        if outcome in REFUSALS:
            return self._refused(outcome, backoff, sibling, at_once=in_time and budget_left)
        if sibling is Sibling.READY and in_time and budget_left:
            return RetryAt(FAILOVER_DELAY_MS)
        if outcome is OutcomeClass.THROTTLED and retry_after_ms is not None:
            return self._throttled(retry_after_ms, backoff, quick=quick, remaining_ms=remaining_ms)
        return RetryAt(backoff) if quick else HoldFor(HoldReason.PROVIDER_DOWN, backoff)

    def backoff_ms(self, tries: int, jitter: float) -> int:
        """Full jitter over a span that doubles with each try: 1 to min(cap, first x 2^(tries - 1)) ms."""
        span = min(self.cap_ms, self.first_delay_ms << min(max(tries - 1, 0), _MAX_DOUBLINGS))
        return 1 + int(jitter * span)

    @staticmethod
    def _refused(outcome: OutcomeClass, backoff: int, sibling: Sibling, *, at_once: bool) -> Verdict:
        """Another binding `at_once`, where quick tries and the retry budget allow it; one that is away is waited for.

        Without one, an instance that cannot send now is an outage of the account and holds; a type or size that this
        provider can never send, and a refusal that would be the same anywhere, fail the message.
        """
        if outcome not in _ELSEWHERE or (outcome is OutcomeClass.REFUSED_CAPABILITY and sibling is Sibling.NONE):
            return GiveUp(FailureReason(outcome))
        if sibling is Sibling.READY and at_once:
            return RetryAt(FAILOVER_DELAY_MS)
        waits_for_tries = outcome is OutcomeClass.REFUSED_CAPABILITY and sibling is Sibling.READY
        return HoldFor(HoldReason.PROVIDER_DOWN if waits_for_tries else HoldReason.ALL_OFFLINE, backoff)

    def _throttled(self, retry_after_ms: int, backoff: int, *, quick: bool, remaining_ms: int) -> Verdict:
        """Not before the time that the provider asks for; jitter is added, so that waiting messages do not return all at once."""
        pause_ms = min(max(retry_after_ms, 0), MAX_RETRY_AFTER_MS)
        delay = pause_ms + backoff
        if not quick:
            return HoldFor(HoldReason.PROVIDER_DOWN, delay)
        if delay > self.cap_ms or delay >= remaining_ms:
            return HoldFor(HoldReason.THROTTLED, delay)
        return RetryAt(delay)


def _after_old_handle(times: int) -> Verdict:
    """That was no try of the provider: the next call has a new handle, once."""
    return RetryAt(AT_ONCE_MS) if times == 1 else GiveUp(FailureReason.MEDIA_EXPIRED)


BUDGET_SPAN_MS: Final = 60_000
"""The retry budget is counted over a minute."""

_SLOT_MS: Final = 10_000
_NO_RETRIES: Final = SlidingCounts(_SLOT_MS, BUDGET_SPAN_MS // _SLOT_MS + 1)


class RetryBudget(NamedTuple):
    """How many retries a provider may get: 10 % of its sends plus a floor of 10 a minute (D-21).

    Immutable, constant time. Never more than `floor` + `share` x sends in any minute; sends of up to 10 s before it count
    too, which is what a window of slots costs. Replay and failover draw from it as well (M-4.10).
    """

    share: float = 0.10
    """Retries per send, 0-1."""
    floor: int = 10
    """Retries a minute that are always allowed."""
    counts: SlidingCounts = _NO_RETRIES
    """(sends, retries) of the last minute and up to 10 s more."""

    def sent(self, now: int) -> "RetryBudget":
        """Count a first try at `now` (ms)."""
        return RetryBudget(self.share, self.floor, self.counts.add(1, 0, now))

    def allows(self, now: int) -> bool:
        """Whether one more retry fits."""
        sends, retries = self.counts.at(now).totals
        return retries + 1 <= self.floor + self.share * sends

    def retried(self, now: int) -> "RetryBudget":
        """Count a retry at `now` (ms); ask `allows` first."""
        return RetryBudget(self.share, self.floor, self.counts.add(0, 1, now))
