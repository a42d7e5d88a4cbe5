"""A filter compares a message with what a request names."""

from tests.support.builders.messages import BACKUP, PROVIDER, a_due_message, begin_call

from wework_message.domain.message_filter import MessageFilter


def test_a_message_is_of_the_provider_of_its_newest_call_and_before_it_of_none() -> None:
    message = a_due_message()
    assert not MessageFilter(provider_code=PROVIDER).matches(message)
    begin_call(message)
    assert MessageFilter(provider_code=PROVIDER).matches(message)
    assert not MessageFilter(provider_code=BACKUP).matches(message)
