from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.quiet_hours import QuietHours

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

CHANGES: Final = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),  # half an hour
    "America/Santiago": ("2026-04-05T03:00", "2026-09-06T04:00"),  # at midnight
    "Pacific/Apia": ("2011-12-30T10:00",),  # a whole day is missing
    "Asia/Shanghai": ("2026-07-01T00:00",),  # no change
}
"""Zones, and when their clocks jump (UTC)."""


def ms(instant: str, zone: str = "UTC") -> int:
    """Epoch ms of a local time; with `+02:00` or the like behind it, of that."""
    at = datetime.fromisoformat(instant)
    at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
    return (at - EPOCH) // timedelta(milliseconds=1)


def shown(zone: str, now: int) -> int:
    """Minute of the day on the wall."""
    wall = (EPOCH + timedelta(milliseconds=now)).astimezone(ZoneInfo(zone))
    return wall.hour * 60 + wall.minute


def is_quiet(start: int, end: int, minute: int) -> bool:
    return start <= minute < end if start <= end else minute >= start or minute < end


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, int]:
    """A zone, and an instant near a jump of its clock."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = ms(draw(st.sampled_from(CHANGES[zone])))
    return zone, change + draw(st.integers(-26 * 60, 26 * 60)) * MINUTE + draw(st.integers(0, MINUTE - 1))


MINUTES: Final = st.integers(0, 95).map(lambda quarter: quarter * 15)


@given(moments(), MINUTES, MINUTES)
def test_it_is_open_at_the_first_instant_at_which_the_clock_on_the_wall_shows_no_quiet_time(
    moment: tuple[str, int], start: int, end: int
) -> None:
    zone, now = moment
    opens, minute = now, now - now % MINUTE
    while is_quiet(start, end, shown(zone, opens)):
        minute += MINUTE
        opens = minute
    assert QuietHours(start, end, zone).until_open(now) == opens - now


NIGHT: Final = ("22:00", "07:00")
SHORT: Final = ("02:15", "02:45")


@pytest.mark.parametrize(
    ("span", "zone", "now", "wait"),
    [
        (NIGHT, "Asia/Shanghai", "2026-07-01T21:59:59.999+08:00", 0),
        (NIGHT, "Asia/Shanghai", "2026-07-01T22:00+08:00", 9 * HOUR),
        (NIGHT, "Asia/Shanghai", "2026-07-02T00:00+08:00", 7 * HOUR),
        (NIGHT, "Asia/Shanghai", "2026-07-02T06:59:59.999+08:00", 1),
        (NIGHT, "Asia/Shanghai", "2026-07-02T07:00+08:00", 0),
        (NIGHT, "Europe/Berlin", "2026-03-28T22:00+01:00", 8 * HOUR),  # an hour is missing
        (NIGHT, "Europe/Berlin", "2026-10-24T22:00+02:00", 10 * HOUR),  # an hour comes twice
        (("12:00", "14:00"), "America/New_York", "2026-07-01T13:00-04:00", HOUR),
        (("08:00", "08:00"), "Europe/Berlin", "2026-07-01T08:00+02:00", 0),
        (("00:00", "02:30"), "Europe/Berlin", "2026-03-29T01:00+01:00", HOUR),  # its end is in the gap
        (("02:30", "04:00"), "Europe/Berlin", "2026-03-29T03:00+02:00", HOUR),  # its beginning is
        (SHORT, "Europe/Berlin", "2026-03-29T03:00+02:00", 0),  # all of it is
        (SHORT, "Europe/Berlin", "2026-10-25T02:15+02:00", HOUR // 2),  # the fold: the first time
        (SHORT, "Europe/Berlin", "2026-10-25T02:45+02:00", 0),  # between
        (SHORT, "Europe/Berlin", "2026-10-25T02:15+01:00", HOUR // 2),  # the second time
        (("01:30", "02:30"), "Europe/Berlin", "2026-10-25T02:00+02:00", HOUR // 2),
        (("02:30", "03:30"), "Europe/Berlin", "2026-10-25T02:30+02:00", HOUR // 2),  # cut short by the fold
    ],
)
def test_quiet_hours(span: tuple[str, str], zone: str, now: str, wait: int) -> None:
    assert QuietHours.of(*span, zone).until_open(ms(now)) == wait


@pytest.mark.parametrize(
    ("span", "path"),
    [
        (("24:00", "07:00", "UTC"), "quietHours.from"),
        (("22:60", "07:00", "UTC"), "quietHours.from"),
        (("22:00", "7:00", "UTC"), "quietHours.to"),
        (("22:00", "07:00\n", "UTC"), "quietHours.to"),
        (("22:00", "", "UTC"), "quietHours.to"),
        *[
            (("22:00", "07:00", zone), "quietHours.zone")
            for zone in (
                "",
                "Asia",
                "Asia/Nowhere",
                "../etc/passwd",
                "/etc/localtime",
                "localtime",
                "Asia/\ud800",
                "A\0",
            )
        ],
    ],
)
def test_what_is_no_time_and_no_zone_is_refused_by_its_name_in_the_api(span: tuple[str, str, str], path: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        QuietHours.of(*span)
    assert refused.value.path == path


@pytest.mark.parametrize(("start", "end", "path"), [(-1, 0, "quietHours.from"), (0, 1440, "quietHours.to")])
def test_a_minute_outside_the_day_is_refused(start: int, end: int, path: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        QuietHours(start, end)
    assert refused.value.path == path


@given(MINUTES, MINUTES)
def test_the_times_of_day_are_shown_as_they_were_given(start: int, end: int) -> None:
    quiet = QuietHours(start, end)
    assert QuietHours.of(quiet.from_time, quiet.to_time, "UTC") == quiet
