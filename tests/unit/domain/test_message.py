"""The message against a model of what is known about it: the model has no transition table, only facts and decisions."""

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any, Final

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.support.builders.messages import (
    DAY_MS,
    HORIZON_MS,
    LEASE_MS,
    NOW,
    a_due_message,
    a_message,
    a_receipt,
    an_attempt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.errors import ContentErasedError, IllegalTransitionError
from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.erasing import erase_content, sendable
from wework_message.domain.message.handling import MAX_HANDLING_FAILURES, count_handling_failure, recheck_later
from wework_message.domain.message.message import Message
from wework_message.domain.message.on_unknown import apply_policy
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.recall import RecallState
from wework_message.domain.message.resolution import Resolution, Word, resolve
from wework_message.domain.message.restore import mark_open_call_uncertain_after_restore
from wework_message.domain.message.scheduling import Due, LanePosition
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason, OutcomeClass
from wework_message.domain.retry import GiveUp, HoldFor, RetryAt, Settle, Verdict

ACCEPTED, UNCERTAIN, NOT_SENT = OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN, OutcomeClass.NOT_SENT
ECHO, FAIL, RETRIED, REVOKED = FactKind.ECHO, FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK, FactKind.REVOKED
NAMING: Final = {ECHO, FAIL, RETRIED}
EXCUSES: Final = {FAIL, FactKind.TASK_FAILED, FactKind.NOT_SENT_BY_PERSON}
"""Of a call that may have sent, for another one."""
PROOFS_OF_SENDING: Final = {ECHO, RETRIED, FactKind.SENT_BY_PERSON}
WAITING: Final = {"ACCEPTED", "SCHEDULED", "HELD", "QUEUED", "RETRY_WAIT"}
RESTING: Final = {"SENT", "DELIVERED", "RECALLED", "FAILED", "EXPIRED", "CANCELLED"}

IN_CI: Final = os.environ.get("CI") == "true"

unsent_answers = st.sampled_from(sorted(set(OutcomeClass) - {ACCEPTED, UNCERTAIN}))
any_answer = st.sampled_from(OutcomeClass)
verdicts = st.sampled_from(
    [RetryAt(1_000), HoldFor(HoldReason.PROVIDER_DOWN, 5_000), GiveUp(FailureReason.REFUSED_PERMANENT)],
)
reported = st.sampled_from(sorted(set(FactKind) - {FactKind.RECALL_ASSUMED}))


def after(answer: OutcomeClass, verdict: Verdict) -> Verdict:
    """What goes with an answer: a verdict where nothing was sent, none where evidence decides."""
    if answer is OutcomeClass.REFUSED_PERMANENT:
        return GiveUp(FailureReason.REFUSED_PERMANENT)
    return Settle() if answer in (ACCEPTED, UNCERTAIN) else verdict


def learn(message: Message, number: int, fact: FactKind) -> bool:
    """Records of the stream name the message; a recall has an id of its own, and people name none."""
    named = ProviderMessageId(f"echoed-{number}") if fact in NAMING else None
    note = Note(fact, NOW, attempt=number)
    return message.learn(number, fact, horizon_ms=HORIZON_MS, now=NOW, note=note, provider_message_id=named)


@dataclass
class Call:
    """What is known about one attempt."""

    round: int
    answer: OutcomeClass | None = None
    confirmed: bool = True
    facts: set[FactKind] = field(default_factory=set)
    written_off: bool = False

    @property
    def open(self) -> bool:
        return self.answer is None or (self.answer is UNCERTAIN and not self.facts and not self.written_off)

    @property
    def named(self) -> bool:
        """Whether the provider's id is known."""
        return self.answer is ACCEPTED or bool(self.facts & NAMING)

    @property
    def proven_unsent(self) -> bool:
        return self.answer not in (None, ACCEPTED, UNCERTAIN) and self.confirmed

    @property
    def story(self) -> str:
        """M-4.1, in words."""
        if self.facts & {REVOKED, FactKind.RECALL_ASSUMED}:
            return "recalled"
        if RETRIED in self.facts:
            return "seen"
        if FAIL in self.facts:
            return "failed"
        if ECHO in self.facts:
            return "seen"
        return "failed" if FactKind.TASK_FAILED in self.facts else self.word_or_answer

    @property
    def word_or_answer(self) -> str:
        if FactKind.SENT_BY_PERSON in self.facts:
            return "failed" if self.proven_unsent else "sent"
        if self.answer is ACCEPTED:
            return "sent"
        return "uncertain" if self.open and self.answer is UNCERTAIN else "nothing"


@dataclass
class Model:
    """The oracle: the calls, what we decided last, and whether a recall was requested."""

    calls: list[Call] = field(default_factory=list)
    decided: str = "QUEUED"
    recall: bool = False
    duplicate: bool = False
    confirmed: bool = True
    """Whether the last failure that we decided is proven."""
    round: int = 1

    @property
    def in_flight(self) -> bool:
        return any(call.answer is None for call in self.calls)

    @property
    def status(self) -> str:
        return self.proven or self.decided

    @property
    def proven(self) -> str | None:
        if self.in_flight:
            return "SENDING"
        stories = {call.story for call in self.calls if call.story != "failed" or call.round == self.round}
        for story, status in (("seen", "DELIVERED"), ("sent", "SENT")):
            if story in stories:
                return "RECALLING" if self.recall and any(call.named for call in self.calls) else status
        for story, status in (("recalled", "RECALLED"), ("uncertain", "UNKNOWN"), ("failed", "FAILED")):
            if story in stories:
                return status
        return None

    def look(self) -> None:
        """Two calls that were executed are a duplicate, whoever expected it."""
        stories = [call.story for call in self.calls]
        self.duplicate |= sum(story in {"seen", "sent", "recalled"} for story in stories) > 1

    @property
    def failure_is_proven(self) -> bool:
        return self.confirmed or any(call.story == "failed" and call.round == self.round for call in self.calls)


class MessageMachine(RuleBasedStateMachine):
    """Everything that may happen to a message, in every order."""

    def __init__(self) -> None:
        super().__init__()
        self.message = a_due_message()
        self.model = Model()
        self.due: Due | None = None
        self.handling_failures = 0

    def attempt(self, legal: bool, act: Callable[[], Any]) -> bool:
        """Do it; what is not legal must be refused and change nothing."""
        before = copy.deepcopy(self.message)
        if legal:
            act()
            return True
        with pytest.raises(IllegalTransitionError):
            act()
        assert self.message == before
        return False

    @property
    def waits(self) -> bool:
        return self.model.status in WAITING

    # -- before a call

    @rule()
    def claim(self) -> None:
        number = len(self.model.calls) + 1
        attempt = an_attempt(number=number, round=self.message.round)
        if self.attempt(self.waits, lambda: self.message.begin_attempt(attempt, lease_ms=LEASE_MS, now=NOW)):
            self.model.calls.append(Call(self.model.round))

    @rule(reason=st.sampled_from(HoldReason))
    def hold(self, reason: HoldReason) -> None:
        if self.attempt(self.waits, lambda: self.message.hold(reason, 1_000, now=NOW)):
            self.model.decided = "HELD"

    @rule()
    def wait_behind_another(self) -> None:
        if self.attempt(self.waits, lambda: self.message.wait_in_lane(now=NOW)):
            self.model.decided = "QUEUED"

    @rule()
    def expire(self) -> None:
        if self.attempt(self.waits, lambda: self.message.expire(now=NOW)):
            self.model.decided, self.model.confirmed = "EXPIRED", True

    @rule()
    def cancel(self) -> None:
        if self.attempt(self.waits, lambda: self.message.cancel(now=NOW)):
            self.model.decided = "CANCELLED"

    @rule()
    def fail(self) -> None:
        if self.attempt(self.waits, lambda: self.message.fail("NO_BINDING", now=NOW)):
            self.model.decided, self.model.confirmed = "FAILED", True

    @rule()
    def raise_in_handling(self) -> None:
        if not self.attempt(self.waits, lambda: count_handling_failure(self.message, wait_ms=1_000, now=NOW)):
            return
        self.handling_failures += 1
        if self.handling_failures >= MAX_HANDLING_FAILURES:
            self.model.decided, self.model.confirmed = "FAILED", True

    # -- after a call

    @precondition(lambda self: self.model.calls)
    @rule(data=st.data(), answer=any_answer, verdict=verdicts, confirmed=st.booleans())
    def answer(self, data: st.DataObject, answer: OutcomeClass, verdict: Verdict, confirmed: bool) -> None:
        """The answer of any attempt: the first counts, and later only a definite one after an uncertain one."""
        number = data.draw(st.integers(1, len(self.model.calls)))
        call = self.model.calls[number - 1]
        confirmed |= answer is not OutcomeClass.REFUSED_PERMANENT
        verdict = after(answer, verdict)
        outcome = an_outcome(answer, confirmed=confirmed)
        denied = (
            self.model.status == "UNKNOWN"
            and not any(call.open for call in self.model.calls)
            and number == len(self.model.calls)
        )
        awaited = call.open or denied
        given_up = self.message.reason == "UNRESOLVED" and number == len(self.model.calls)
        before = self.model.status
        self.message.settle(number, outcome, verdict, horizon_ms=HORIZON_MS, now=NOW)
        if call.answer is not None and (call.answer is not UNCERTAIN or answer is UNCERTAIN):
            return
        call.answer, call.confirmed = answer, confirmed
        self.model.look()
        if answer is UNCERTAIN:
            self.model.decided = "UNKNOWN"
        elif awaited and answer is not ACCEPTED:
            self._follow(verdict, confirmed=confirmed)
        elif given_up and call.proven_unsent:
            self.model.confirmed = True
        self._look_whether_its_proof_fell_away(before)

    def _follow(self, verdict: Verdict, *, confirmed: bool) -> None:
        if self.model.recall or isinstance(verdict, GiveUp):
            self.model.decided, self.model.confirmed = "FAILED", confirmed
        else:
            self.model.decided = "RETRY_WAIT" if isinstance(verdict, RetryAt) else "HELD"

    @precondition(lambda self: self.model.calls)
    @rule(data=st.data(), fact=reported)
    def report(self, data: st.DataObject, fact: FactKind) -> None:
        number = data.draw(st.integers(1, len(self.model.calls)))
        call = self.model.calls[number - 1]
        before = self.model.status
        assert learn(self.message, number, fact) is (fact not in call.facts)
        call.facts.add(fact)
        self.model.look()
        self._look_whether_its_proof_fell_away(before)

    def _look_whether_its_proof_fell_away(self, before: str) -> None:
        """What it rested on may be of an earlier round."""
        if before in {"SENT", "DELIVERED", "RECALLING"} and self.model.proven is None:
            self.model.decided, self.model.confirmed = "FAILED", True

    # -- what follows

    @rule(force=st.booleans())
    def retry(self, force: bool) -> None:
        status = self.model.status
        legal = status in {"FAILED", "EXPIRED"} or (force and status == "UNKNOWN")
        unproven = status == "UNKNOWN" or (status == "FAILED" and not self.model.failure_is_proven)
        if self.attempt(legal, lambda: self.message.replay(force=force, by="test", now=NOW)):
            self._open_a_round(unproven=unproven)

    def _open_a_round(self, *, unproven: bool) -> None:
        self.model.duplicate |= unproven
        for call in self.model.calls:
            call.written_off |= call.open
        self.model.round += 1
        self.model.decided, self.model.recall, self.handling_failures = "QUEUED", False, 0

    @rule()
    def pass_the_horizon(self) -> None:
        """A claim of an overdue UNKNOWN message; time alone never ends that status."""
        if self.model.status == "UNKNOWN":
            self.message.open_lane(next_ms=1_000, now=NOW)
            assert not any(attempt.lane_open for attempt in self.message.attempts)

    @rule()
    def give_up(self) -> None:
        if self.attempt(self.model.status == "UNKNOWN", lambda: self.message.give_up_unknown(now=NOW)):
            for call in self.model.calls:
                call.written_off |= call.open
            self.model.decided, self.model.confirmed = "FAILED", False

    @rule(outcome=st.sampled_from(Resolution))
    def say_what_became_of_it(self, outcome: Resolution) -> None:
        last = self.model.calls[-1] if self.model.calls else None
        unresolved = self.model.status == "UNKNOWN" or (
            self.model.status == "FAILED" and self.message.reason == "UNRESOLVED"
        )
        repeated = not unresolved and last is not None and outcome.fact in last.facts
        legal = repeated or (unresolved and last is not None)
        if self.attempt(legal, lambda: resolve(self.message, Word(outcome), horizon_ms=HORIZON_MS, now=NOW)) and last:
            last.facts.add(outcome.fact)
            self.model.look()
            if not repeated and outcome is Resolution.NOT_SENT:
                self.model.decided, self.model.confirmed = "FAILED", True

    @rule(resend=st.booleans(), safe=st.booleans(), age=st.sampled_from([0, 2 * HORIZON_MS]))
    def apply_the_policy(self, resend: bool, safe: bool, age: int) -> None:
        if self.model.status != "UNKNOWN":
            return
        policy = OnUnknown.RESEND if resend else OnUnknown.HOLD
        self.message.options = self.message.options._replace(on_unknown=policy, duplicate_safe=safe)
        again = resend and safe and age > 0 and not (self.model.duplicate or self.model.recall)
        apply_policy(self.message, horizon_ms=HORIZON_MS, fail_after_ms=DAY_MS, now=NOW + age)
        if again:
            self._open_a_round(unproven=True)

    @rule()
    def ask_for_a_recall(self) -> None:
        legal = self.model.status in {"SENT", "DELIVERED", "UNKNOWN"}
        if self.attempt(legal, lambda: self.message.ask_recall(now=NOW)):
            self.model.recall = True

    @precondition(lambda self: self.model.status == "RECALLING")
    @rule()
    def call_the_recall(self) -> None:
        self.message.call_recall(lease_ms=LEASE_MS)

    @rule(answer=any_answer)
    def answer_the_recall(self, answer: OutcomeClass) -> None:
        recalling = self.model.status == "RECALLING"
        self.message.settle_recall(AttemptOutcome(answer), retry_ms=2_000, horizon_ms=HORIZON_MS, now=NOW)
        if recalling and answer not in (ACCEPTED, UNCERTAIN, NOT_SENT, OutcomeClass.THROTTLED):
            self.model.recall = False

    @precondition(lambda self: self.model.status == "RECALLING")
    @rule()
    def wait_for_the_recall_in_vain(self) -> None:
        answered, source = self.message.recall.state is RecallState.ANSWERED, self.message.attempts.named
        self.message.time_out_recall(horizon_ms=HORIZON_MS, now=NOW)
        if answered and source is not None:
            self.model.calls[source.number - 1].facts.add(FactKind.RECALL_ASSUMED)
        else:
            self.model.recall = False

    # -- what always holds

    @invariant()
    def its_status_is_what_the_evidence_proves(self) -> None:
        assert self.message.status == self.model.status

    @invariant()
    def one_attempt_is_unsettled_at_most_and_it_is_the_open_one(self) -> None:
        unsettled = [attempt.number for attempt in self.message.attempts if attempt.unsettled]
        assert unsettled == [number for number, call in enumerate(self.model.calls, 1) if call.open]
        assert len(unsettled) <= 1
        assert {attempt.number for attempt in self.message.attempts if attempt.lane_open} <= set(unsettled)

    @invariant()
    def what_rests_is_not_due_and_holds_no_lane_and_all_else_is_due(self) -> None:
        self.due = self.message.due or self.due
        resting = self.model.status in RESTING
        assert self.due is not None
        assert (self.due.in_ms is None) is resting
        if resting:
            assert not any(attempt.lane_open for attempt in self.message.attempts)

    @invariant()
    def sent_and_delivered_have_a_proof(self) -> None:
        if self.message.status in ("SENT", "DELIVERED", "RECALLING"):
            assert any(call.answer is ACCEPTED or call.facts & PROOFS_OF_SENDING for call in self.model.calls)
        if self.message.status == "DELIVERED":
            assert any(call.facts & {ECHO, RETRIED} for call in self.model.calls)

    @invariant()
    def nobody_gets_it_twice_unless_a_person_or_policy_took_that_risk(self) -> None:
        maybe = [call for call in self.model.calls if call.answer in (None, ACCEPTED, UNCERTAIN) or not call.confirmed]
        excused = [call for call in maybe if call.facts & EXCUSES or call.written_off]
        assert len(maybe) - len(excused) <= 1 or self.message.possible_duplicate

    @invariant()
    def a_possible_duplicate_is_marked_exactly_where_it_became_possible(self) -> None:
        assert self.message.possible_duplicate is self.model.duplicate

    @invariant()
    def only_a_failure_says_whether_it_is_proven(self) -> None:
        if self.message.status == "FAILED":
            assert self.message.confirmed is self.model.failure_is_proven
        else:
            assert self.message.confirmed is None


@pytest.mark.parametrize("part", range(5 if IN_CI else 1))
def test_a_message_does_what_the_model_says(part: int) -> None:
    """In parts, so that none comes near the time limit of a test. In CI each has a fixed seed of its own."""
    run_state_machine_as_test(seed(part)(MessageMachine) if IN_CI else MessageMachine, settings=settings())


# -- blind to order


def sent_and_asked_back() -> Message:
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(ACCEPTED))
    message.ask_recall(now=NOW)
    return message


