import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.batch import BatchTally, Chunk, check_items, chunks, stores
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.lifecycle import RESTING, MessageStatus


@pytest.mark.parametrize("count", [0, 201, -1])
def test_a_batch_of_no_or_too_many_items_is_refused(count: int) -> None:
    with pytest.raises(InvalidValueError) as refused:
        check_items(count)
    assert refused.value.path == "messages"


@pytest.mark.parametrize("count", [1, 200])
def test_a_batch_may_have_one_to_two_hundred_items(count: int) -> None:
    check_items(count)


@pytest.mark.parametrize(
    ("valid", "rejected", "atomic", "stored"),
    [
        (3, 0, False, True),
        (3, 1, False, True),
        (0, 4, False, False),
        (3, 0, True, True),
        (3, 1, True, False),
        (0, 1, True, False),
    ],
)
def test_what_is_stored_of_a_batch(valid: int, rejected: int, atomic: bool, stored: bool) -> None:
    assert stores(valid=valid, rejected=rejected, atomic=atomic) is stored


@given(st.dictionaries(st.sampled_from(MessageStatus), st.integers(0, 50)))
def test_a_batch_is_finished_when_everything_rests(counts: dict[MessageStatus, int]) -> None:
    tally = BatchTally(sum(counts.values()), counts)
    moving = sum(count for status, count in counts.items() if status not in RESTING)
    assert tally.done == tally.total - moving
    assert tally.finished == (moving == 0)


@given(st.lists(st.lists(st.sampled_from(MessageStatus), min_size=1, max_size=5), max_size=8))
def test_kept_counts_equal_counting(histories: list[list[MessageStatus]]) -> None:
    tally = BatchTally(0, {})
    for history in histories:
        for before, after in itertools.pairwise([None, *history]):
            assert after is not None
            tally = tally.moved(before, after)
    last = [history[-1] for history in histories]
    assert tally == BatchTally(len(last), {status: last.count(status) for status in set(last)})


names = st.lists(st.text(min_size=1, max_size=4), max_size=30)


@given(names, names, st.integers(1, 7))
def test_chunks_keep_every_recipient_in_order_and_apart(users: list[str], rooms: list[str], size: int) -> None:
    if not users and not rooms:
        with pytest.raises(InvalidValueError):
            chunks(users, rooms, size=size)
        return
    cut = chunks(users, rooms, size=size)
    assert [user for chunk in cut for user in chunk.users] == users
    assert [room for chunk in cut for room in chunk.rooms] == rooms
    assert all(bool(chunk.users) != bool(chunk.rooms) for chunk in cut)
    assert all(len(chunk.users) + len(chunk.rooms) <= size for chunk in cut)
    assert len(cut) == -(-len(users) // size) + -(-len(rooms) // size)


def test_recipients_are_limited_over_both_lists() -> None:
    users, rooms = [str(i) for i in range(150)], [str(i) for i in range(51)]
    with pytest.raises(InvalidValueError) as refused:
        chunks(users, rooms)
    assert refused.value.path == "recipients"
    assert chunks(users, rooms[:50]) == (Chunk(users=tuple(users)), Chunk(rooms=tuple(rooms[:50])))
    assert [len(chunk.users) for chunk in chunks(["u"] * 450, [], limit=1_000)] == [200, 200, 50]
