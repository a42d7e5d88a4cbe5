"""Contents go before their messages: what is erased, and that it is never sent again (ADR 62)."""

from wework_message.domain.content import Content
from wework_message.domain.errors import ContentErasedError, IllegalTransitionError
from wework_message.domain.lifecycle import RESTING, Trigger
from wework_message.domain.message.message import Message


def erase_content(message: Message) -> None:
    """Forget what was sent, and what repeats it; raises `IllegalTransitionError` while the message does not rest.

    What its attempts and callbacks prove stays, and so do the ids.
    """
    if message.status not in RESTING:
        raise IllegalTransitionError(message.status, "ERASE")
    message.content = None
    message.options = message.options._replace(extra=None)
    for attempt in message.attempts:
        attempt.forget_content()


def sendable(message: Message) -> Content:
    """What is to be sent; raises `ContentErasedError` where that is gone."""
    if message.content is None:
        raise ContentErasedError(message.status, Trigger.CLAIM)
    return message.content
