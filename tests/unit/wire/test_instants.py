import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.builders.messages import DAY_MS, NOW

from wework_message.domain.instants import send_instant
from wework_message.entrypoints.wire.instants import InstantRange, epoch_ms, iso, read_instant, with_zone

ALLOWED: Final = InstantRange(NOW)
SHOWN: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@given(ms=st.integers())
@example(ms=-(2**63))
@example(ms=2**63 - 1)
@example(ms=1_764_000_000_000_000)
def test_every_number_can_be_shown(ms: int) -> None:
    assert SHOWN.fullmatch(iso(ms))


@given(first=st.integers(), second=st.integers())
def test_a_later_instant_is_never_shown_as_an_earlier_one(first: int, second: int) -> None:
    assert iso(min(first, second)) <= iso(max(first, second))


@pytest.mark.parametrize(
    ("ms", "taken"),
    [
        (NOW, NOW),
        (NOW * 1_000, None),  # in ms where s are expected
        (NOW * 1_000_000, None),
        (NOW // 1_000, None),
        (-NOW, None),
        (0, None),
        (2**63 - 1, None),
        (None, None),
    ],
)
def test_a_provider_can_send_only_while_it_exists(ms: int | None, taken: int | None) -> None:
    assert send_instant(ms) == taken


@pytest.mark.parametrize(
    ("ms", "allowed"),
    [
        (epoch_ms(datetime(2020, 1, 1, tzinfo=UTC)), True),
        (epoch_ms(datetime(2020, 1, 1, tzinfo=UTC)) - 1, False),
        (NOW + 365 * DAY_MS, True),
        (NOW + 365 * DAY_MS + 1, False),
    ],
)
def test_instants_of_requests_are_between_2020_and_a_year_ahead(ms: int, allowed: bool) -> None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    assert (ALLOWED.problem(instant) is None) is allowed


@pytest.mark.parametrize("instant", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
@pytest.mark.parametrize("hours", [-23, 0, 23])
def test_the_edges_of_the_calendar_are_refused_in_every_zone(instant: datetime, hours: int) -> None:
    assert ALLOWED.problem(instant.replace(tzinfo=timezone(timedelta(hours=hours)))) is not None


@pytest.mark.parametrize(
    "text", ["2025", "1e10", "0.5", "1750000000", "-1", "NaN", "", "2025-06-01", "2025-06-01T00:00:00"]
)
def test_a_number_and_a_part_of_an_instant_are_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match="ISO-8601 time with zone"):
        read_instant(text, ALLOWED)


def test_in_a_zone_it_may_be_a_local_time() -> None:
    allowed = ALLOWED._replace(zone=ZoneInfo("Asia/Shanghai"))
    assert read_instant("2025-06-15T23:06:40", allowed) == read_instant("2025-06-15T15:06:40Z", allowed) == NOW
    for text in ("2025", "1750000000", "2025-06-01", "2025-06-31T00:00:00"):
        with pytest.raises(ValueError, match="ISO-8601 time with zone"):
            read_instant(text, allowed)


def test_the_first_of_two_instants_with_one_local_time_is_read_and_the_missing_hour_counts_on() -> None:
    new_york = ZoneInfo("America/New_York")
    assert with_zone("2025-11-02T01:30:00", new_york) == "2025-11-02T01:30:00-04:00"
    assert with_zone("2025-03-09T02:30:00", new_york) == "2025-03-09T02:30:00-05:00"


def test_an_instant_is_read() -> None:
    assert read_instant(iso(NOW), ALLOWED) == NOW
