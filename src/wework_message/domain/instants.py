"""Instants that can be, in epoch ms UTC: numbers of clients and providers are not always instants."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

CALENDAR_START_MS: Final = -62_135_596_800_000
"""0001-01-01T00:00:00.000Z: no calendar of ours shows an earlier one."""
CALENDAR_END_MS: Final = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z: no calendar of ours shows a later one."""

_FIRST_SEND_MS: Final = 1_262_304_000_000
"""2010-01-01T00:00:00Z: WeCom is younger."""
_LAST_SEND_MS: Final = 4_102_444_800_000
"""2100-01-01T00:00:00Z. Seconds that are read as ms, or ms as seconds, lie outside of the two."""


def within_calendar(ms: int) -> int:
    """`ms`, or the end of the calendar that is nearer to it."""
    return min(max(ms, CALENDAR_START_MS), CALENDAR_END_MS)


def send_instant(ms: int | None) -> int | None:
    """`ms` where a provider can have sent a message then; None for an impossible number, such as one in another unit."""
    return ms if ms is not None and _FIRST_SEND_MS <= ms < _LAST_SEND_MS else None


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET: Final = len("+00:00")


def utc_text(ms: int) -> str:
    """Epoch ms as ``2025-08-08T10:15:30.123Z``. Never raises: beyond the calendar it is its first or last ms."""
    second, ms_of_second = divmod(within_calendar(ms), 1000)
    return f"{_to_the_second(second)}.{ms_of_second:03d}Z"


@lru_cache(256)
def _to_the_second(second: int) -> str:
    """Cached: most instants of one answer, and of neighbouring answers, have the same second."""
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:-_OFFSET]