def uncertain() -> Message:
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(UNCERTAIN))
    return message


def in_flight() -> Message:
    message = a_due_message()
    begin_call(message)
    return message


def known(message: Message) -> tuple[Any, ...]:
    attempt = message.attempts[0]
    resting = message.due is not None and message.due.in_ms is None
    return (
        message.status, message.confirmed, message.recall.confirmed, attempt.evidence, attempt.unsettled,
        attempt.lane_open, resting,
    )  # fmt: skip


@pytest.mark.parametrize("begin", [in_flight, uncertain, sent_and_asked_back])
@given(
    facts=st.sets(reported, max_size=3),
    late=st.none() | any_answer,
    repeat=st.booleans(),
    verdict=verdicts,
)
def test_evidence_means_the_same_in_any_order_and_however_often(
    begin: Callable[[], Message], facts: set[FactKind], late: OutcomeClass | None, repeat: bool, verdict: Verdict
) -> None:
    outcome = None if late is None else an_outcome(late)
    events: list[FactKind | AttemptOutcome] = [*sorted(facts), *([outcome] if outcome is not None else [])]
    ends = set()
    for order in permutations(events):
        message = begin()
        for event in order * 2 if repeat else order:
            if isinstance(event, AttemptOutcome):
                message.settle(1, event, after(event.kind, verdict), horizon_ms=HORIZON_MS, now=NOW)
            else:
                learn(message, 1, event)
        ends.add(known(message))
    assert len(ends) == 1


