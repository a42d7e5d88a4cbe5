"""A claim whose COMMIT had no answer: its own process can prove that nothing was sent, and nobody else's call is taken for it."""

import dataclasses
from enum import Enum, auto

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import (
    HORIZON_MS,
    NOW,
    a_due_message,
    a_message_id,
    an_attempt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.ids import HolderToken
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.snapshot import snapshot
from wework_message.domain.message.spooled import SpooledAnswer, is_worth_spooling
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.retry import RetryAt

COMMIT_LOST = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.COMMIT_LOST)
LEASE_EXPIRED = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.LEASE_EXPIRED)
MINE, OTHER = HolderToken("mine"), HolderToken("other")


def unmade(message: Message, holder: HolderToken | None = MINE) -> SpooledAnswer:
    """What the process that made the last claim knows, where it was `holder`'s."""
    attempt = dataclasses.replace(message.attempts[-1], holder=holder)
    return SpooledAnswer.of(message.id, attempt, COMMIT_LOST, at=NOW)


def take_back(message: Message, answer: SpooledAnswer) -> bool:
    """As the transaction that settles it."""
    if not any(answer.answers(attempt) for attempt in message.attempts):
        return False
    message.settle(answer.attempt, answer.outcome, RetryAt(1), horizon_ms=HORIZON_MS, now=NOW)
    return True


def claimed(holder: HolderToken | None = MINE) -> Message:
    message = a_due_message()
    begin_call(message, holder=holder)
    return message


@pytest.mark.parametrize("late", [False, True])
def test_the_own_claim_is_due_again_and_costs_no_try(*, late: bool) -> None:
    message = claimed()
    if late:
        settle(message, LEASE_EXPIRED)
        assert message.status is MessageStatus.UNKNOWN
    assert take_back(message, unmade(message))
    assert (message.status, message.tries, message.attempts.open) == (MessageStatus.RETRY_WAIT, 0, None)
    assert message.attempts[0].was_not_made
    assert message.attempts.tried_in(1) == []
    assert not take_back(message, unmade(message))
    begin_call(message, holder=OTHER)
    assert (message.tries, len(message.attempts.tried_in(1)), len(message.attempts.tried_in(2))) == (1, 1, 0)


def test_the_claim_of_another_process_at_the_same_instant_is_not_it() -> None:
    message = claimed(OTHER)
    assert not take_back(message, unmade(message))
    assert message.status is MessageStatus.SENDING


@pytest.mark.parametrize(
    "outcome",
    [
        an_outcome(OutcomeClass.ACCEPTED),
        an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE),
        an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.RESTORED),
    ],
)
def test_what_somebody_learned_about_the_attempt_stays(outcome: AttemptOutcome) -> None:
    attempt = an_attempt(holder=MINE)
    answer = SpooledAnswer.of(a_message_id(), attempt, COMMIT_LOST, at=NOW)
    assert answer.answers(attempt)
    attempt.close(outcome, at=NOW)
    assert not answer.answers(attempt)


def test_without_a_token_nothing_is_proven() -> None:
    message = claimed(None)
    assert not take_back(message, unmade(message, None))


def test_it_outlives_its_process_where_there_is_a_spool() -> None:
    assert is_worth_spooling(COMMIT_LOST)


class End(Enum):
    """What became of a claim's COMMIT."""

    COMMITTED = auto()
    """And answered: the call is made."""
    STORED = auto()
    """Without an answer."""
    NOT_STORED = auto()
    """Without an answer."""


STEPS = st.lists(
    st.sampled_from(
        [*End, *End, LEASE_EXPIRED, an_outcome(OutcomeClass.ACCEPTED), an_outcome(OutcomeClass.NOT_SENT), 0, 1, 2]
    ),
    min_size=2,
    max_size=20,
)


@given(STEPS)
def test_no_call_that_was_made_is_taken_back_and_no_claim_that_made_none_stays_unproven(
    steps: list[End | AttemptOutcome | int],
) -> None:
    """Claims of any processes, all at one instant; an outcome ends the open call; a number takes that lost claim back again."""
    message, lost, called = a_due_message(), list[SpooledAnswer](), set[str]()
    for place, step in enumerate(steps):
        if isinstance(step, End):
            if not message.is_waiting():
                continue
            decided, token = snapshot(message), HolderToken(str(place))
            begin_call(decided, holder=token)
            if step is End.COMMITTED:
                called.add(token)
            else:
                lost.append(SpooledAnswer.of(message.id, decided.attempts[-1], COMMIT_LOST, at=NOW))
            message = message if step is End.NOT_STORED else decided
        elif isinstance(step, AttemptOutcome):
            last = message.attempts.last
            # Only a call that was made has an answer; the lease of any one may end.
            if last is not None and last.outcome is None and (step is LEASE_EXPIRED or last.holder in called):
                settle(message, step)
        elif step < len(lost):
            take_back(message, lost[step])
    for answer in lost:
        take_back(message, answer)
    for attempt in message.attempts:
        assert attempt.was_not_made is (attempt.holder not in called)
    assert message.tries == len(message.attempts.tried_in(1)) <= len(called)
