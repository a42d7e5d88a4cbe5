"""Token buckets of requests, and the failed log-ins of addresses (ADR 71)."""

import ipaddress
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.access import log_ins
from wework_message.domain.access.log_ins import FailedLogIns
from wework_message.domain.access.rates import RequestRate
from wework_message.domain.networks import counted_as

NOW: Final = 5_000.0
RATES: Final = st.builds(RequestRate, st.floats(0.05, 2_000), st.integers(1, 300))
STEPS: Final = st.lists(st.tuples(st.floats(0, 3_000), st.integers(0, 60)), max_size=40)


def takes(rate: RequestRate, full_at: float, count: int, now: float) -> tuple[float, int]:
    granted = 0
    for _ in range(count):
        full_at, wait_ms = rate.taken(full_at, now)
        granted += wait_ms == 0
    return full_at, granted


def test_a_quiet_caller_has_its_burst_and_then_its_rate() -> None:
    rate = RequestRate(10, 5)
    full_at, granted = takes(rate, 0.0, 9, NOW)
    assert granted == 5
    assert rate.taken(full_at, NOW) == (full_at, 100)
    assert rate.taken(full_at, NOW + 60).wait_ms == pytest.approx(40)
    assert rate.taken(full_at, NOW + 100).wait_ms == 0
    assert takes(rate, full_at, 99, NOW + 60_000)[1] == 5


def test_what_is_charged_is_owed() -> None:
    rate = RequestRate(10, 5)
    full_at = rate.charged(0.0, 25, NOW)
    assert rate.taken(full_at, NOW).wait_ms == pytest.approx(2_100)
    assert rate.taken(full_at, NOW + 2_100).wait_ms == 0


def test_what_was_granted_elsewhere_uses_a_bucket_up_and_no_more() -> None:
    rate = RequestRate(10, 5)
    full_at = rate.spent(0.0, 25, NOW)
    assert rate.taken(full_at, NOW).wait_ms == pytest.approx(100)
    owing = rate.charged(0.0, 25, NOW)
    assert rate.spent(owing, 1, NOW) == owing, "a debt is no smaller for it"


def test_parts_have_an_equal_part_and_a_token_at_least() -> None:
    assert RequestRate(10, 5).part(1) == RequestRate(10, 5)
    assert RequestRate(10, 5).part(2) == RequestRate(5, 2)
    assert RequestRate(10, 5).part(9).burst == 1


@given(RATES, STEPS)
def test_over_any_span_no_more_is_granted_than_the_burst_and_the_rate(
    rate: RequestRate, steps: list[tuple[float, int]]
) -> None:
    now, full_at, granted = 0.0, 0.0, 0
    for wait_ms, count in steps:
        now += wait_ms
        full_at, some = takes(rate, full_at, count, now)
        granted += some
    assert granted <= rate.burst + now * rate.per_s / 1_000 + 1e-6


@given(RATES, st.integers(1, 400), st.integers(0, 500))
def test_who_waits_as_long_as_the_answer_says_is_taken(rate: RequestRate, before: int, charged: int) -> None:
    full_at, _ = takes(rate, 0.0, before, NOW)
    full_at = rate.charged(full_at, charged, NOW)
    _, wait_ms = rate.taken(full_at, NOW)
    assert rate.taken(full_at, NOW + wait_ms + 1e-6).wait_ms == 0
    if wait_ms > 1:
        assert rate.taken(full_at, NOW + wait_ms - 1).wait_ms > 0


def test_an_address_that_failed_too_often_waits() -> None:
    failed = FailedLogIns(RequestRate(0.5, 3))
    for _ in range(3):
        assert failed.wait_ms("a", NOW) == 0
        failed.failed("a", NOW)
    assert failed.wait_ms("a", NOW) == 2_000
    assert failed.wait_ms("b", NOW) == 0
    assert failed.wait_ms("a", NOW + 2_000) == 0


def test_failures_that_went_on_cost_an_address_no_more_than_its_burst() -> None:
    failed = FailedLogIns(RequestRate(0.5, 3))
    for _ in range(1_000):  # requests that were under way when it was full
        failed.failed("a", NOW)
    assert failed.wait_ms("a", NOW) == 2_000


def test_addresses_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_ins, "MAX_ADDRESSES", 3)
    failed = FailedLogIns(RequestRate(1, 1))
    for number in range(4):
        failed.failed(f"address {number}", NOW + number)
    assert len(failed) == 3
    assert failed.wait_ms("address 0", NOW + 4) == 0, "the one that failed longest ago made room"
    assert failed.wait_ms("address 3", NOW + 3) > 0
    failed.failed("later", NOW + 60_000)
    failed.failed("later", NOW + 60_000)
    assert len(failed) == 1, "what is full again is forgotten"


def test_an_address_that_fails_again_stays_longer_and_nobody_makes_room_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_ins, "MAX_ADDRESSES", 3)
    failed = FailedLogIns(RequestRate(0.001, 1))
    for address in ("a", "b", "c", "b"):
        failed.failed(address, NOW)
    assert all(failed.wait_ms(address, NOW) > 0 for address in ("a", "b", "c"))
    failed.failed("d", NOW)
    failed.failed("e", NOW)
    assert [failed.wait_ms(address, NOW) > 0 for address in ("a", "b", "c", "d", "e")] == [
        False,
        True,
        False,
        True,
        True,
    ]


def test_a_failure_from_a_new_address_looks_at_few_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """An IPv6 network has as many addresses as somebody likes: a look at all of them for each would be their work for us."""
    monkeypatch.setattr(log_ins, "MAX_ADDRESSES", 3)
    failed = FailedLogIns(RequestRate(0.001, 3))
    for number in range(3):
        failed.failed(f"address {number}", NOW)
    failed.failed("address 0", NOW)
    failed.failed("new", NOW)
    assert len(failed) == 3, "one makes room, and no more"
    later = NOW + 100_000_000
    failed.failed("later", later)
    assert len(failed) == 2, "of all that are full again two are forgotten"
    failed.failed("later", later)
    assert len(failed) == 1


def test_the_origin_of_a_log_in() -> None:
    origins = [
        counted_as(ipaddress.ip_address(text))
        for text in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2:1", "2001:db8:0:1::1")
    ]
    assert origins[0] != origins[1]
    assert origins[2] == origins[3] != origins[4]