# -- single rules, by name


def test_a_message_for_later_blocks_nobody_before_its_time() -> None:
    message = a_due_message(scheduled_at=NOW + 5_000)
    assert (message.status, message.due) == (MessageStatus.SCHEDULED, Due(5_000, LanePosition.FREE))


def test_a_message_scheduled_in_the_past_is_due_at_once() -> None:
    message = a_due_message(scheduled_at=NOW)
    assert (message.status, message.due) == (MessageStatus.QUEUED, Due(0, LanePosition.WAITING))


def test_an_intent_never_joins_an_open_one() -> None:
    message = a_message(attempts=[an_attempt()])
    with pytest.raises(IllegalTransitionError):
        begin_call(message)
    assert len(message.attempts) == 1


def test_a_hold_does_not_reach_beyond_the_message_s_end() -> None:
    message = a_due_message(expires_at=NOW + 700)
    message.hold(HoldReason.BUDGET, 60_000, now=NOW)
    assert message.due == Due(700, LanePosition.WAITING)


def test_a_retry_that_would_come_too_late_expires_the_message_instead() -> None:
    message = a_due_message(expires_at=NOW + 1_000)
    begin_call(message)
    settle(message, an_outcome(NOT_SENT), verdict=RetryAt(1_000))
    assert (message.status, message.reason) == (MessageStatus.EXPIRED, "EXPIRED")


