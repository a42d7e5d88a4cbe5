"""What a pull of a stream proves; an absence is never decided too early, whatever was lost and however the pulls fell."""

import dataclasses
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.builders.messages import CONVERSATION, GUID, HORIZON_MS, NOW, PROVIDER, a_stream_record

from wework_message.domain.account import Binding, implicit_account_id, implicit_binding
from wework_message.domain.ids import AccountId, MessageId
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.stream import (
    LOOKED_BACK_MS,
    MAX_PAUSE_MS,
    PageEnd,
    PullOutcome,
    StreamPosition,
    StreamSupport,
    clocks_ms,
    is_of_others,
    may_be_of,
)

OWN = "1688850000000001"
OTHER = "7881300000000001"
ENDED = NOW + 30_000
CLOCKS_MS = 30_000
"""A third of the horizon."""
OVER = ENDED + HORIZON_MS + CLOCKS_MS
"""Nothing is executed later, whatever the clocks say."""
BINDING = implicit_binding(GUID, PROVIDER)


def a_position(**changes: Any) -> StreamPosition:
    fields: dict[str, Any] = {
        "account_id": implicit_account_id(GUID),
        "epoch": 0,
        "cursor": "1000",
        "whole_since": NOW - CLOCKS_MS,
        "reached_at": OVER + 1,
        "pulled_at": OVER,
    }
    return StreamPosition(**fields | changes)


def an_attempt(**changes: Any) -> OpenAttempt:
    fields: dict[str, Any] = {
        "message_id": MessageId("m-1"), "number": 1, "guid": GUID, "conversation_id": CONVERSATION,
        "content_key": None, "started_at": NOW, "ended_at": ENDED, "own_user_id": OWN,
    }  # fmt: skip
    return OpenAttempt(**fields | changes)


def a_page(cursor: str | None = "1001", *, more: bool = False, is_whole: bool = True) -> PageEnd:
    return PageEnd(PullOutcome.READ, cursor, more, is_whole)


@pytest.mark.parametrize(
    ("changes", "proven"),
    [
        ({}, True),
        ({"whole_since": None}, False),
        ({"reached_at": None}, False),
        ({"pulled_at": None}, False),
        ({"whole_since": NOW - CLOCKS_MS + 1}, False),
        ({"reached_at": OVER}, False),
        ({"pulled_at": OVER - 1}, False),
    ],
)
def test_an_absence_needs_the_whole_stream_a_later_record_and_the_horizon(
    changes: dict[str, Any], proven: bool
) -> None:
    assert a_position(**changes).proves_absent(an_attempt(), seen_at=ENDED, horizon_ms=HORIZON_MS) is proven


@pytest.mark.parametrize(("horizon_ms", "apart_ms"), [(0, SKEW_MS), (15_000, 5_000), (HORIZON_MS, CLOCKS_MS)])
def test_clocks_may_be_a_third_of_the_horizon_apart(horizon_ms: int, apart_ms: int) -> None:
    assert clocks_ms(horizon_ms) == apart_ms


def test_a_page_that_ends_the_stream_moves_everything_on() -> None:
    began_at = OVER + 2_000
    position = a_position().after(a_page(), [OVER + 1_000, None], began_at=began_at)
    assert position == a_position(cursor="1001", reached_at=OVER + 1_000, pulled_at=began_at)


def test_a_page_with_more_behind_it_is_not_the_end() -> None:
    position = a_position().after(a_page(more=True), [], began_at=OVER + 1_000)
    assert position == a_position(cursor="1001")


@pytest.mark.parametrize("outcome", sorted(set(PullOutcome) - {PullOutcome.READ}))
def test_a_pull_that_brought_nothing_proves_nothing_and_begins_again_at_the_same_place(outcome: PullOutcome) -> None:
    position = a_position().after(PageEnd(outcome, "7", is_whole=True), [NOW], began_at=OVER + 1_000)
    assert position == a_position(outcome=outcome)


def test_the_first_end_that_is_reached_is_where_the_whole_stream_begins() -> None:
    new = StreamPosition(AccountId("a"), 0, "5")
    began = new.after(a_page("6", more=True), [], began_at=NOW)
    assert (began.whole_since, began.pulled_at, began.reached_at) == (None, None, None)
    ended = began.after(a_page("7"), [NOW - 1_000], began_at=NOW + 1_000)
    assert (ended.whole_since, ended.pulled_at, ended.reached_at) == (NOW + 1_000, NOW + 1_000, NOW - 1_000)


