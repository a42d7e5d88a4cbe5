"""How UNKNOWN ends without evidence: by a person's word, or by the policy that somebody chose. Evidence corrects both."""

import copy
from collections.abc import Callable
from itertools import permutations, product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import (
    DAY_MS,
    HORIZON_MS,
    NOW,
    a_due_message,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.on_unknown import RECHECK_MS, apply_policy
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.recall import RecallState
from wework_message.domain.message.resolution import Resolution, Word, resolve
from wework_message.domain.message.scheduling import Due, LanePosition
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.retry import GiveUp, RetryAt

ACCEPTED, UNCERTAIN, NOT_SENT = OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN, OutcomeClass.NOT_SENT
FAIL_AFTER_MS: Final = DAY_MS


def uncertain(**changes: object) -> Message:
    message = a_due_message(**changes)
    begin_call(message)
    settle(message, an_outcome(UNCERTAIN))
    return message


def given_up() -> Message:
    message = uncertain()
    message.give_up_unknown(now=NOW)
    return message


def say(message: Message, outcome: Resolution, *, by: str | None = None, note: str | None = None) -> bool:
    return resolve(message, Word(outcome, by, note), horizon_ms=HORIZON_MS, now=NOW + 5)


def echo(message: Message, number: int = 1) -> None:
    message.learn(
        number, FactKind.ECHO, horizon_ms=HORIZON_MS, now=NOW + 9, note=Note("ECHO", NOW + 9),
        provider_message_id=ProviderMessageId(f"echoed-{number}"),
    )  # fmt: skip


def look_at(message: Message, age: int) -> None:
    apply_policy(message, horizon_ms=HORIZON_MS, fail_after_ms=FAIL_AFTER_MS, now=NOW + age)


@pytest.mark.parametrize("begin", [uncertain, given_up])
@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (Resolution.SENT, (MessageStatus.SENT, None, None)),
        (Resolution.NOT_SENT, (MessageStatus.FAILED, "NOT_SENT_BY_PERSON", True)),
    ],
)
def test_a_word_settles_what_nothing_proves(
    begin: Callable[[], Message], outcome: Resolution, end: tuple[object, ...]
) -> None:
    message = begin()
    assert say(message, outcome)
    assert (message.status, message.reason, message.confirmed) == end
    assert [(attempt.unsettled, attempt.lane_open) for attempt in message.attempts] == [(False, False)]
    assert (message.due, message.lane_released) == (Due(None), True)


def test_the_timeline_says_who_said_what_and_why() -> None:
    details = []
    for by, note in ((None, None), ("mei", None), (None, "asked her"), ("mei", "asked her")):
        message = uncertain()
        say(message, Resolution.SENT, by=by, note=note)
        last = message.notes[-1]
        assert (last.kind, last.at, last.attempt) == ("SENT_BY_PERSON", NOW + 5, 1)
        details.append(last.detail)
    assert details == ["open", "mei", "open: asked her", "mei: asked her"]


@pytest.mark.parametrize("later", [lambda _: None, echo], ids=["as it was said", "echoed since"])
@pytest.mark.parametrize("outcome", Resolution)
def test_the_same_word_again_changes_nothing_and_the_opposite_is_refused(
    outcome: Resolution, later: Callable[[Message], None]
) -> None:
    message = uncertain()
    say(message, outcome)
    later(message)
    before = copy.deepcopy(message)
    assert not say(message, outcome, note="once more")
    opposite = next(other for other in Resolution if other is not outcome)
    with pytest.raises(IllegalTransitionError, match=f"that is {message.status} "):
        say(message, opposite)
    assert message == before


def never_called() -> Message:
    return a_due_message()


def in_flight() -> Message:
    message = a_due_message()
    begin_call(message)
    return message


def sent() -> Message:
    message = in_flight()
    settle(message, an_outcome(ACCEPTED))
    return message


def refused() -> Message:
    message = in_flight()
    settle(message, an_outcome(NOT_SENT), verdict=GiveUp(FailureReason.POISON))
    return message