def test_an_answer_without_a_verdict_is_refused() -> None:
    message = in_flight()
    with pytest.raises(IllegalTransitionError):
        message.settle(1, an_outcome(NOT_SENT), Settle(), horizon_ms=HORIZON_MS, now=NOW)


def test_an_answer_of_an_attempt_that_is_not_there_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        a_due_message().attempts.numbered(1)


def test_the_echo_of_an_earlier_round_frees_the_lane_that_a_later_uncertain_attempt_held() -> None:
    message = uncertain()
    message.replay(force=True, by="test", now=NOW)
    begin_call(message)
    settle(message, an_outcome(UNCERTAIN))
    learn(message, 1, ECHO)
    assert (message.status, message.lane_released) == (MessageStatus.DELIVERED, True)
    assert [attempt.lane_open for attempt in message.attempts] == [False, False]


@pytest.mark.parametrize("fact", [ECHO, FAIL, FactKind.REVOKED])
def test_a_fact_about_a_message_at_rest_changes_nothing_but_the_message(fact: FactKind) -> None:
    message = in_flight()
    settle(message, an_outcome(ACCEPTED))
    message.written()
    assert learn(message, 1, fact)
    assert (message.due, message.lane_released) == (None, False)


def test_a_failure_of_an_earlier_round_does_not_end_a_later_one() -> None:
    message = in_flight()
    settle(message, an_outcome(ACCEPTED))
    learn(message, 1, FAIL)
    message.replay(force=False, by="test", now=NOW)
    begin_call(message)
    settle(message, an_outcome(NOT_SENT))
    retried = message.status
    learn(message, 1, RETRIED)
    assert (retried, message.status) == (MessageStatus.RETRY_WAIT, MessageStatus.DELIVERED)