def test_behind_a_page_that_is_not_whole_is_a_gap_until_the_next_end() -> None:
    began_at = OVER + 1_000
    torn = a_position().after(a_page("9", is_whole=False), [], began_at=began_at)
    assert (torn.whole_since, torn.pulled_at, torn.cursor) == (None, OVER, "9")
    mended = torn.after(a_page(None), [], began_at=began_at + 1_000)
    assert (mended.whole_since, mended.cursor) == (began_at + 1_000, "9")


@pytest.mark.parametrize(("pause_ms", "gap"), [(0, False), (MAX_PAUSE_MS, False), (MAX_PAUSE_MS + 1, True), (-1, True)])
def test_a_pause_that_is_too_long_and_a_clock_that_was_set_back_are_gaps(pause_ms: int, gap: bool) -> None:
    began_at = OVER + pause_ms
    position = a_position().after(a_page(), [], began_at=began_at)
    assert position.whole_since == (max(OVER, began_at) if gap else NOW - CLOCKS_MS)


def test_a_gap_does_not_end_before_a_call_that_was_made_by_the_clock_of_before() -> None:
    """Nobody knows whether the call is in what was not read: the clock that was set back must not put the gap before it."""
    position = a_position(pulled_at=NOW - 1_000)
    for at in (NOW + 60_000 - 600_000, OVER + 2_000):  # ten minutes back, and then right again
        position = position.after(a_page(), [OVER + 1_000], began_at=at)
    assert position == a_position(
        cursor="1001", whole_since=NOW - 1_000, reached_at=OVER + 1_000, pulled_at=OVER + 2_000
    )
    assert not position.proves_absent(an_attempt(), seen_at=ENDED, horizon_ms=HORIZON_MS)


def test_what_was_read_no_longer_counts_where_a_part_of_it_may_be_gone() -> None:
    assert a_position().torn() == a_position(whole_since=None)


def test_a_record_of_the_future_does_not_say_how_far_the_stream_is() -> None:
    began_at = OVER
    position = a_position().after(a_page(), [began_at + SKEW_MS + 1], began_at=began_at)
    assert position.reached_at == OVER + 1
    position = a_position().after(a_page(), [began_at + SKEW_MS], began_at=began_at)
    assert position.reached_at == began_at + SKEW_MS


def test_another_account_has_another_stream_and_a_switch_is_a_gap() -> None:
    position = a_position()
    assert position.now_of(BINDING) is position
    switched: Binding = dataclasses.replace(BINDING, epoch=1)
    assert position.now_of(switched) == a_position(epoch=1, whole_since=None)
    assert position.now_of(dataclasses.replace(BINDING, account_id=AccountId("another"))) is None


@pytest.mark.parametrize(
    ("record", "may"),
    [
        ({"sender": OWN}, True),
        ({"sender": None, "marked_own": False, "conversations": ()}, True),
        ({"sender": OTHER, "marked_own": False, "conversations": ("S:9",)}, False),
        ({"sender": OTHER, "marked_own": False, "conversations": ()}, False),
        ({"sender": OTHER, "marked_own": False}, True),
        ({"sender": OTHER, "marked_own": False, "conversations": (f"{CONVERSATION};7",)}, True),
        ({"sender": OTHER, "conversations": ()}, True),
        ({"sender": OWN, "text": None}, True),
        ({"sender": OWN, "kinds": frozenset()}, False),
        ({"sender": OWN, "conversations": ("S:9",)}, False),
        ({"sender": OWN, "sent_at": None}, True),
        ({"sender": OWN, "conversations": ()}, True),
        ({"sender": OWN, "conversations": ("R:9",)}, True),
        ({"sender": OWN, "sent_at": NOW - LOOKED_BACK_MS}, True),
        ({"sender": OWN, "sent_at": NOW - LOOKED_BACK_MS - 1}, False),
        ({"sender": OWN, "sent_at": OVER}, True),
        ({"sender": OWN, "sent_at": OVER + 1}, False),
        ({"sender": OWN, "sent_at": OVER + 1, "refers_to": "4711"}, True),
        ({"sender": OWN, "sent_at": NOW - LOOKED_BACK_MS - 1, "refers_to": "4711"}, False),
    ],
)
def test_an_own_record_of_the_conversation_and_time_is_a_doubt_whatever_it_contains(
    record: dict[str, Any], may: bool
) -> None:
    assert may_be_of(a_stream_record(**record), an_attempt(), seen_at=ENDED, horizon_ms=HORIZON_MS) is may


