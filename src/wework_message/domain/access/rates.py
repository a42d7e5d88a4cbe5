"""How many requests a caller may make: token buckets that refuse what is over them (ADR 71).

A bucket is one number: when it is full again, in ms of the caller's clock. What is not there yet is what was used.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

SECOND_MS = 1_000


class Limited(StrEnum):
    """Whose requests a bucket counts; the values are labels of a metric."""

    KEY = "key"
    """Of one API key, or of one subject of a token."""
    TENANT = "tenant"
    ADDRESS = "address"
    """Failed log-ins of one address."""


class Taken(NamedTuple):
    """What became of a request."""

    full_at: float
    """The bucket afterwards: when it is full again, ms."""
    wait_ms: float
    """How long until there is a token; 0 = it was taken."""


@dataclass(frozen=True, slots=True)
class RequestRate:
    """A token bucket's size. Over any span of time T it grants at most `burst` + T x `per_s` tokens."""

    per_s: float
    """Tokens gained per second, above 0."""
    burst: int
    """Tokens of a full bucket, at least 1."""

    @property
    def token_ms(self) -> float:
        """How long it takes to gain a token."""
        return SECOND_MS / self.per_s

    def part(self, parts: int) -> "RequestRate":
        """One of `parts` equal parts, which has a token at least."""
        return self if parts == 1 else RequestRate(self.per_s / parts, max(1, self.burst // parts))

    def taken(self, full_at: float, now: float) -> Taken:
        """Take a token where there is one; a bucket without one is as it was."""
        token_ms = SECOND_MS / self.per_s
        missing_ms = max(0.0, full_at - now)
        wait_ms = missing_ms - (self.burst - 1) * token_ms
        return Taken(full_at, wait_ms) if wait_ms > 0 else Taken(now + missing_ms + token_ms, 0.0)

    def charged(self, full_at: float, tokens: int, now: float) -> float:
        """The bucket after `tokens` were taken in any case: what it does not have it owes, and later requests wait for it."""
        return max(full_at, now) + tokens * self.token_ms

    def spent(self, full_at: float, tokens: int, now: float) -> float:
        """The same, but it never owes anything: what was granted elsewhere, as this bucket sees it."""
        return min(self.charged(full_at, tokens, now), max(full_at, now + self.burst * self.token_ms))


class RequestBudget(NamedTuple):
    """A rate, and who shares it."""

    name: str
    """Of its bucket; the same in all processes."""
    limited: Limited
    rate: RequestRate


class Over(NamedTuple):
    """A request that is over a budget."""

    limited: Limited
    wait_ms: float
    """After so long it has a token, unless others are faster."""