def test_what_rested_on_an_earlier_round_falls_with_it() -> None:
    message = in_flight()
    settle(message, an_outcome(NOT_SENT), verdict=GiveUp(FailureReason.POISON))
    message.replay(force=False, by="test", now=NOW)
    learn(message, 1, ECHO)
    delivered = message.status
    learn(message, 1, FAIL)
    assert (delivered, message.status) == (MessageStatus.DELIVERED, MessageStatus.FAILED)


def test_the_late_answer_of_an_attempt_that_was_given_up_sends_nothing_and_says_whether_it_was_sent() -> None:
    for kind in sorted(set(OutcomeClass) - {ACCEPTED}):
        message = uncertain()
        message.give_up_unknown(now=NOW)
        message.settle(1, an_outcome(kind), after(kind, RetryAt(1)), horizon_ms=HORIZON_MS, now=NOW)
        told = ("UNRESOLVED", False) if kind is UNCERTAIN else ("SEND_FAILED_LATER", True)
        assert (message.status, message.reason, message.confirmed) == (MessageStatus.FAILED, *told)
    message = uncertain()
    message.give_up_unknown(now=NOW)
    message.settle(1, an_outcome(ACCEPTED), Settle(), horizon_ms=HORIZON_MS, now=NOW)
    assert (message.status, message.confirmed) == (MessageStatus.SENT, None)