def refused_by_an_unknown_code() -> Message:
    message = in_flight()
    answer = an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False)
    settle(message, answer, verdict=GiveUp(FailureReason.REFUSED_PERMANENT))
    return message


def in_a_new_round() -> Message:
    message = uncertain()
    message.replay(force=True, by="test", now=NOW)
    return message


@pytest.mark.parametrize("begin", [never_called, in_flight, sent, refused, refused_by_an_unknown_code, in_a_new_round])
@pytest.mark.parametrize("outcome", Resolution)
def test_only_an_uncertain_send_is_a_persons_to_decide(begin: Callable[[], Message], outcome: Resolution) -> None:
    message = begin()
    before = copy.deepcopy(message)
    with pytest.raises(IllegalTransitionError, match=f"that is {message.status} "):
        say(message, outcome)
    assert message == before


def test_what_was_denied_while_its_call_was_open_can_still_be_denied() -> None:
    message = in_flight()
    message.learn(1, FactKind.NOT_SENT_BY_PERSON, horizon_ms=HORIZON_MS, now=NOW, note=Note("NOTE", NOW))
    settle(message, an_outcome(UNCERTAIN))
    assert (message.status, say(message, Resolution.NOT_SENT)) == (MessageStatus.UNKNOWN, True)
    assert (message.status, message.reason) == (MessageStatus.FAILED, "NOT_SENT_BY_PERSON")


def test_a_denied_message_goes_out_by_an_explicit_act_only_and_is_no_duplicate_then() -> None:
    message = uncertain()
    say(message, Resolution.NOT_SENT)
    assert message.status is MessageStatus.FAILED
    message.replay(force=False, by="test", now=NOW)
    assert (message.status, message.possible_duplicate, message.round) == (MessageStatus.QUEUED, False, 2)


@pytest.mark.parametrize("late", ["echo", "answer"])
@pytest.mark.parametrize("resolution", Resolution)
def test_later_evidence_corrects_a_persons_word(resolution: Resolution, late: str) -> None:
    message = uncertain()
    say(message, resolution)
    if late == "echo":
        echo(message)
    else:
        message.settle(1, an_outcome(ACCEPTED), GiveUp(FailureReason.POISON), horizon_ms=HORIZON_MS, now=NOW + 9)
    status = MessageStatus.DELIVERED if late == "echo" else MessageStatus.SENT
    assert (message.status, message.confirmed, message.possible_duplicate) == (status, None, False)


@pytest.mark.parametrize("kind", sorted(set(OutcomeClass) - {ACCEPTED, UNCERTAIN}))
def test_a_late_answer_that_proves_it_unsent_outweighs_a_persons_sent_and_sends_nothing(kind: OutcomeClass) -> None:
    message = uncertain()
    say(message, Resolution.SENT)
    message.settle(1, an_outcome(kind), RetryAt(1_000), horizon_ms=HORIZON_MS, now=NOW + 9)
    assert (message.status, message.reason, message.confirmed) == (MessageStatus.FAILED, "SEND_FAILED_LATER", True)
    assert message.due == Due(None)
    with pytest.raises(IllegalTransitionError):
        say(message, Resolution.NOT_SENT)
    message.replay(force=False, by="test", now=NOW)
    assert not message.possible_duplicate


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_CODE, Reason.ABSENT])
def test_what_proves_nothing_yields_to_a_persons_sent(reason: Reason) -> None:
    message = uncertain()
    say(message, Resolution.SENT)
    answer = AttemptOutcome(OutcomeClass.REFUSED_PERMANENT, reason=reason, confirmed=False)
    message.settle(1, answer, GiveUp(FailureReason.POISON), horizon_ms=HORIZON_MS, now=NOW + 9)
    assert message.status is MessageStatus.SENT