@pytest.mark.parametrize(
    ("own_user_id", "conversation_id", "may"), [(OWN, "R:5", False), (None, "R:5", True), (OWN, "S:5", True)]
)
def test_what_another_sends_in_a_room_is_no_doubt_while_it_is_known_who_the_account_is(
    own_user_id: str | None, conversation_id: str, may: bool
) -> None:
    """To the one person of a conversation nobody writes but the account, by whatever id."""
    record = a_stream_record(sender=OTHER, marked_own=False, conversations=(conversation_id,))
    attempt = an_attempt(own_user_id=own_user_id, conversation_id=conversation_id)
    assert may_be_of(record, attempt, seen_at=ENDED, horizon_ms=HORIZON_MS) is may


@pytest.mark.parametrize(
    ("conversations", "may"), [(("R:5",), True), (("R:6",), False), (("S:5",), True), (("S:0",), True), ((), True)]
)
def test_a_record_that_shows_no_room_may_be_of_any_room(conversations: tuple[str, ...], may: bool) -> None:
    """The field that names the room may have another name in an answer that nobody documents."""
    record = a_stream_record(sender=OWN, conversations=conversations)
    assert may_be_of(record, an_attempt(conversation_id="R:5"), seen_at=ENDED, horizon_ms=HORIZON_MS) is may


@pytest.mark.parametrize("requested", [CONVERSATION, f"{CONVERSATION};7"])
@pytest.mark.parametrize("shown", [CONVERSATION, f"{CONVERSATION};7", f"{CONVERSATION};8"])
def test_all_sessions_with_a_person_are_one_conversation(requested: str, shown: str) -> None:
    record = a_stream_record(sender=OWN, conversations=(shown,))
    assert may_be_of(record, an_attempt(conversation_id=requested), seen_at=ENDED, horizon_ms=HORIZON_MS)


def test_a_call_whose_process_has_a_clock_that_is_ahead_ends_as_it_says() -> None:
    assert a_position().proves_absent(an_attempt(), seen_at=ENDED - CLOCKS_MS, horizon_ms=HORIZON_MS)
    late = a_position(reached_at=OVER)
    assert not late.proves_absent(an_attempt(), seen_at=ENDED - CLOCKS_MS, horizon_ms=HORIZON_MS)


def test_a_call_whose_process_has_a_clock_that_is_behind_ends_where_it_was_found() -> None:
    """By the clock of whoever decides: until H after that it may be executed, and its record may be stamped so."""
    attempt = an_attempt(started_at=NOW - 3_600_000, ended_at=ENDED - 3_600_000)
    position = a_position(whole_since=attempt.started_at - CLOCKS_MS)
    record = a_stream_record(sender=OWN, sent_at=OVER)
    for seen_at, proven in ((ENDED, True), (ENDED + 1, False)):
        assert position.proves_absent(attempt, seen_at=seen_at, horizon_ms=HORIZON_MS) is proven
    assert may_be_of(record, attempt, seen_at=ENDED, horizon_ms=HORIZON_MS)
    assert not may_be_of(record, attempt, seen_at=ENDED - 1, horizon_ms=HORIZON_MS)


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({"sender": OTHER}, True),
        ({"sender": OTHER, "conversations": ("R:5",)}, True),
        ({"sender": OTHER, "conversations": (f"S:{OWN};7",)}, True),
        ({"sender": OTHER, "conversations": (CONVERSATION,)}, False),
        ({"sender": OTHER, "conversations": ()}, False),
        ({"sender": OWN}, False),
        ({"sender": None}, False),
        ({"sender": OTHER, "marked_own": True}, False),
        ({"sender": OTHER, "refers_to": "7"}, False),
    ],
)
def test_of_others_is_what_somebody_else_surely_sent(changes: dict[str, Any], others: bool) -> None:
    """And not what is addressed to a person who is none of ours, such as by an account under another login."""
    fields: dict[str, Any] = {"marked_own": False, "conversations": (f"S:{OWN}",)}
    assert is_of_others(a_stream_record(**fields | changes), {OWN}) is others


def test_what_is_pulled_is_what_the_operator_says() -> None:
    assert [support for support in StreamSupport if support.is_pulled] == ["positive", "complete"]


