"""The rules of a replay: its selection, its pace, its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import NOW, a_message

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.failed_messages import CAUSES, FAILURES, FailureFilter
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, ReplayId
from wework_message.domain.lifecycle import DECISIONS, RESTING, MessageStatus, Trigger
from wework_message.domain.replay import (
    BURST_MS,
    CONTENT_ERASED,
    MAX_MESSAGE_IDS,
    MAX_STEP,
    NOT_SELECTED,
    OUTCOME_MS,
    Counted,
    ItemState,
    Replay,
    ReplayItem,
    ReplayState,
    Selection,
    outcome_of,
    rate_in_milli,
)

IDS = tuple(MessageId(name) for name in "abcd")


def a_running_replay(rate: float = 10, selection: Selection | None = None) -> Replay:
    selection = selection or Selection(FailureFilter(cause="POISON"))
    replay = Replay(ReplayId("r"), DEFAULT_TENANT, selection, rate_in_milli(rate), dry_run=False, created_at=NOW)
    replay.count(Counted(1_000_000, 0, None), now=NOW)
    return replay


def items(count: int, state: ItemState = ItemState.OPEN) -> list[ReplayItem]:
    return [ReplayItem(MessageId(f"{number:06}"), state) for number in range(count)]


def test_only_statuses_that_a_retry_without_force_may_leave_are_replayed() -> None:
    assert set(FAILURES) == {status for status, moves in DECISIONS.items() if Trigger.REPLAY in moves}


@pytest.mark.parametrize("cause", [None, *CAUSES])
def test_a_cause_has_one_status(cause: str | None) -> None:
    expected = {None: FAILURES, "EXPIRED": (MessageStatus.EXPIRED,)}.get(cause, (MessageStatus.FAILED,))
    assert tuple(FailureFilter(cause=cause).statuses) == tuple(expected)


@pytest.mark.parametrize(
    ("filters", "message_ids", "path"),
    [
        (FailureFilter(), (), "cause"),
        (FailureFilter(cause="POISON"), IDS, "messageIds"),
        (FailureFilter(), tuple(MessageId(str(number)) for number in range(MAX_MESSAGE_IDS + 1)), "messageIds"),
    ],
)
def test_a_selection_is_by_name_or_by_filter_and_never_empty(
    filters: FailureFilter, message_ids: tuple[MessageId, ...], path: str
) -> None:
    with pytest.raises(InvalidValueError) as refused:
        Selection(filters, message_ids)
    assert refused.value.path == path


@pytest.mark.parametrize("rate", [0.1, 0.5, 1, 333.333, 1_000])
def test_rates_within_the_limits_are_kept(rate: float) -> None:
    assert a_running_replay(rate).rate_per_second == pytest.approx(rate, rel=0.001)


@pytest.mark.parametrize("rate", [0, -1, 0.0999, 1_000.001, float("inf"), float("nan")])
def test_other_rates_are_refused(rate: float) -> None:
    with pytest.raises(InvalidValueError, match="ratePerSecond"):
        rate_in_milli(rate)


@given(
    rate=st.floats(0.1, 1_000),
    waits=st.lists(st.integers(0, 5_000), min_size=1, max_size=60),
)
def test_the_rate_is_never_exceeded_and_the_clock_may_stand_still(rate: float, waits: list[int]) -> None:
    """In any span, no more than the rate allows for it, the burst of one second, and one message."""
    replay, now, done = a_running_replay(rate), NOW, [(NOW, 0)]
    for wait_ms in waits:
        now += wait_ms
        allowed = replay.allowed(now)
        assert 0 <= allowed <= MAX_STEP
        replay.advance(items(allowed), MessageId("x"), now=now)
        done.append((now, done[-1][1] + allowed))
    for place, (begin, before) in enumerate(done):
        for end, after in done[place:]:
            assert after - before <= (end - begin + BURST_MS) * replay.rate_milli / 1_000_000 + 1


@given(rate=st.floats(0.1, 1_000), back_ms=st.integers(0, 10**9))
def test_a_clock_that_is_set_back_delays_it_by_one_interval_at_most(rate: float, back_ms: int) -> None:
    replay = a_running_replay(rate)
    replay.advance(items(replay.allowed(NOW)), MessageId("x"), now=NOW)
    now = NOW - back_ms
    assert 0 <= replay.wait_ms(now) <= 1_000_000 / replay.rate_milli + 2
    assert replay.allowed(now + replay.wait_ms(now)) >= 1


@given(st.lists(st.integers(1, 3), min_size=1, max_size=8))
def test_named_messages_come_once_each_in_order(limits: list[int]) -> None:
    replay = a_running_replay(selection=Selection(message_ids=(*reversed(IDS), *IDS)))
    replay.start_named({IDS[1]}, now=NOW)
    assert (replay.total, replay.skipped) == (3, 1)
    seen: list[MessageId] = []
    for limit in [*limits, 9]:
        if replay.done:
            break
        part, reached = replay.named(limit)
        seen += part
        replay.advance(items(len(part)), reached, now=NOW)
    assert (tuple(seen), replay.state) == ((IDS[0], *IDS[2:]), ReplayState.DONE)


def test_a_count_goes_on_where_it_ended_and_the_replay_begins_at_the_start() -> None:
    replay = Replay(
        ReplayId("r"), DEFAULT_TENANT, Selection(FailureFilter(cause="POISON")), 100, dry_run=False, created_at=NOW
    )
    replay.count(Counted(3, 1, IDS[2]), now=NOW)
    assert (replay.state, replay.position, replay.total, replay.unconfirmed) == (ReplayState.COUNTING, IDS[2], 3, 1)
    replay.count(Counted(2, 1, None), now=NOW + 5)
    assert (replay.state, replay.position, replay.total, replay.unconfirmed) == (ReplayState.RUNNING, "", 5, 2)
    assert (replay.wait_ms(NOW + 5), replay.finished_at) == (0, None)


@pytest.mark.parametrize(("dry_run", "total"), [(True, 3), (False, 0)])
def test_without_anything_to_replay_it_is_done(dry_run: bool, total: int) -> None:
    replay = Replay(
        ReplayId("r"), DEFAULT_TENANT, Selection(FailureFilter(cause="POISON")), 100, dry_run=dry_run, created_at=NOW
    )
    replay.count(Counted(total, 0, None), now=NOW + 5)
    assert (replay.done, replay.finished_at, replay.is_active(NOW + 5)) == (True, NOW + 5, False)


def test_skipped_messages_cost_nothing_of_the_rate() -> None:
    replay = a_running_replay(0.1)
    replay.advance(items(1, ItemState.SKIPPED), IDS[0], now=NOW)
    assert (replay.allowed(NOW), replay.skipped, replay.replayed) == (1, 1, 0)


def test_it_is_active_until_it_is_known_what_became_of_its_messages() -> None:
    replay = a_running_replay()
    replay.advance(items(3), None, now=NOW)
    assert (replay.state, replay.open) == (ReplayState.DONE, 3)
    assert replay.is_active(NOW + OUTCOME_MS - 1)
    assert not replay.is_active(NOW + OUTCOME_MS)
    replay.settle(ended=3, failed=1)
    assert (replay.open, replay.failed, replay.is_active(NOW)) == (0, 1, False)


def test_a_cancelled_one_is_done_and_one_that_is_done_stays_so() -> None:
    replay = a_running_replay()
    replay.cancel(now=NOW + 1)
    assert (replay.state, replay.finished_at) == (ReplayState.CANCELLED, NOW + 1)
    done = a_running_replay()
    done.advance((), None, now=NOW)
    done.cancel(now=NOW + 1)
    assert (done.state, done.finished_at) == (ReplayState.DONE, NOW)


@pytest.mark.parametrize("status", MessageStatus)
def test_what_became_of_a_message(status: MessageStatus) -> None:
    item = ReplayItem(IDS[0], ItemState.OPEN, round=2)
    expected = ItemState.ENDED if status in RESTING else ItemState.OPEN
    assert outcome_of(item, status, 2) is (ItemState.FAILED if status in FAILURES else expected)
    assert outcome_of(item, status, 3) is ItemState.FAILED
    assert outcome_of(item, None, None) is ItemState.ENDED


def test_a_message_whose_content_is_erased_is_skipped() -> None:
    message = a_message(status=MessageStatus.EXPIRED)
    selection = Selection(message_ids=(message.id,))
    assert selection.skipped_because(message) is None
    message.content = None
    assert selection.skipped_because(message) == CONTENT_ERASED


@pytest.mark.parametrize("cause", [None, "RECALL_ASKED"])
def test_what_was_to_be_recalled_is_taken_only_by_its_cause_or_its_id(cause: str | None) -> None:
    assert Selection(FailureFilter(cause=cause, account_id="a")).takes_recalled is (cause is not None)
    assert Selection(message_ids=IDS).takes_recalled


def test_a_message_that_does_not_pass_the_filter_is_skipped() -> None:
    message = a_message(status=MessageStatus.EXPIRED)
    assert Selection(FailureFilter(cause="POISON")).skipped_because(message) == NOT_SELECTED