@pytest.mark.parametrize("proves", [True, False])
def test_a_late_answer_says_of_what_was_given_up_whether_it_was_sent(proves: bool) -> None:
    message = given_up()
    answer = an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=proves)
    message.settle(1, answer, RetryAt(1_000), horizon_ms=HORIZON_MS, now=NOW + 9)
    assert (message.status, message.confirmed) == (MessageStatus.FAILED, proves)
    assert (message.reason == "UNRESOLVED") is not proves
    assert message.due == Due(None)


@pytest.mark.parametrize("kind", sorted(set(OutcomeClass) - {ACCEPTED}))
def test_a_late_answer_that_proves_it_unsent_does_not_move_what_was_denied(kind: OutcomeClass) -> None:
    message = uncertain()
    say(message, Resolution.NOT_SENT)
    message.settle(1, an_outcome(kind), GiveUp(FailureReason.POISON), horizon_ms=HORIZON_MS, now=NOW + 9)
    assert (message.status, message.reason) == (MessageStatus.FAILED, "NOT_SENT_BY_PERSON")


def test_a_repeat_whose_first_send_was_executed_all_the_same_is_marked_in_whatever_order_that_is_seen() -> None:
    def answered(message: Message) -> None:
        settle(message, an_outcome(ACCEPTED))

    def first_echoed(message: Message) -> None:
        echo(message)

    def second_echoed(message: Message) -> None:
        echo(message, 2)

    for order in permutations((answered, first_echoed, second_echoed)):
        message = uncertain()
        say(message, Resolution.NOT_SENT)
        message.replay(force=False, by="test", now=NOW)
        begin_call(message)
        for event in order:
            assert not message.possible_duplicate
            event(message)
            if message.attempts.sent_twice:
                break
        assert message.possible_duplicate


def test_the_failure_that_the_server_reports_for_an_earlier_try_of_the_round_is_the_better_reason() -> None:
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(NOT_SENT))
    begin_call(message)
    settle(message, an_outcome(UNCERTAIN))
    message.learn(1, FactKind.SEND_FAIL, horizon_ms=HORIZON_MS, now=NOW, note=Note("SEND_FAIL", NOW))
    assert message.status is MessageStatus.UNKNOWN
    say(message, Resolution.NOT_SENT)
    assert (message.status, message.reason, message.confirmed) == (MessageStatus.FAILED, "SEND_FAILED_LATER", True)


# -- recalls


def test_a_recall_that_waited_begins_once_the_id_is_known_by_which_it_can_be_made() -> None:
    message = uncertain()
    message.ask_recall(now=NOW)
    say(message, Resolution.SENT)
    assert (message.status, message.recall.state, message.due) == (MessageStatus.SENT, RecallState.WAITING, Due(None))
    echo(message)
    assert (message.status, message.recall.state) == (MessageStatus.RECALLING, RecallState.ASKED)
    assert message.due == Due(0, LanePosition.FREE)


def test_a_recall_of_what_only_a_person_says_was_sent_waits_for_its_id() -> None:
    message = uncertain()
    say(message, Resolution.SENT)
    message.ask_recall(now=NOW + 7)
    assert (message.status, message.recall.state) == (MessageStatus.SENT, RecallState.WAITING)
    assert (message.notes[-1].kind, message.lifecycle.updated_at) == ("RECALL_ASKED", NOW + 7)
    message.settle(1, an_outcome(ACCEPTED), GiveUp(FailureReason.POISON), horizon_ms=HORIZON_MS, now=NOW + 9)
    assert message.status is MessageStatus.RECALLING


@pytest.mark.parametrize("begin", [uncertain, given_up])
def test_a_recall_that_waited_keeps_what_was_denied_from_being_sent_again(begin: Callable[[], Message]) -> None:
    message = uncertain()
    message.ask_recall(now=NOW)
    if begin is given_up:
        message.give_up_unknown(now=NOW)
    say(message, Resolution.NOT_SENT)
    assert (message.status, message.reason, message.confirmed) == (MessageStatus.FAILED, "RECALL_ASKED", True)
    echo(message)
    assert message.status is MessageStatus.RECALLING


