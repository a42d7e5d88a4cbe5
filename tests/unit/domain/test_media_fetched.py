import pytest

from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.media.fetched import (
    MAX_TRIES,
    Fetched,
    FetchLater,
    FetchOutcome,
    after_fetch,
)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "FETCHED"),
        (201, "REFUSED"),
        (299, "REFUSED"),
        (300, "REDIRECT"),
        (399, "REDIRECT"),
        (400, "REFUSED"),
        (404, "REFUSED"),
        (408, "BUSY"),
        (410, "REFUSED"),
        (425, "BUSY"),
        (429, "BUSY"),
        (500, "BUSY"),
        (599, "BUSY"),
        (600, "REFUSED"),
    ],
)
def test_a_status_says_whether_to_come_again(status: int, outcome: str) -> None:
    wait_ms = 7 if outcome == "BUSY" else None
    assert Fetched.of_status(status, 7) == Fetched(FetchOutcome(outcome), status, wait_ms)


@pytest.mark.parametrize("awaited", [True, False])
@pytest.mark.parametrize(
    ("outcome", "failure"),
    [
        (FetchOutcome.BLOCKED, MediaFailure.BLOCKED),
        (FetchOutcome.REDIRECT, MediaFailure.REDIRECTED),
        (FetchOutcome.REFUSED, MediaFailure.NOT_FOUND),
        (FetchOutcome.TOO_LARGE, MediaFailure.TOO_LARGE),
        (FetchOutcome.FETCHED, None),
    ],
)
def test_what_will_not_change_is_final_at_once(
    outcome: FetchOutcome, failure: MediaFailure | None, *, awaited: bool
) -> None:
    assert after_fetch(Fetched(outcome), tries=0, awaited=awaited, fraction=0.0) == failure


def wait_ms(fetched: Fetched, tries: int, fraction: float = 0.0) -> int:
    later = after_fetch(fetched, tries=tries, awaited=True, fraction=fraction)
    assert isinstance(later, FetchLater)
    return later.wait_ms


def test_waits_double_from_a_second_to_a_minute() -> None:
    failed = Fetched(FetchOutcome.FAILED)
    waits = [wait_ms(failed, tries) for tries in range(9)]
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]
    assert wait_ms(failed, 10_000) == 60_000


def test_waits_are_spread_by_a_fifth() -> None:
    assert wait_ms(Fetched(FetchOutcome.FAILED), 0, 0.5) == 1_100
    assert wait_ms(Fetched(FetchOutcome.FAILED), 0, 0.999) == 1_199


@pytest.mark.parametrize(
    ("retry_after_ms", "expected"),
    [(0, 4_000), (3_000, 4_000), (30_000, 30_000), (600_000, 600_000), (86_400_000, 600_000)],
)
def test_a_busy_server_is_left_alone_for_at_most_ten_minutes(retry_after_ms: int, expected: int) -> None:
    assert wait_ms(Fetched(FetchOutcome.BUSY, 429, retry_after_ms), 2) == expected


@pytest.mark.parametrize("outcome", [FetchOutcome.FAILED, FetchOutcome.BUSY])
def test_only_what_is_waited_for_is_tried_without_end(outcome: FetchOutcome) -> None:
    last = MAX_TRIES - 1
    assert after_fetch(Fetched(outcome), tries=last, awaited=False, fraction=0.0) is MediaFailure.UNREACHABLE
    assert isinstance(after_fetch(Fetched(outcome), tries=last - 1, awaited=False, fraction=0.0), FetchLater)
    assert isinstance(after_fetch(Fetched(outcome), tries=last, awaited=True, fraction=0.0), FetchLater)
