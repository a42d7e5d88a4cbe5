"""Token bucket arithmetic, and the limits of an account (D-22, M-4.7, ADR 0049).

All quantities are integers, so nothing drifts: a token is `per_ms` units, and a bucket gains `tokens` units every ms.
A message over budget is not refused. It takes its token in advance (the level goes below zero) and waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.quiet_hours import QuietHours

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS

MAX_LIMIT: Final = 10_000_000
"""Messages of one budget: times a day in ms, and ten times over, this is still an integer to Redis (below 2^53)."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket, immutable; every change returns a new one.

    Over any span of time T it grants at most `capacity` + `tokens` x T / `per_ms` tokens. Make one with `full`.
    """

    tokens: int
    """Tokens gained per `per_ms`, at least 1."""
    per_ms: int
    """Length of the period, ms, at least 1."""
    capacity: int
    """Tokens it can hold, at least 1: the largest burst."""
    level: int
    """In units of 1 / `per_ms` token; negative = tokens taken in advance."""
    at: int
    """When `level` was right, ms. It never goes back."""

    @classmethod
    def full(cls, tokens: int, per_ms: int, *, now: int, capacity: int | None = None) -> "Bucket":
        """A full bucket; `capacity` defaults to `tokens`. Raises `InvalidValueError` where a number is below 1."""
        size = tokens if capacity is None else capacity
        if min(tokens, per_ms, size) < 1:
            raise InvalidValueError("budgets.limit", "must be at least 1")
        return cls(tokens, per_ms, size, size * per_ms, now)

    def refilled(self, now: int) -> "Bucket":
        """The bucket at `now`. A clock that went backwards gains nothing."""
        if now <= self.at:
            return self
        level = min(self.capacity * self.per_ms, self.level + (now - self.at) * self.tokens)
        return Bucket(self.tokens, self.per_ms, self.capacity, level, now)

    def reserve(self, n: int, now: int) -> tuple["Bucket", int]:
        """Take `n` tokens in any case; returns how long to wait for the last of them, in ms (0 = now).

        Each waiting caller waits longer than the one before it (up to 60,000 tokens a minute; above that several share a
        millisecond), so it waits once and need not reserve again. Raises `InvalidValueError` for a negative `n`.
        """
        if n < 0:
            raise InvalidValueError("budgets.limit", "cannot take a negative number")
        bucket = self.refilled(now)
        level = bucket.level - n * bucket.per_ms
        return replace(bucket, level=level), bucket.wait_ms(-level, now)

    @property
    def is_full(self) -> bool:
        """Whether it holds all that it can hold."""
        return self.level >= self.capacity * self.per_ms

    def resized(self, full: "Bucket") -> "Bucket":
        """As `full`, another size of it, without what is missing here; of a part of another budget's size, the same part of it.

        So what was used counts against a changed limit.
        """
        missing = self.capacity * self.per_ms - self.level
        # Another number of processes: one that has less of the budget has used less of it.
        if self.per_ms != full.per_ms:
            missing = missing * full.capacity * full.per_ms // (self.capacity * self.per_ms)
        return replace(full, level=full.level - missing, at=self.at)

    def wait_ms(self, units: int, now: int) -> int:
        """How long from `now` until `units` have been gained, in ms, rounded up; 0 for none."""
        if units <= 0:
            return 0
        return max(0, self.at - now) + -(-units // self.tokens)


class Period(StrEnum):
    """What a budget is counted over (W-5)."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"

    @property
    def ms(self) -> int:
        """Its length in ms."""
        return _PERIOD_MS[self]


_PERIOD_MS: Final = {Period.MINUTE: MINUTE_MS, Period.HOUR: 60 * MINUTE_MS, Period.DAY: DAY_MS}


@dataclass(frozen=True, slots=True)
class Budget:
    """How much an account may send per period. Its bindings share it (D-22)."""

    per: Period
    limit: int
    """Messages, 1 to 10 million; `AccountLimits` checks it."""

    def bucket(self, now: int, parts: int = 1) -> Bucket:
        """A full bucket of this budget, or of one of `parts` equal parts of it, at least 1.

        The rates of the parts add up to that of the budget, and so do their sizes where the limit has a message for each.
        """
        return Bucket.full(self.limit, self.per.ms * parts, now=now, capacity=max(1, self.limit // parts))

    def least_wait_ms(self, tokens: int) -> int:
        """How long it takes at least, from a full bucket, until so many tokens were there."""
        return max(0, tokens - self.limit) * self.per.ms // self.limit

    def bulk(self, share: float) -> "Budget":
        """The part of it that bulk messages may use; `share` in (0, 1], at least one message.

        Bulk takes from this and from the whole, so that it can use spare capacity but never starves the others.
        """
        _check_share(share)
        return Budget(self.per, max(1, int(self.limit * share)))


class Reserved(NamedTuple):
    """One place in each of several buckets."""

    buckets: tuple[Bucket, ...]
    """As they are afterwards."""
    wait_ms: int
    """The longest of their waits; 0 = now."""
    tightest: int
    """The index of the bucket that has it; the first of equals, 0 without any wait."""


def reserve_all(buckets: Sequence[Bucket], n: int, now: int) -> Reserved:
    """Reserve in every bucket; the longest wait counts."""
    reserved = [bucket.reserve(n, now) for bucket in buckets]
    waits = [wait for _, wait in reserved]
    longest = max(waits, default=0)
    return Reserved(tuple(bucket for bucket, _ in reserved), longest, waits.index(longest) if waits else 0)


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What an account may send and when; the bindings of the account share it (D-22).

    Raises `InvalidValueError`, with the paths of the API (W-5).
    """

    budgets: tuple[Budget, ...] = ()
    """At most one for each period. Without one per minute, the configured limit per minute holds."""
    min_interval_ms: int | None = None
    """Between the starts of two calls of one conversation, 1 ms to a day; None = no interval."""
    quiet_hours: QuietHours | None = None
    """When it sends nothing."""
    bulk_share: float | None = None
    """The part of each budget that messages of bulk priority may use, above 0 and at most 1; None = all of it."""

    def __post_init__(self) -> None:
        for place, budget in enumerate(self.budgets):
            if not 1 <= budget.limit <= MAX_LIMIT:
                raise InvalidValueError(f"budgets[{place}].limit", f"must be from 1 to {MAX_LIMIT}")
            if any(budget.per is other.per for other in self.budgets[:place]):
                raise InvalidValueError(f"budgets[{place}].per", "there is a budget for this period already")
        if self.min_interval_ms is not None and not 1 <= self.min_interval_ms <= DAY_MS:
            raise InvalidValueError("minIntervalMs", f"must be from 1 to {DAY_MS}")
        if self.bulk_share is not None:
            _check_share(self.bulk_share)


NO_LIMITS: Final = AccountLimits()
"""An account that has none of its own."""


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise InvalidValueError("bulkShare", "must be above 0 and at most 1")
