from itertools import chain, combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import an_attempt, an_outcome

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.projection import CallbackProjection, Evidence, FactKind, weigh
from wework_message.domain.outcomes import OutcomeClass

ECHO, FAIL, RETRIED, REVOKED = FactKind.ECHO, FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK, FactKind.REVOKED
YES, NO, ASSUMED = FactKind.SENT_BY_PERSON, FactKind.NOT_SENT_BY_PERSON, FactKind.RECALL_ASSUMED
ACCEPTED, UNCERTAIN = OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN
UNSENT = sorted(set(OutcomeClass) - {ACCEPTED, UNCERTAIN})

NOT_STRONGER_THAN = [
    ({REVOKED}, Evidence.REVOKED),
    ({ASSUMED}, Evidence.REVOKED),
    ({RETRIED}, Evidence.SEEN),
    ({FAIL}, Evidence.SEND_FAILED),
    ({ECHO}, Evidence.SEEN),
    ({YES}, Evidence.ACCEPTED),
]
"""The order of M-4.1: a stronger fact wins over all weaker facts and answers."""

any_facts = st.frozensets(st.sampled_from(FactKind))
any_answer = st.none() | st.sampled_from(OutcomeClass)
any_evidence = st.sampled_from(Evidence)


@pytest.mark.parametrize("place", range(len(NOT_STRONGER_THAN)))
def test_within_an_attempt_the_stronger_fact_wins_over_every_set_of_weaker_ones(place: int) -> None:
    facts, evidence = NOT_STRONGER_THAN[place]
    weaker = [NO, *(fact for others, _ in NOT_STRONGER_THAN[place + 1 :] for fact in others)]
    sets = [*chain.from_iterable(combinations(weaker, size) for size in range(len(weaker) + 1))]
    for others in sets:
        for answer in (None, *OutcomeClass):
            assert weigh(answer, facts | set(others)) is evidence


@pytest.mark.parametrize(
    ("answer", "evidence"),
    [
        (None, Evidence.IN_FLIGHT),
        (ACCEPTED, Evidence.ACCEPTED),
        (UNCERTAIN, Evidence.UNCERTAIN),
        *[(answer, Evidence.NOTHING) for answer in UNSENT],
    ],
)
def test_without_facts_the_answer_decides(answer: OutcomeClass | None, evidence: Evidence) -> None:
    assert weigh(answer, ()) is evidence


@pytest.mark.parametrize("answer", UNSENT)
def test_what_a_person_calls_sent_has_failed_where_an_answer_proves_that_nothing_was_sent(answer: OutcomeClass) -> None:
    assert weigh(answer, {YES}, proves_unsent=True) is Evidence.SEND_FAILED
    assert weigh(answer, {YES, NO}, proves_unsent=True) is Evidence.SEND_FAILED
    assert weigh(answer, {YES, ECHO}, proves_unsent=True) is Evidence.SEEN


def test_a_person_may_deny_an_uncertain_send_and_not_one_the_provider_accepted() -> None:
    assert weigh(UNCERTAIN, {NO}) is Evidence.NOTHING
    assert weigh(ACCEPTED, {NO}) is Evidence.ACCEPTED


@given(answer=any_answer, facts=any_facts)
def test_facts_mean_the_same_in_any_order_and_however_often(
    answer: OutcomeClass | None, facts: frozenset[FactKind]
) -> None:
    expected = weigh(answer, facts)
    for order in list(permutations(sorted(facts)))[:24]:
        attempt = an_attempt()
        for fact in (*order, *order):
            attempt.learn(fact)
        if answer is not None:
            attempt.close(an_outcome(answer), at=1)
        assert attempt.evidence is expected


@given(st.lists(any_evidence, max_size=5))
def test_the_projection_is_blind_to_order_and_repetition(attempts: list[Evidence]) -> None:
    expected = CallbackProjection.of(attempts)
    assert CallbackProjection.of(reversed(attempts)) is expected
    assert CallbackProjection.of([*attempts, *attempts]) is expected
    assert CallbackProjection.of(sorted(attempts)) is expected


@pytest.mark.parametrize(
    ("attempts", "status"),
    [
        ([], None),
        ([Evidence.NOTHING], None),
        ([Evidence.IN_FLIGHT, Evidence.NOTHING], None),
        ([Evidence.SEND_FAILED, Evidence.NOTHING], MessageStatus.FAILED),
        ([Evidence.UNCERTAIN, Evidence.SEND_FAILED], MessageStatus.UNKNOWN),
        ([Evidence.REVOKED, Evidence.UNCERTAIN], MessageStatus.RECALLED),
        ([Evidence.ACCEPTED, Evidence.REVOKED], MessageStatus.SENT),
        ([Evidence.SEEN, Evidence.ACCEPTED, Evidence.REVOKED], MessageStatus.DELIVERED),
    ],
)
def test_a_message_takes_its_best_attempt(attempts: list[Evidence], status: MessageStatus | None) -> None:
    for order in permutations(attempts):
        assert CallbackProjection.of(order) is status


@given(st.lists(any_evidence, max_size=4), any_evidence)
def test_more_evidence_never_makes_a_message_less_proven(attempts: list[Evidence], more: Evidence) -> None:
    weight = [None, "FAILED", "UNKNOWN", "RECALLED", "SENT", "DELIVERED"]
    before, after = CallbackProjection.of(attempts), CallbackProjection.of([*attempts, more])
    assert weight.index(after) >= weight.index(before)


@given(any_facts.filter(bool))
def test_nothing_but_an_answer_or_a_fact_about_a_send_makes_an_attempt_count_as_sent(
    facts: frozenset[FactKind],
) -> None:
    counts_as_sent = weigh(OutcomeClass.NOT_SENT, facts) in (Evidence.SEEN, Evidence.ACCEPTED)
    assert not counts_as_sent or facts & {ECHO, RETRIED, YES}
