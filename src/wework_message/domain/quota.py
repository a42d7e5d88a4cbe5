"""Budgets of an account as token bucket arithmetic, and quiet hours (D-22, M-4.7).

All quantities are integers, so nothing drifts: a token is `per_ms` units, and a bucket gains `tokens` units every ms.
A message over budget is not refused. It takes its token in advance (the level goes below zero) and waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from wework_message.domain.errors import InvalidValueError

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
_DAY_MINUTES: Final = 24 * 60


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

    def wait_ms(self, units: int, now: int) -> int:
        """How long from `now` until `units` have been gained, in ms, rounded up; 0 for none."""
        if units <= 0:
            return 0
        return max(0, self.at - now) + -(-units // self.tokens)


class Period(StrEnum):
    """What a budget is counted over (W-5). Not wired yet: accounts."""

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
    """How much an account may send per period. Its bindings share it (D-22). Not wired yet: accounts."""

    per: Period
    limit: int
    """Messages, at least 1."""

    def bucket(self, now: int) -> Bucket:
        """A full bucket of this budget."""
        return Bucket.full(self.limit, self.per.ms, now=now)

    def bulk(self, share: float) -> "Budget":
        """The part of it that bulk messages may use; `share` in (0, 1], at least one message.

        Bulk takes from this and from the whole, so that it can use spare capacity but never starves the others.
        """
        if not 0 < share <= 1:
            raise InvalidValueError("bulkShare", "must be above 0 and at most 1")
        return Budget(self.per, max(1, int(self.limit * share)))


def reserve_all(buckets: Sequence[Bucket], n: int, now: int) -> tuple[tuple[Bucket, ...], int]:
    """Reserve in every bucket; the longest wait counts. Not wired yet: accounts."""
    reserved = [bucket.reserve(n, now) for bucket in buckets]
    return tuple(bucket for bucket, _ in reserved), max((wait for _, wait in reserved), default=0)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily span in which an account sends nothing. Equal ends mean no span. Not wired yet: accounts.

    Raises `InvalidValueError` for a minute outside 0-1439.
    """

    start: int
    """Minute of the local day, 0-1439."""
    end: int
    """Minute of the local day at which sending starts again; may be before `start` (over midnight)."""
    offset: int = 0
    """Local time minus UTC, in minutes; the caller knows the rules of the zone for the day in question."""

    def __post_init__(self) -> None:
        for path, minute in (("quietHours.from", self.start), ("quietHours.to", self.end)):
            if not 0 <= minute < _DAY_MINUTES:
                raise InvalidValueError(path, "must be a time of day")

    def until_open(self, now: int) -> int:
        """How long until sending is allowed, ms; 0 = now. `now` in epoch ms."""
        local = (now + self.offset * MINUTE_MS) % DAY_MS
        since_start = (local - self.start * MINUTE_MS) % DAY_MS
        length = (self.end - self.start) % _DAY_MINUTES * MINUTE_MS
        return length - since_start if since_start < length else 0
