"""The rules of mass sends: chunks, days, what a call proves, and messages that wait in their chunk (ADR 67)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import (
    HORIZON_MS,
    NOW,
    a_batch_id,
    a_mass_message,
    a_message,
    a_receipt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.content import LinkContent, TextContent
from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import AccountId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.mass.chunks import MAX_RECIPIENTS, cut, is_room
from wework_message.domain.mass.confirmation import digest_of
from wework_message.domain.mass.day import DEFAULT_ZONE, day_of
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.echo_keys import echo_key
from wework_message.domain.message.on_unknown import apply_policy
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.message.scheduling import LanePosition
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.mass_gateway import MassOutcome


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b"])), max_size=60),
)
def test_chunks_have_every_recipient_once_by_account_and_kind(recipients: list[tuple[bool, str]]) -> None:
    batch_id = a_batch_id()
    # Users come before rooms, as in a request.
    messages = [
        a_mass_message(
            batch_id, index, account_id=AccountId(account), conversation_id=f"{'R' if room else 'S'}:{index}"
        )
        for index, (room, account) in enumerate(sorted(recipients, key=lambda recipient: recipient[0]))
    ]
    chunks = cut(messages)
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert sum(chunk.recipients for chunk in chunks) == len(messages)
    for message in messages:
        (own,) = [chunk for chunk in chunks if chunk.has(message)]
        assert own.are_rooms is is_room(message.conversation_id)


@pytest.mark.parametrize(("size", "expected"), [(1, [1]), (200, [200]), (201, [200, 1]), (450, [200, 200, 50])])
def test_a_call_has_at_most_200_recipients(size: int, expected: list[int]) -> None:
    batch_id = a_batch_id()
    chunks = cut(a_mass_message(batch_id, index) for index in range(size))
    assert [chunk.recipients for chunk in chunks] == expected
    assert [(chunk.first, chunk.last) for chunk in chunks][-1] == (sum(expected[:-1]), size - 1)
    assert max(expected) <= MAX_RECIPIENTS
    assert not chunks[0].has(a_mass_message(a_batch_id(), 0))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-11-30T15:59:59.999", DEFAULT_ZONE, "2026-11-30"),
        ("2026-11-30T16:00:00", DEFAULT_ZONE, "2026-12-01"),
        ("2026-11-30T23:59:59.999", "UTC", "2026-11-30"),
        # A day of 23 hours, and one of 25.
        ("2026-03-28T22:59:59", "Europe/Berlin", "2026-03-28"),
        ("2026-03-28T23:00:00", "Europe/Berlin", "2026-03-29"),
        ("2026-03-29T21:59:59", "Europe/Berlin", "2026-03-29"),
        ("2026-03-29T22:00:00", "Europe/Berlin", "2026-03-30"),
        ("2026-10-24T22:00:00", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T22:59:59", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T23:00:00", "Europe/Berlin", "2026-10-26"),
        # Midnight does not exist, or comes twice.
        ("2026-04-23T21:59:59", "Africa/Cairo", "2026-04-23"),
        ("2026-04-23T22:00:00", "Africa/Cairo", "2026-04-24"),
        ("2026-10-29T21:30:00", "Africa/Cairo", "2026-10-29"),
    ],
)
def test_a_day_is_that_of_the_wall(instant: str, zone: str, day: str) -> None:
    assert day_of(at(instant), zone) == day


def test_a_token_is_stored_as_a_hash() -> None:
    assert len(digest_of("a token")) == 32
    assert digest_of("a token") != digest_of("another")
    assert digest_of("\ud800")


def test_an_accepted_call_is_accepted_for_all_that_it_does_not_leave_out() -> None:
    accepted = MassOutcome(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("7")), "t", {"S:2": -3})
    assert accepted.of("S:1") == AttemptOutcome(OutcomeClass.ACCEPTED)  # an id of the whole is that of no message
    left_out = accepted.of("S:2")
    assert (left_out.kind, left_out.reason, left_out.error_code) == (
        OutcomeClass.REFUSED_PERMANENT, Reason.LEFT_OUT, -3,
    )  # fmt: skip
    assert left_out.proves_unsent


@pytest.mark.parametrize("kind", [kind for kind in OutcomeClass if kind is not OutcomeClass.ACCEPTED])
def test_any_other_end_holds_for_every_recipient(kind: OutcomeClass) -> None:
    outcome = an_outcome(kind)
    assert MassOutcome(outcome, refused={"S:1": 1}).of("S:1") is outcome


def test_the_key_of_a_text_alone_is_that_of_the_text() -> None:
    link = LinkContent(link_title="t", link_url="https://a.example")
    assert echo_key(MassContent(content="hello ")) == echo_key(TextContent(content="hello"))
    assert echo_key(MassContent(content="hello", links=(link,))) is None
    assert echo_key(MassContent(links=(link,))) is None


def test_a_recipient_takes_no_lane_and_waits_in_its_chunk() -> None:
    message = a_mass_message(a_batch_id(), 0)
    assert [message.is_mass, message.waits_in_chunk] == [True, True]
    attempt = begin_call(message)
    assert not attempt.lane_open
    assert [message.is_mass, message.waits_in_chunk] == [True, False]
    assert message.due is not None
    assert message.due.place is LanePosition.FREE
    settle(message, an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ))
    assert message.status is MessageStatus.UNKNOWN
    assert message.due.place is LanePosition.FREE
    assert not a_message().is_mass
    held = a_mass_message(a_batch_id(), 0)
    held.hold(HoldReason.BUDGET, 1, now=NOW)
    assert held.waits_in_chunk


def test_what_is_uncertain_is_never_sent_again_by_itself() -> None:
    message = a_mass_message(a_batch_id(), 0, on_unknown=OnUnknown.RESEND, duplicate_safe=True)
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ))
    apply_policy(message, horizon_ms=HORIZON_MS, fail_after_ms=1, now=NOW + 10 * HORIZON_MS)
    assert (message.status, message.round) == (MessageStatus.UNKNOWN, 1)


def test_the_places_of_calls() -> None:
    assert LanePosition.of_call(takes_lane=True) is LanePosition.HOLDING
    assert LanePosition.of_call(takes_lane=False) is LanePosition.FREE