def unconfirmed() -> Message:
    message = in_flight()
    settle(
        message,
        an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False),
        verdict=GiveUp(FailureReason.REFUSED_PERMANENT),
    )
    return message


def given_up() -> Message:
    message = uncertain()
    message.give_up_unknown(now=NOW)
    return message


def refused() -> Message:
    message = in_flight()
    settle(message, an_outcome(OutcomeClass.REFUSED_PERMANENT), verdict=GiveUp(FailureReason.REFUSED_PERMANENT))
    return message


@pytest.mark.parametrize(
    ("begin", "risk"), [(uncertain, True), (unconfirmed, True), (given_up, True), (refused, False)]
)
def test_a_retry_marks_a_possible_duplicate_exactly_where_nobody_can_rule_it_out(
    begin: Callable[[], Message], risk: bool
) -> None:
    message = begin()
    message.replay(force=True, by="test", now=NOW)
    assert (message.status, message.possible_duplicate, message.round) == (MessageStatus.QUEUED, risk, 2)
    assert (message.tries, message.confirmed, message.expires_at) == (0, None, NOW + DAY_MS)


def test_a_new_round_forgets_a_recall_of_the_one_before() -> None:
    message = uncertain()
    message.ask_recall(now=NOW)
    message.replay(force=True, by="test", now=NOW)
    begin_call(message)
    settle(message, an_outcome(ACCEPTED))
    assert message.status is MessageStatus.SENT


def test_an_attempt_that_is_uncertain_already_does_not_change_when_the_message_is_due() -> None:
    message = uncertain()
    message.replay(force=True, by="test", now=NOW)
    begin_call(message)
    settle(message, an_outcome(UNCERTAIN))
    message.open_lane(next_ms=7_000, now=NOW)
    learn(message, 1, FAIL)
    assert (message.status, message.due) == (MessageStatus.UNKNOWN, Due(7_000, LanePosition.FREE))


def test_what_a_person_denied_while_the_call_was_open_is_theirs_to_decide_when_the_answer_is_lost() -> None:
    message = in_flight()
    learn(message, 1, FactKind.NOT_SENT_BY_PERSON)
    settle(message, an_outcome(UNCERTAIN))
    assert (message.status, message.attempts.open) == (MessageStatus.UNKNOWN, None)
    settle(message, an_outcome(NOT_SENT))
    assert message.status is MessageStatus.RETRY_WAIT


