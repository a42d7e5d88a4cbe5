"""When an event is tried, and what becomes of it."""

import dataclasses
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.builders.messages import NOW
from tests.support.builders.webhooks import BROKEN, GONE, TAKEN, a_delivery

from wework_message.domain.ids import MessageId
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundOutcome
from wework_message.domain.webhooks.delivery import (
    BUSY_WAIT_MS,
    DEADLINE_MS,
    JITTER,
    LEASE_MS,
    MAX_ATTEMPTS,
    MIN_KEPT_MS,
    SCHEDULE_MS,
    STEP_MS,
    Delivery,
    DeliveryState,
    heads_of,
    put_off,
    wait_ms,
)

HOUR: Final = 3_600_000
FRACTIONS = st.floats(0, 1, exclude_max=True)


def test_the_schedule_is_that_of_svix() -> None:
    waits = [wait_ms(attempts, BROKEN, 0.5) / 1000 for attempts in range(1, MAX_ATTEMPTS)]
    assert waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]
    assert MAX_ATTEMPTS == 8


@given(st.integers(1, MAX_ATTEMPTS - 1), FRACTIONS)
def test_waits_are_a_fifth_longer_or_shorter_at_most(attempts: int, fraction: float) -> None:
    nominal = SCHEDULE_MS[attempts - 1]
    assert nominal * (1 - JITTER) - 1 <= wait_ms(attempts, BROKEN, fraction) <= nominal * (1 + JITTER) + 1


@pytest.mark.parametrize(
    "answer",
    [
        OutboundAnswer(OutboundOutcome.TIMEOUT),
        OutboundAnswer(OutboundOutcome.REFUSED, 429),
        OutboundAnswer(OutboundOutcome.REFUSED, 503),
    ],
)
def test_a_busy_receiver_has_a_minute_at_least(answer: OutboundAnswer) -> None:
    assert wait_ms(1, answer, 0.0) == BUSY_WAIT_MS
    assert wait_ms(2, answer, 0.5) == 300_000


def test_retry_after_is_kept_up_to_a_limit() -> None:
    asks = [OutboundAnswer(OutboundOutcome.REFUSED, 429, ms) for ms in (1, 400_000, 10 * HOUR, 10**12)]
    assert [wait_ms(1, answer, 0.5) for answer in asks] == [BUSY_WAIT_MS, 400_000, 10 * HOUR, 10 * HOUR]


def test_an_attempt_that_succeeds_ends_it() -> None:
    delivery = a_delivery().claimed(NOW)
    assert (delivery.attempts, delivery.due_at) == (1, NOW + LEASE_MS)
    ended = delivery.answered(TAKEN, now=NOW + 9, fraction=0.0)
    assert (ended.state, ended.due_at, ended.ended_at) == (DeliveryState.DELIVERED, None, NOW + 9)
    assert (ended.outcome, ended.status) == (OutboundOutcome.DELIVERED, 200)


def test_410_ends_it_at_once_and_recovering_begins_from_the_start() -> None:
    gone = a_delivery().claimed(NOW).answered(GONE, now=NOW, fraction=0.0)
    assert (gone.state, gone.due_at, gone.status) == (DeliveryState.FAILED, None, 410)
    waiting = gone.recovered(NOW + 5)
    assert (waiting.state, waiting.attempts, waiting.due_at, waiting.ended_at) == (
        DeliveryState.WAITING,
        0,
        NOW + 5,
        None,
    )
    assert (waiting.event_id, waiting.status) == (gone.event_id, 410)


ASKS: Final = OutboundAnswer(OutboundOutcome.REFUSED, 503, 10**12)


@example([(ASKS, 0.999)] * 8)
@given(
    st.lists(st.tuples(st.sampled_from([BROKEN, ASKS, OutboundAnswer(OutboundOutcome.TIMEOUT)]), FRACTIONS), min_size=8)
)
def test_eight_failures_end_it_within_the_time_that_it_is_kept(answers: list[tuple[OutboundAnswer, float]]) -> None:
    delivery: Delivery = a_delivery()
    tried = 0
    for answer, fraction in answers:
        if delivery.due_at is None:
            break
        now, tried = delivery.due_at, tried + 1
        delivery = delivery.claimed(now).answered(answer, now=now, fraction=fraction)
        assert delivery.due_at is None or delivery.due_at > now
    assert (tried, delivery.state) == (MAX_ATTEMPTS, DeliveryState.FAILED)
    assert (delivery.ended_at or 0) - NOW < MIN_KEPT_MS


def test_an_event_waits_for_earlier_ones_of_its_message() -> None:
    message_id = MessageId("m-1")
    heads = heads_of([(message_id, 5, NOW + 70_000), (message_id, 4, NOW + 60_000), (MessageId("m-2"), 1, NOW)])
    assert put_off(a_delivery(sequence=5), heads, now=NOW) == NOW + 60_000
    assert put_off(a_delivery(sequence=4), heads, now=NOW) is None
    assert put_off(a_delivery(message_id="m-3", sequence=9), heads, now=NOW) is None
    assert put_off(a_delivery(message_id=None), heads, now=NOW) is None
    assert put_off(a_delivery(sequence=None), heads, now=NOW) is None
    assert put_off(a_delivery(message_id="m-2", sequence=2), heads, now=NOW) == NOW + STEP_MS


def test_a_claim_has_time_for_a_whole_attempt_and_can_be_given_back() -> None:
    new = a_delivery()
    claimed = new.claimed(NOW)
    last = NOW + LEASE_MS - DEADLINE_MS
    assert [claimed.has_time(now) for now in (NOW, NOW + DEADLINE_MS, last, last + 1)] == [True, True, True, False]
    assert not claimed.answered(TAKEN, now=NOW, fraction=0.0).has_time(NOW)
    assert claimed.given_back(NOW + 7) == dataclasses.replace(new, due_at=NOW + 7)
