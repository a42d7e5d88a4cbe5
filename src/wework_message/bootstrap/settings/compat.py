"""Settings for clients of the Java service that stay as they are (ADR 84)."""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from wework_message.bootstrap.settings.errors import InvalidSettingError
from wework_message.bootstrap.settings.section import Section
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.quiet_hours import QuietHours

ZONE: Final = "app.compat.local-time-zone"


class CompatSettings(Section, frozen=True):
    """Everything below `app.compat`."""

    local_time_zone: str | None = None
    """Time zone whose local times, without a zone, are the instants of answers, and may be those of requests; null = UTC with `Z`."""
    boolean_success: bool = False
    """`data.success` is never null: false only where a message is refused for good."""
    lenient_requests: bool = False
    """Read what can be meant in one way only, instead of refusing it: `"5"` for 5, fields of other types, unknown names."""


def compat_problems(settings: CompatSettings) -> Iterator[InvalidSettingError]:
    """A zone that nobody knows."""
    if settings.local_time_zone is None:
        return
    try:
        QuietHours(0, 0, settings.local_time_zone)
    except InvalidValueError as error:
        yield InvalidSettingError(ZONE, f"{error.message}, not a difference such as GMT+8")


def zone_of(settings: CompatSettings) -> ZoneInfo | None:
    """The zone of local times; the settings are checked already."""
    return None if settings.local_time_zone is None else ZoneInfo(settings.local_time_zone)