def test_a_recall_waits_again_where_its_proof_falls_and_an_uncertain_attempt_remains() -> None:
    message = uncertain()
    message.replay(force=True, by="test", now=NOW)
    begin_call(message)
    settle(message, an_outcome(UNCERTAIN))
    learn(message, 1, ECHO)
    message.ask_recall(now=NOW)
    learn(message, 1, FAIL)
    status = message.status
    learn(message, 2, ECHO)
    assert (status, message.status) == (MessageStatus.UNKNOWN, MessageStatus.RECALLING)


def test_a_recall_that_waits_for_an_uncertain_attempt_keeps_the_message_from_being_sent_again() -> None:
    message = uncertain()
    message.ask_recall(now=NOW)
    settle(message, an_outcome(NOT_SENT))
    assert (message.status, message.reason, message.confirmed) == (MessageStatus.FAILED, "RECALL_ASKED", True)


def test_a_recall_starts_again_once_the_server_has_sent_after_all() -> None:
    message = sent_and_asked_back()
    message.call_recall(lease_ms=LEASE_MS)
    learn(message, 1, FAIL)
    assert message.status is MessageStatus.FAILED
    learn(message, 1, RETRIED)
    assert (message.status, message.recall.state) == (MessageStatus.RECALLING, RecallState.ASKED)
    assert message.due == Due(0, LanePosition.FREE)


@pytest.mark.parametrize("echoed", [True, False])
def test_a_recall_without_an_answer_or_a_record_ends_as_if_it_had_not_been_requested(echoed: bool) -> None:
    message = sent_and_asked_back()
    if echoed:
        learn(message, 1, ECHO)
    message.time_out_recall(horizon_ms=HORIZON_MS, now=NOW)
    assert message.status is (MessageStatus.DELIVERED if echoed else MessageStatus.SENT)
    assert message.reason == "RECALL_UNCONFIRMED"


@pytest.mark.parametrize("recorded", [True, False])
def test_a_recall_is_confirmed_by_the_stream_only(recorded: bool) -> None:
    message = sent_and_asked_back()
    message.call_recall(lease_ms=LEASE_MS)
    message.settle_recall(AttemptOutcome(ACCEPTED), retry_ms=1, horizon_ms=HORIZON_MS, now=NOW)
    if recorded:
        learn(message, 1, REVOKED)
    else:
        message.time_out_recall(horizon_ms=HORIZON_MS, now=NOW)
    assert (message.status, message.recall.confirmed) == (MessageStatus.RECALLED, recorded)


def test_handling_that_raised_after_a_call_concludes_nothing_and_keeps_the_lane() -> None:
    message = uncertain()
    recheck_later(message, wait_ms=1_000)
    assert (message.status, message.due) == (MessageStatus.UNKNOWN, Due(1_000, LanePosition.HOLDING))
    message.open_lane(next_ms=None, now=NOW)
    recheck_later(message, wait_ms=1_000)
    assert message.due == Due(1_000, LanePosition.FREE)


def test_what_is_written_is_not_written_again() -> None:
    message = uncertain()
    message.written()
    assert (message.due, message.lane_released, message.notes) == (None, False, [])
    assert [move.after for move in message.lifecycle.moves] == [MessageStatus.SENDING, MessageStatus.UNKNOWN]


def test_only_an_open_call_can_be_marked_uncertain_as_one() -> None:
    with pytest.raises(IllegalTransitionError):
        mark_open_call_uncertain_after_restore(a_due_message(), horizon_ms=HORIZON_MS, now=NOW)


def test_a_call_whose_echo_came_before_the_backup_is_not_marked_uncertain() -> None:
    message = in_flight()
    learn(message, 1, ECHO)
    mark_open_call_uncertain_after_restore(message, horizon_ms=HORIZON_MS, now=NOW)
    assert message.status is MessageStatus.DELIVERED


