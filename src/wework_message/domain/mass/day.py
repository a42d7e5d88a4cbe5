"""The day within which a customer gets one mass send of an account."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

DEFAULT_ZONE: Final = "Asia/Shanghai"


def day_of(now: int, zone: str) -> str:
    """The local date of `now` (epoch ms) in a zone of the time zone database, as ``2026-11-30``.

    A day ends when the clock in the zone shows the next date, however many hours it had.
    """
    return datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(zone)).date().isoformat()
