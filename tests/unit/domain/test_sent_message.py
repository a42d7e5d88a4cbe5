"""Which messages are at rest, so that an echo needs nothing but their newest attempt."""

import pytest
from tests.support.builders.messages import a_due_message, a_receipt, an_outcome, begin_call, settle

from wework_message.domain.message.sent_message import SentMessage
from wework_message.domain.outcomes import OutcomeClass, Reason


@pytest.mark.parametrize("called", [False, True])
def test_a_message_without_an_answer_is_not_at_rest(called: bool) -> None:
    message = a_due_message()
    if called:
        begin_call(message)
    assert SentMessage.of(message) is None


def test_a_message_is_at_rest_where_its_newest_call_was_accepted() -> None:
    accepted, lost = a_due_message(), a_due_message()
    for message, outcome in (
        (accepted, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("7"))),
        (lost, an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)),
    ):
        begin_call(message)
        settle(message, outcome)
    assert SentMessage.of(lost) is None
    sent = SentMessage.of(accepted)
    assert sent is not None
    assert (sent.id, sent.provider_message_id, sent.delivered) == (accepted.id, "7", False)
