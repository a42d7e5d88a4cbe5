"""A handle that its provider refuses: nothing was sent, nobody is to blame, and the message goes out with another handle, once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import BACKUP, NOW, PROVIDER, a_due_message, an_outcome, begin_call, settle

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.retry import RetryPolicy, Sibling, Verdict

OLD_HANDLE = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.MEDIA_EXPIRED)
PERHAPS_SENT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.MEDIA_EXPIRED)
REFUSED = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)
POLICY = RetryPolicy()


def verdict_on(message: Message, outcome: AttemptOutcome) -> Verdict:
    """As the settlement asks for it."""
    attempt = message.attempts[-1]
    before = message.attempts.old_handles(message.round, attempt.provider_code)
    return POLICY.after(
        outcome.kind,
        tries=message.tries,
        provider_tries=len(message.attempts.tried_in(message.round)),
        provider_cap=100,
        max_attempts=100,
        jitter=0.0,
        remaining_ms=1_000_000,
        sibling=Sibling.NONE,
        old_handles=before + 1 if outcome.is_of_old_handle else 0,
    )


def ended(message: Message, outcome: AttemptOutcome, **attempt: Any) -> None:
    begin_call(message, **attempt)
    settle(message, outcome, verdict=verdict_on(message, outcome))


def test_it_costs_no_try_and_is_repeated_at_once() -> None:
    message = a_due_message()
    ended(message, OLD_HANDLE)
    assert (message.status, message.tries, message.due and message.due.in_ms) == (MessageStatus.RETRY_WAIT, 0, 1)
    assert message.attempts.tried_in(1) == []


def test_the_second_one_of_a_provider_fails_the_message_for_certain() -> None:
    message = a_due_message()
    ended(message, OLD_HANDLE)
    ended(message, OLD_HANDLE)
    assert (message.status, message.reason, message.confirmed) == (
        MessageStatus.FAILED, FailureReason.MEDIA_EXPIRED, True,
    )  # fmt: skip
    message.replay(force=False, by="test", now=NOW)
    ended(message, OLD_HANDLE)
    assert message.status is MessageStatus.RETRY_WAIT


def test_each_provider_may_have_forgotten_it_once() -> None:
    message = a_due_message()
    ended(message, OLD_HANDLE, provider_code=PROVIDER)
    ended(message, OLD_HANDLE, provider_code=BACKUP)
    assert message.status is MessageStatus.RETRY_WAIT
    assert [message.attempts.old_handles(1, code) for code in (PROVIDER, BACKUP)] == [1, 1]


@given(st.lists(st.sampled_from([OLD_HANDLE, PERHAPS_SENT, REFUSED, an_outcome(OutcomeClass.ACCEPTED)]), max_size=8))
def test_nothing_is_repeated_that_may_have_been_sent(outcomes: list[AttemptOutcome]) -> None:
    message = a_due_message()
    for outcome in outcomes:
        if not message.is_waiting():
            break
        ended(message, outcome)
    sent = [
        attempt for attempt in message.attempts if attempt.outcome and attempt.outcome.kind is not OutcomeClass.NOT_SENT
    ]
    assert len(sent) <= 1
    assert not sent or sent[0] is message.attempts[-1]
    assert message.attempts.old_handles(1, PROVIDER) <= 2
    assert message.tries == len(message.attempts.tried_in(1))