@pytest.mark.parametrize("perhaps_sent", [in_flight, uncertain])
@pytest.mark.parametrize(
    "decide",
    [
        lambda message: message.expire(now=NOW + DAY_MS),
        lambda message: message.hold(HoldReason.BUDGET, 1_000, now=NOW),
        lambda message: message.fail("NO_BINDING", now=NOW),
        lambda message: count_handling_failure(message, wait_ms=1_000, now=NOW),
    ],
    ids=["expire", "hold", "fail", "count_handling_failure"],
)
def test_what_is_perhaps_sent_is_never_said_to_be_unsent(
    decide: Callable[[Message], None], perhaps_sent: Callable[[], Message]
) -> None:
    message = perhaps_sent()
    before = copy.deepcopy(message)
    with pytest.raises(IllegalTransitionError):
        decide(message)
    assert message == before


def test_a_request_to_recall_is_noted_also_where_the_recall_has_to_wait() -> None:
    message = uncertain()
    message.written()
    message.ask_recall(now=NOW + 1)
    assert [(note.kind, note.at) for note in message.notes] == [("RECALL_ASKED", NOW + 1)]


def test_each_failure_of_our_handling_is_in_the_timeline_until_the_last_ends_the_message() -> None:
    message = a_due_message()
    for number in range(MAX_HANDLING_FAILURES):
        count_handling_failure(message, wait_ms=1_000, now=NOW + number)
    notes = [(note.kind, note.at) for note in message.notes if note.kind == "STRIKE"]
    assert notes == [("STRIKE", NOW + number) for number in range(MAX_HANDLING_FAILURES - 1)]
    assert (message.status, message.reason) == (MessageStatus.FAILED, "POISON")


def test_an_erased_message_keeps_what_became_of_it_and_is_never_sent_again() -> None:
    message = a_message(status=MessageStatus.QUEUED)
    message.options = message.options._replace(extra={"note": "secret"})
    content = sendable(message)
    begin_call(message, content_key="k")
    settle(message, an_outcome(OutcomeClass.REFUSED_PERMANENT), verdict=GiveUp(FailureReason.REFUSED_PERMANENT))
    assert not message.is_erased
    erase_content(message)
    assert (message.is_erased, message.content, message.options.extra) == (True, None, None)
    assert (message.status, message.attempts[0].content_key) == (MessageStatus.FAILED, None)
    before = copy.deepcopy(message)
    for force in (False, True):
        with pytest.raises(ContentErasedError, match="content of the message is erased") as refused:
            message.replay(force=force, by="api", now=NOW)
        assert (refused.value.code, refused.value.status) == ("CONTENT_ERASED", MessageStatus.FAILED)
    with pytest.raises(ContentErasedError):
        assert sendable(message) != content
    assert message == before
    erase_content(message)
    assert message == before


def test_erasing_leaves_of_an_answer_what_the_rules_need() -> None:
    message = a_message()
    begin_call(message)
    receipt = a_receipt("1000001", sender_id="7", content="aGk=")
    settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt, error_code=0, error_message="sent to 1001"))
    erase_content(message)
    outcome = message.attempts[0].outcome
    assert outcome is not None
    assert outcome.receipt is not None
    assert (outcome.receipt.provider_message_id, outcome.receipt.sender_id) == ("1000001", "7")
    assert outcome.receipt.details == {}
    assert (outcome.error_code, outcome.error_message) == (0, None)


def test_a_call_without_an_answer_has_only_its_key_to_forget() -> None:
    attempt = an_attempt(content_key="k")
    attempt.forget_content()
    assert attempt == an_attempt()


@pytest.mark.parametrize("status", sorted(set(MessageStatus) - RESTING, key=str))
def test_only_a_message_at_rest_loses_its_content(status: MessageStatus) -> None:
    message = a_message(status=status)
    with pytest.raises(IllegalTransitionError):
        erase_content(message)
    assert not message.is_erased


def test_a_message_is_resumed_by_the_end_of_its_own_reason_only() -> None:
    message = a_due_message()
    message.hold(HoldReason.MEDIA, 60_000, now=NOW)
    message.written()
    message.resume(now=NOW)
    assert (message.reason, message.due, message.notes) == (HoldReason.MEDIA, None, [])
    message.resume(now=NOW, reason=HoldReason.MEDIA)
    assert (message.reason, message.due) == (None, Due(0, LanePosition.WAITING))
    assert message.status is MessageStatus.QUEUED
    assert [(note.kind, note.detail) for note in message.notes] == [("RESUMED", "MEDIA")]
