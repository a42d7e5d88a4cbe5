"""How instants look: ISO-8601 with a zone in requests, in UTC with milliseconds and ``Z`` in answers (D-23).

With `app.compat.local-time-zone`, both are local times as the Java service had them (ADR 84).
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple, overload

import msgspec

from wework_message.domain.instants import utc_text, within_calendar
from wework_message.entrypoints.wire.answer_form import answer_form

NO_INSTANT: Final = "must be an ISO-8601 time with zone"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_DAY_MS: Final = 86_400_000
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?", re.ASCII)
"""A `LocalDateTime` as Jackson, fastjson2 and its own `toString` write it."""


@overload
def iso(ms: int) -> str: ...
@overload
def iso(ms: None) -> None: ...
@overload
def iso(ms: int | None) -> str | None: ...
def iso(ms: int | None) -> str | None:
    """`utc_text`, or the local time of the form of this request's answers; None stays None."""
    if ms is None:
        return None
    zone = answer_form().zone
    return utc_text(ms) if zone is None else local_text(ms, zone)


def local_text(ms: int, zone: tzinfo) -> str:
    """Epoch ms as ``2025-08-08T18:15:30.123``, the local time of `zone`. Never raises, as `utc_text`."""
    second, ms_of_second = divmod(within_calendar(ms), 1000)
    return f"{_local_second(second, zone)}.{ms_of_second:03d}"


@lru_cache(256)
def _local_second(second: int, zone: tzinfo) -> str:
    instant = _EPOCH + timedelta(seconds=second)
    with suppress(OverflowError):  # in the first and the last hours of the calendar
        instant = instant.astimezone(zone)
    return instant.replace(tzinfo=None).isoformat()


def with_zone(text: str, zone: tzinfo) -> str:
    """A local time of `zone` with its zone, ISO-8601; any other text as it is. Of two instants with one local time the first."""
    if _LOCAL.fullmatch(text) is None:
        return text
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
    except ValueError:
        return text


def epoch_ms(instant: datetime) -> int:
    """`instant` as epoch ms UTC, rounded down."""
    return (instant - _EPOCH) // _MS


class InstantRange(NamedTuple):
    """Instants that a client may give; beyond them it has made a mistake, and no sum with them leaves the calendar."""

    now: int
    """Epoch ms."""
    earliest_year: int = 2020
    max_days_ahead: int = 365
    zone: tzinfo | None = None
    """Where an instant without zone is a local time; None: there is no such instant."""

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
        instant = msgspec.convert(text if allowed.zone is None else with_zone(text, allowed.zone), datetime)
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
