"""Which answers are spooled, what of them, and which call they answer."""

import dataclasses

import pytest
from tests.support.builders.messages import NOW, a_message_id, a_receipt, an_attempt, an_outcome

from wework_message.domain.ids import BindingId, HolderToken
from wework_message.domain.message.spooled import SpooledAnswer, is_worth_spooling
from wework_message.domain.outcomes import OutcomeClass, Reason

ACCEPTED = an_outcome(
    OutcomeClass.ACCEPTED,
    error_message="words",
    receipt=dataclasses.replace(a_receipt("4711"), details={"content": "words"}),
)


@pytest.mark.parametrize("kind", OutcomeClass)
def test_every_definite_answer_is_worth_it(kind: OutcomeClass) -> None:
    assert is_worth_spooling(an_outcome(kind)) is (kind is not OutcomeClass.UNCERTAIN)


def test_nothing_in_words_is_kept() -> None:
    answer = SpooledAnswer.of(a_message_id(), an_attempt(), ACCEPTED, at=NOW)
    assert "words" not in repr(answer)
    assert answer.outcome.receipt is not None
    assert answer.outcome.receipt.provider_message_id == "4711"
    refused = SpooledAnswer.of(a_message_id(), an_attempt(), an_outcome(OutcomeClass.NOT_SENT), at=NOW)
    assert refused.outcome.receipt is None


def test_it_answers_its_own_call_until_that_has_a_definite_outcome() -> None:
    attempt = an_attempt()
    answer = SpooledAnswer.of(a_message_id(), attempt, ACCEPTED, at=NOW)
    assert answer.answers(attempt)
    for other in (
        {"number": attempt.number + 1}, {"binding_id": BindingId("other")}, {"epoch": attempt.epoch + 1},
        {"started_at": attempt.started_at + 1}, {"holder": HolderToken("other")},
    ):  # fmt: skip
        assert not answer.answers(dataclasses.replace(attempt, **other))
    attempt.close(an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.LEASE_EXPIRED), at=NOW)
    assert answer.answers(attempt)
    attempt.close(ACCEPTED, at=NOW)
    assert not answer.answers(attempt)
