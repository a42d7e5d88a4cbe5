import pytest
from tests.support.builders.messages import NOW, a_receipt, an_attempt, an_outcome

from wework_message.domain.message.attempts import Attempts
from wework_message.domain.message.projection import Evidence, FactKind
from wework_message.domain.outcomes import OutcomeClass, Reason

UNCERTAIN = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)


def test_an_uncertain_answer_keeps_an_attempt_open() -> None:
    attempt = an_attempt()
    attempt.close(UNCERTAIN, at=1)
    assert (attempt.unsettled, attempt.lane_open, attempt.evidence) == (True, True, Evidence.UNCERTAIN)


def test_a_fact_settles_an_uncertain_attempt_whichever_comes_first() -> None:
    fact_first, answer_first = an_attempt(), an_attempt()
    fact_first.learn(FactKind.ECHO)
    assert fact_first.unsettled
    fact_first.close(UNCERTAIN, at=1)
    answer_first.close(UNCERTAIN, at=1)
    answer_first.learn(FactKind.ECHO)
    assert fact_first == answer_first
    assert (fact_first.unsettled, fact_first.lane_open, fact_first.evidence) == (False, False, Evidence.SEEN)


def test_a_definite_answer_settles_an_attempt() -> None:
    for kind in set(OutcomeClass) - {OutcomeClass.UNCERTAIN}:
        attempt = an_attempt()
        attempt.close(an_outcome(kind), at=1)
        assert (attempt.unsettled, attempt.lane_open, attempt.ended_at) == (False, False, 1)


@pytest.mark.parametrize(("number", "kept"), [(NOW, True), (NOW * 1_000, False), (-NOW, False), (2**70, False)])
def test_a_provider_s_impossible_send_time_is_left_out(number: int, kept: bool) -> None:
    attempt = an_attempt()
    attempt.close(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(sent_at=number)), at=NOW)
    assert attempt.sent_at == (number if kept else None)
    assert attempt.provider_message_id is not None


@pytest.mark.parametrize(("code", "kept"), [(100_001, True), (-(2**53) + 1, True), (2**53, False), (-(2**70), False)])
def test_a_provider_s_impossible_error_code_is_left_out(code: int, kept: bool) -> None:
    attempt = an_attempt()
    attempt.close(an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=code, error_message="e"), at=NOW)
    assert attempt.outcome is not None
    assert attempt.outcome.error_code == (code if kept else None)
    assert (attempt.outcome.kind, attempt.outcome.error_message) == (OutcomeClass.REFUSED_PERMANENT, "e")


def test_an_attempt_that_was_given_up_is_unproven_and_a_late_echo_still_counts() -> None:
    attempt = an_attempt()
    attempt.close(UNCERTAIN, at=1)
    attempt.release()
    before = attempt.evidence
    attempt.learn(FactKind.ECHO)
    assert (before, attempt.evidence) == (Evidence.NOTHING, Evidence.SEEN)


def test_a_recall_names_the_strongest_attempt_that_has_an_id_and_none_that_has_not() -> None:
    first, second, seen = an_attempt(), an_attempt(number=2), an_attempt(number=3)
    for attempt in (first, second):
        attempt.close(an_outcome(OutcomeClass.ACCEPTED), at=1)
    seen.learn(FactKind.ECHO)  # found by its text, in a record without an id
    assert seen.evidence > second.evidence
    assert Attempts([first, second, seen]).named is second
    assert Attempts([seen]).named is None
    assert Attempts([seen]).reported is seen
    assert Attempts([]).reported is None