@pytest.mark.parametrize("echoed", [False, True])
@pytest.mark.parametrize("refusal", sorted(set(OutcomeClass) - {ACCEPTED, UNCERTAIN, NOT_SENT, OutcomeClass.THROTTLED}))
def test_a_refused_recall_gives_the_message_its_former_status_back_with_the_reason(
    refusal: OutcomeClass, *, echoed: bool
) -> None:
    message = sent()
    if echoed:
        echo(message)
    before = message.status
    message.ask_recall(now=NOW)
    message.call_recall(lease_ms=1_000)
    message.settle_recall(an_outcome(refusal), retry_ms=1, horizon_ms=HORIZON_MS, now=NOW)
    assert (message.status, message.reason, message.recall.state) == (before, "RECALL_REFUSED", RecallState.NONE)


# -- the policy


ages = st.integers(-HORIZON_MS, 3 * DAY_MS)
YES_AND_NO: Final = (False, True)


@given(ages=st.lists(ages, max_size=3), last=st.integers(2 * HORIZON_MS, 3 * DAY_MS))
def test_nothing_uncertain_is_sent_again_without_permission(ages: list[int], last: int) -> None:
    for policy, safe, marked, recalled in product((None, *OnUnknown), YES_AND_NO, YES_AND_NO, YES_AND_NO):
        message = uncertain(on_unknown=policy, duplicate_safe=safe, possible_duplicate=marked)
        if recalled:
            message.ask_recall(now=NOW)
        allowed = policy is OnUnknown.RESEND and safe and not marked and not recalled
        for age in (*ages, last):
            if message.status is MessageStatus.UNKNOWN:
                look_at(message, age)
                assert expected_after(age, allowed=allowed, fails=policy is OnUnknown.FAIL) == message.status
                assert not any(attempt.lane_open for attempt in message.attempts)
        if message.status is MessageStatus.QUEUED:
            assert (message.possible_duplicate, message.round) == (True, 2)
        if message.status is MessageStatus.FAILED:
            assert (message.reason, message.confirmed) == ("UNRESOLVED", False)


def expected_after(age: int, *, allowed: bool, fails: bool) -> str:
    """What a look at an uncertain send of this age makes of it."""
    if allowed and age >= 2 * HORIZON_MS:
        return "QUEUED"
    return "FAILED" if fails and age >= FAIL_AFTER_MS else "UNKNOWN"


@pytest.mark.parametrize(
    ("policy", "age", "next_ms"),
    [
        (OnUnknown.HOLD, 2 * HORIZON_MS, RECHECK_MS),
        (OnUnknown.FAIL, 2 * HORIZON_MS, FAIL_AFTER_MS - 2 * HORIZON_MS),
        (OnUnknown.FAIL, -DAY_MS, FAIL_AFTER_MS),
        (OnUnknown.RESEND, 60_000, 2 * HORIZON_MS - 60_000),
    ],
    ids=["held", "to fail later", "the clock was set back", "looked at early"],
)
def test_the_next_look_is_when_the_policy_acts(policy: OnUnknown, age: int, next_ms: int) -> None:
    message = uncertain(on_unknown=policy, duplicate_safe=True)
    look_at(message, age)
    assert (message.status, message.due) == (MessageStatus.UNKNOWN, Due(next_ms, LanePosition.FREE))


def test_a_request_to_recall_does_not_put_off_the_end() -> None:
    message = uncertain(on_unknown=OnUnknown.FAIL)
    message.ask_recall(now=NOW + FAIL_AFTER_MS - 1)
    look_at(message, FAIL_AFTER_MS)
    assert message.status is MessageStatus.FAILED


def test_without_an_open_attempt_the_age_is_that_of_the_status() -> None:
    message = in_flight()
    message.learn(1, FactKind.NOT_SENT_BY_PERSON, horizon_ms=HORIZON_MS, now=NOW, note=Note("NOTE", NOW))
    settle(message, an_outcome(UNCERTAIN))
    message.options = message.options._replace(on_unknown=OnUnknown.FAIL)
    look_at(message, FAIL_AFTER_MS)
    assert message.status is MessageStatus.FAILED