SECOND = 1_000
LATE_S = (30_000 + HORIZON_MS) // SECOND
"""The latest execution, from the start of the call on."""
PULLS = st.lists(
    st.tuples(
        st.integers(1, 120), st.integers(1, 4), st.sampled_from(["good", "good", "good", "lossy", "lost"])
    ),
    min_size=1,
    max_size=30,
)  # fmt: skip
CLOCK_S = st.integers(-CLOCKS_MS // SECOND, CLOCKS_MS // SECOND)
NEAR_S = st.integers(-CLOCKS_MS // SECOND // 2, CLOCKS_MS // SECOND // 2)
"""Clocks that are no further apart than that from each other, even if none of them is true."""
SENDS: dict[str, Any] = {
    "executed_s": st.none() | st.integers(0, LATE_S),
    "others_s": st.lists(st.integers(-100, 900), max_size=12),
    "begins_s": st.integers(-200, 60),
    "late_s": st.integers(0, 600),
    "pulls": PULLS,
}

STEADY: Final = [(20, 4, "good")] * 30


@dataclasses.dataclass(frozen=True)
class Clocks:
    """How many seconds each clock is ahead."""

    provider_s: int
    puller_s: int
    sender_s: int = 0


@given(provider_s=CLOCK_S, puller_s=CLOCK_S, **SENDS)
@example(
    executed_s=LATE_S, others_s=[40, 300, 310], begins_s=-100, late_s=60, pulls=STEADY, provider_s=0, puller_s=0
)  # the stream is late
@example(
    executed_s=0, others_s=[-30], begins_s=-20, late_s=0, pulls=STEADY, provider_s=0, puller_s=30
)  # the pulling process is ahead
@example(
    executed_s=LATE_S, others_s=[-20, 0, 30], begins_s=-100, late_s=110, pulls=STEADY, provider_s=30, puller_s=0
)  # its stream hangs
def test_what_was_executed_is_never_proven_absent_before_it_was_read(
    provider_s: int, puller_s: int, **sends: Any
) -> None:
    followed(Clocks(provider_s, puller_s), **sends)


@given(provider_s=NEAR_S, puller_s=NEAR_S, sender_s=st.integers(-3_600, 0), **SENDS)
@example(
    executed_s=LATE_S, others_s=[20], begins_s=-100, late_s=0, pulls=STEADY, provider_s=0, puller_s=0, sender_s=-900
)
def test_nor_where_the_process_that_sent_is_behind_by_any_time(
    provider_s: int, puller_s: int, sender_s: int, **sends: Any
) -> None:
    followed(Clocks(provider_s, puller_s, sender_s), **sends)


def followed(
    clocks: Clocks,
    executed_s: int | None,
    others_s: list[int],
    begins_s: int,
    late_s: int,
    pulls: list[tuple[int, int, str]],
) -> None:
    """A provider with a stream, pulled at any times in pages of any size, some of which fail or lose a record.

    A lossy page says so. The send is executed at any time up to H after the end of its call, by a clock that is true. Records come into the stream
    in the order of their execution, each `late_s` after it. Those of others are of messages of ours.
    """
    attempt = an_attempt(started_at=NOW + clocks.sender_s * SECOND, ended_at=ENDED + clocks.sender_s * SECOND)
    mine = None if executed_s is None else NOW + executed_s * SECOND
    others = [(NOW + second * SECOND, False) for second in others_s]
    stream = sorted(others + ([] if mine is None else [(mine, True)]))
    position, read, place = StreamPosition(AccountId("a"), 0, "1"), set[bool](), 0
    now, seen_at = NOW + begins_s * SECOND, None
    for wait_s, size, how in pulls:
        now += wait_s * SECOND
        began_at = now + clocks.puller_s * SECOND
        if seen_at is None and now >= ENDED:
            seen_at = began_at
        known = [record for record in stream if record[0] + late_s * SECOND <= now]
        page = known[place : place + size]
        if how == "lost":
            position = position.after(PageEnd(PullOutcome.UNREACHABLE), [], began_at=began_at)
            continue
        kept = page[1:] if how == "lossy" else page
        read |= {is_mine for _, is_mine in kept}
        place += len(page)
        end = PageEnd(PullOutcome.READ, str(place + 1), more=place < len(known), is_whole=kept == page)
        position = position.after(end, [at + clocks.provider_s * SECOND for at, _ in kept], began_at=began_at)
        if seen_at is not None and position.proves_absent(attempt, seen_at=seen_at, horizon_ms=HORIZON_MS):
            assert mine is None or True in read
            assert now >= ENDED + HORIZON_MS


def test_the_property_is_not_empty() -> None:
    """A stream that is read well proves the absence of what is not in it."""
    position = StreamPosition(AccountId("a"), 0, "1").after(a_page(), [], began_at=NOW - CLOCKS_MS)
    for began_at in range(NOW, OVER + CLOCKS_MS, CLOCKS_MS):
        position = position.after(a_page("2"), [began_at], began_at=began_at)
        assert not position.proves_absent(an_attempt(), seen_at=ENDED, horizon_ms=HORIZON_MS)
    position = position.after(a_page("2"), [OVER + 1], began_at=OVER + CLOCKS_MS)
    assert position.proves_absent(an_attempt(), seen_at=ENDED, horizon_ms=HORIZON_MS)
