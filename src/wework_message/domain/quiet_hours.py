"""Quiet hours: a daily span of local time in which an account sends nothing (M-4.7, ADR 0049)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from wework_message.domain.errors import InvalidValueError

_DAY_MINUTES: Final = 24 * 60
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = _DAY_MINUTES * _MINUTE_MS
_MS: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)

_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,3}", re.ASCII)
"""Names of the database are relative paths. Those in lower case (`localtime`, `posix/...`) are of one machine only."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily span in which an account sends nothing, by the clock on the wall. Equal ends mean no span.

    At every instant it counts what the clock in the zone shows. So where summer time begins, a span that ends in the missing
    hour ends with the jump; where it ends, the hour that comes twice is quiet twice.

    Raises `InvalidValueError` for a minute outside 0-1439 and for a zone that the time zone database does not have.
    """

    start: int
    """Minute of the local day, 0-1439."""
    end: int
    """Minute of the local day at which sending starts again; may be before `start` (over midnight)."""
    zone: str = "UTC"
    """IANA name, such as `Asia/Shanghai`."""

    def __post_init__(self) -> None:
        for path, minute in (("quietHours.from", self.start), ("quietHours.to", self.end)):
            if not 0 <= minute < _DAY_MINUTES:
                raise InvalidValueError(path, "must be a time of day")
        _known_zone(self.zone)

    @classmethod
    def of(cls, from_time: str, to_time: str, zone: str) -> "QuietHours":
        """From times of day such as `22:00`; raises `InvalidValueError`."""
        return cls(_minute("quietHours.from", from_time), _minute("quietHours.to", to_time), zone)

    @property
    def from_time(self) -> str:
        """The beginning as a time of day, `HH:MM`."""
        return _time(self.start)

    @property
    def to_time(self) -> str:
        """The end as a time of day, `HH:MM`."""
        return _time(self.end)

    def until_open(self, now: int) -> int:
        """How long until sending is allowed, ms; 0 = now. `now` in epoch ms."""
        at = now
        while (left := self._left(_local_ms(self.zone, at))) > 0:
            ahead = at + left
            change = _next_change(self.zone, at, ahead)
            if change is None:
                return ahead - now
            at = change  # the wall clock jumped on the way: look at what it shows now
        return at - now

    def _left(self, local: int) -> int:
        """What is left of the span at a local time, ms, were the clock not to jump; 0 outside of it."""
        since_start = (local - self.start * _MINUTE_MS) % _DAY_MS
        length = (self.end - self.start) % _DAY_MINUTES * _MINUTE_MS
        return length - since_start if since_start < length else 0


def _minute(path: str, text: str) -> int:
    parts = _TIME.fullmatch(text)
    if parts is None:
        raise InvalidValueError(path, "must be a time of day such as 22:00")
    return int(parts[1]) * 60 + int(parts[2])


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@lru_cache(1_024)
def _known_zone(name: str) -> ZoneInfo:
    """The zone; raises `InvalidValueError`. One that was found needs no file again."""
    try:
        if _ZONE.fullmatch(name) is not None:
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; not a zone; a folder
        pass
    raise InvalidValueError("quietHours.zone", "is not in the time zone database (such as Asia/Shanghai)")


def _offset_ms(zone: str, now: int) -> int:
    """Local time minus UTC."""
    local = (_EPOCH + now * _MS).astimezone(_known_zone(zone))
    return (local.utcoffset() or timedelta()) // _MS


def _local_ms(zone: str, now: int) -> int:
    return now + _offset_ms(zone, now)


def _next_change(zone: str, after: int, until: int) -> int | None:
    """The first instant in (after, until] with another offset; None where the offset at both ends is the same.

    Both are at most a day apart, in which no zone changes twice.
    """
    before = _offset_ms(zone, after)
    if _offset_ms(zone, until) == before:
        return None
    low, high = after, until
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset_ms(zone, middle) == before else (low, middle)
    return high
