"""New messages are remembered for the claim that follows: few of them, and small ones."""

import pytest
from tests.support.builders.messages import NOW, a_due_message, a_message, an_attempt

from wework_message.adapters.sql.repositories.remembered import MAX_CONTENT, RememberedMessages, can_be_remembered
from wework_message.domain.message.message import Message


def test_beyond_the_limit_the_oldest_are_forgotten() -> None:
    remembered = RememberedMessages(2)
    messages = [a_due_message() for _ in range(3)]
    remembered.keep(messages)
    ids = [message.id for message in messages]
    assert [*remembered.take(ids)] == ids[1:]


def test_a_message_is_taken_once() -> None:
    remembered = RememberedMessages()
    message = a_due_message()
    remembered.keep([message])
    assert [*remembered.take([message.id])] == [message.id]
    assert remembered.take([message.id]) == {}


def test_a_process_that_claims_nothing_remembers_nothing() -> None:
    remembered = RememberedMessages(0)
    message = a_due_message()
    remembered.keep([message])
    assert remembered.take([message.id]) == {}


@pytest.mark.parametrize(
    ("message", "content", "remembered"),
    [
        (a_due_message(), "x" * MAX_CONTENT, True),
        (a_due_message(), "x" * (MAX_CONTENT + 1), False),
        (a_due_message(scheduled_at=NOW + 1_000), "x", False),
        (a_message(), "x", False),
        (a_due_message(extra={"a": 1}), "x", False),
        (a_due_message(attempts=[an_attempt()]), "x", False),
    ],
    ids=["small", "large", "scheduled", "not due", "with extra data", "with an attempt"],
)
def test_only_small_messages_that_are_due_at_once_are_remembered(
    message: Message, content: str, remembered: bool
) -> None:
    assert can_be_remembered(message, content) is remembered
