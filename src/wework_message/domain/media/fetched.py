"""How the fetch of a URL ended, and what it means for the asset."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from wework_message.domain.media.asset import MediaFailure

MIN_WAIT_MS: Final = 1_000
MAX_WAIT_MS: Final = 60_000
"""The wait doubles with each try, from the first to the second."""

MAX_RETRY_AFTER_MS: Final = 10 * 60_000
"""How much of a `Retry-After` is kept."""

MAX_TRIES: Final = 8
"""Of a fetch that no open message waits for; one that is waited for ends with the messages."""

JITTER: Final = 0.2
"""By up to this share a wait is longer, so that the URLs of one host do not come back together."""

_OK: Final = 200
_BUSY: Final = frozenset({408, 425, 429})


class FetchOutcome(StrEnum):
    """How a fetch ended."""

    FETCHED = "FETCHED"
    BLOCKED = "BLOCKED"
    """The URL, or an address of its host, is not allowed. Nothing was asked."""
    REDIRECT = "REDIRECT"
    """It answered 3xx, which is never followed."""
    REFUSED = "REFUSED"
    """It answered a status that is final: any but 200, 408, 425, 429 and 5xx; or the bytes in a coding (gzip) that was not asked for."""
    BUSY = "BUSY"
    """It answered 408, 425, 429 or 5xx: worth another try."""
    TOO_LARGE = "TOO_LARGE"
    """It has, or announces, more than the allowed bytes. The rest was not read."""
    FAILED = "FAILED"
    """No address, no connection, no TLS, a broken or slow answer, fewer bytes than announced: worth another try."""


_FINAL: Final = {
    FetchOutcome.BLOCKED: MediaFailure.BLOCKED,
    FetchOutcome.REDIRECT: MediaFailure.REDIRECTED,
    FetchOutcome.REFUSED: MediaFailure.NOT_FOUND,
    FetchOutcome.TOO_LARGE: MediaFailure.TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """The end of one fetch."""

    outcome: FetchOutcome
    status: int | None = None
    """HTTP status, where one came."""
    retry_after_ms: int | None = None
    """With BUSY, by its `Retry-After`; None where it did not say."""

    @classmethod
    def of_status(cls, status: int, retry_after_ms: int | None = None) -> Self:
        """What an answer of this status, 200 to 999, says. With 200 the bytes are still to come."""
        if status == _OK:
            return cls(FetchOutcome.FETCHED, status)
        if status in _BUSY or status // 100 == 5:  # noqa: PLR2004 -- a class of HTTP
            return cls(FetchOutcome.BUSY, status, retry_after_ms)
        return cls(FetchOutcome.REDIRECT if status // 100 == 3 else FetchOutcome.REFUSED, status)  # noqa: PLR2004 -- the same


@dataclass(frozen=True, slots=True)
class FetchLater:
    """The fetch is due again."""

    wait_ms: int
    """From now, at least `MIN_WAIT_MS`."""


def after_fetch(fetched: Fetched, *, tries: int, awaited: bool, fraction: float) -> MediaFailure | FetchLater | None:
    """What follows a fetch: a failure for good, another try, or None: the bytes are there, and are looked at.

    `tries` were made before it (`MediaJob.tries`). `awaited`: an open message needs the asset. `fraction` in [0, 1) spreads the waits.
    """
    if fetched.outcome is FetchOutcome.FETCHED:
        return None
    if (failure := _FINAL.get(fetched.outcome)) is not None:
        return failure
    if not awaited and tries + 1 >= MAX_TRIES:
        return MediaFailure.UNREACHABLE
    backoff_ms = min(MIN_WAIT_MS << min(tries, MAX_TRIES), MAX_WAIT_MS)
    kept_ms = min(fetched.retry_after_ms or 0, MAX_RETRY_AFTER_MS)
    return FetchLater(int(max(backoff_ms, kept_ms) * (1 + JITTER * fraction)))
