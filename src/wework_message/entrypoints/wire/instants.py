"""How instants look: ISO-8601 with a zone in requests, in UTC with milliseconds and ``Z`` in answers (D-23)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, overload

import msgspec

from wework_message.domain.instants import utc_text

NO_INSTANT: Final = "must be an ISO-8601 time with zone"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_DAY_MS: Final = 86_400_000


@overload
def iso(ms: int) -> str: ...
@overload
def iso(ms: None) -> None: ...
@overload
def iso(ms: int | None) -> str | None: ...
def iso(ms: int | None) -> str | None:
    """`utc_text`; None stays None."""
    return None if ms is None else utc_text(ms)


def epoch_ms(instant: datetime) -> int:
    """`instant` as epoch ms UTC, rounded down."""
    return (instant - _EPOCH) // _MS


class InstantRange(NamedTuple):
    """Instants that a client may give; beyond them it has made a mistake, and no sum with them leaves the calendar."""

    now: int
    """Epoch ms."""
    earliest_year: int = 2020
    max_days_ahead: int = 365

    def problem(self, instant: datetime) -> str | None:
        """What is wrong with `instant`, which has a zone; None if nothing is."""
        return self.problem_at(epoch_ms(instant))

    def problem_at(self, ms: int) -> str | None:
        """The same of epoch ms UTC."""
        if _start_of(self.earliest_year) <= ms <= self.now + self.max_days_ahead * _DAY_MS:
            return None
        return f"must be from {self.earliest_year}-01-01 to {self.max_days_ahead} days ahead"


def read_instant(text: str, allowed: InstantRange) -> int:
    """`text` as epoch ms; raises `ValueError` with what it must be. A number is no instant."""
    try:
        instant = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise ValueError(NO_INSTANT) from None
    if instant.tzinfo is None:
        raise ValueError(NO_INSTANT)
    ms = epoch_ms(instant)
    if (problem := allowed.problem_at(ms)) is not None:
        raise ValueError(problem)
    return ms


@lru_cache(8)
def _start_of(year: int) -> int:
    return epoch_ms(datetime(year, 1, 1, tzinfo=UTC))
