"""Contents go before their messages, and conversations when a person asks: what is erased, and that it is never sent again."""

from wework_message.domain.content import Content
from wework_message.domain.conversation import ERASED_CONVERSATION
from wework_message.domain.errors import ContentErasedError, IllegalTransitionError
from wework_message.domain.lifecycle import RESTING, MessageStatus, Trigger
from wework_message.domain.message.message import Message
from wework_message.domain.message.recall import RecallState


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


def may_be_erased(status: MessageStatus, recall: RecallState) -> bool:
    """Whether nobody needs to know any more what was sent to whom: it rests, and no recall waits to be made."""
    return status in RESTING and recall is not RecallState.WAITING


def erase_conversation(message: Message) -> None:
    """Forget with whom, beside the content; raises `IllegalTransitionError` as long as it is needed (ADR 63)."""
    if not may_be_erased(message.status, message.recall.state):
        raise IllegalTransitionError(message.status, "ERASE")
    erase_content(message)
    message.conversation_id = ERASED_CONVERSATION


def sendable(message: Message) -> Content:
    """What is to be sent; raises `ContentErasedError` where that is gone."""
    if message.content is None:
        raise ContentErasedError(message.status, Trigger.CLAIM)
    return message.content
