from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import CONVERSATION, GUID, HORIZON_MS, NOW, a_stream_record

from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.ids import Guid, MessageId
from wework_message.domain.message.echo_keys import Shown, content_key
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.message.matching import OpenAttempt, is_own, match, open_calls_of
from wework_message.domain.message.projection import FactKind

ENDED = NOW + 30_000


def an_open_attempt(**changes: Any) -> OpenAttempt:
    fields: dict[str, Any] = {
        "message_id": MessageId("m-1"),
        "number": 1,
        "guid": GUID,
        "conversation_id": CONVERSATION,
        "content_key": content_key("hello"),
        "started_at": NOW,
        "ended_at": ENDED,
        "own_user_id": None,
    }
    return OpenAttempt(**fields | changes)


def matched(*attempts: OpenAttempt, received_at: int = ENDED, **record: Any) -> OpenAttempt | None:
    return match(a_stream_record(**record), attempts, horizon_ms=HORIZON_MS, received_at=received_at)


def test_the_account_s_own_text_in_the_conversation_and_in_time_settles_its_attempt() -> None:
    attempt = an_open_attempt()
    assert matched(attempt) is attempt


@pytest.mark.parametrize(
    ("sent_at", "fits"),
    [
        (NOW - SKEW_MS - 1, False),
        (NOW - SKEW_MS, True),
        (ENDED, True),
        (ENDED + HORIZON_MS, True),
        (ENDED + HORIZON_MS + 1, False),
        (None, False),
    ],
)
def test_a_record_must_be_stamped_between_the_start_and_the_horizon(sent_at: int | None, fits: bool) -> None:
    assert (matched(an_open_attempt(), sent_at=sent_at) is not None) is fits


def test_a_record_that_arrived_before_the_attempt_settles_nothing() -> None:
    assert matched(an_open_attempt(), received_at=NOW - 1) is None
    assert matched(an_open_attempt(), received_at=NOW) is not None


def test_a_failure_settles_an_attempt_within_the_horizon_only() -> None:
    failed: dict[str, Any] = {"kinds": frozenset({FactKind.SEND_FAIL})}
    assert matched(an_open_attempt(), received_at=ENDED + HORIZON_MS, **failed) is not None
    assert matched(an_open_attempt(), received_at=ENDED + HORIZON_MS + 1, **failed) is None
    assert matched(an_open_attempt(), received_at=ENDED + HORIZON_MS + 1) is not None


@pytest.mark.parametrize(
    "record",
    [
        {"text": "hello!"},
        {"text": None},
        {"conversations": ("S:1002",)},
        {"conversations": ()},
        {"guid": Guid("guid-b")},
        {"marked_own": False},
    ],
)
def test_a_record_that_differs_in_one_thing_settles_nothing(record: dict[str, Any]) -> None:
    assert matched(an_open_attempt(), **record) is None


def test_a_content_that_only_an_id_identifies_is_never_settled_by_a_text() -> None:
    assert matched(an_open_attempt(content_key=None)) is None


@pytest.mark.parametrize(
    ("own_user_id", "sender", "flag", "own"),
    [
        (None, None, True, True),
        (None, "788", False, False),
        ("788", "788", False, True),
        ("788", "999", True, False),
        ("788", None, True, False),
    ],
)
def test_the_sender_is_compared_once_it_is_known_and_the_mark_counts_before(
    own_user_id: str | None, sender: str | None, flag: bool, own: bool
) -> None:
    record: dict[str, Any] = {"sender": sender, "marked_own": flag}
    assert is_own(a_stream_record(**record), own_user_id) is own
    assert (matched(an_open_attempt(own_user_id=own_user_id), **record) is not None) is own


def test_a_conversation_is_found_under_each_of_its_spellings() -> None:
    attempt = an_open_attempt(conversation_id="S:1001;asid-9")
    assert matched(attempt, conversations=("S:1001", "S:1001;asid-9")) is attempt


@given(
    st.lists(st.tuples(st.integers(NOW - 60_000, NOW), st.integers(1, 3)), min_size=1, max_size=6, unique=True),
    st.data(),
)
def test_of_attempts_of_one_message_the_oldest_is_settled_in_whatever_order_they_come(
    starts: list[tuple[int, int]], data: st.DataObject
) -> None:
    attempts = [an_open_attempt(started_at=start, number=number) for start, number in starts]
    chosen = matched(*data.draw(st.permutations(attempts)))
    assert chosen is not None
    assert (chosen.started_at, chosen.number) == min(starts)


@given(st.integers(NOW - 60_000, NOW))
def test_an_echo_that_two_messages_may_have_caused_settles_neither(started_at: int) -> None:
    both = [an_open_attempt(), an_open_attempt(message_id=MessageId("m-2"), started_at=started_at)]
    assert matched(*both) is None
    assert matched(*both[:1]) is both[0]


def test_messages_of_one_lane_are_told_apart_by_their_times() -> None:
    """The lane lets the next message go twice H after the uncertain one: no stamp fits both."""
    first = an_open_attempt()
    second_began = ENDED + lane_block_ms(HORIZON_MS)
    second = an_open_attempt(message_id=MessageId("m-2"), started_at=second_began, ended_at=second_began + 30_000)
    late = {"received_at": second.ended_at}
    assert matched(first, second, sent_at=ENDED + HORIZON_MS, **late) is first
    assert matched(first, second, sent_at=second_began - SKEW_MS, **late) is second


def test_an_open_call_may_have_caused_what_it_fits_whenever_that_arrived() -> None:
    call = an_open_attempt(started_at=NOW, ended_at=NOW)
    others = [
        an_open_attempt(content_key=content_key("another")),
        an_open_attempt(conversation_id="S:9"),
        an_open_attempt(started_at=NOW + SKEW_MS + 1),
    ]
    record = a_stream_record(sent_at=NOW)
    assert open_calls_of(record, [call, *others], horizon_ms=HORIZON_MS) == [call]
    assert open_calls_of(a_stream_record(text=None), [call], horizon_ms=HORIZON_MS) == []


def test_the_key_of_a_record_is_made_once_however_many_calls_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def key(shown: Shown) -> str:
        made.append(content_key(shown.values[0]))
        return made[-1]

    monkeypatch.setattr(Shown, "key", property(key))
    calls = [an_open_attempt(conversation_id=f"S:{number}") for number in range(50)]
    assert open_calls_of(a_stream_record(), calls, horizon_ms=HORIZON_MS) == []
    assert len(made) == 1
