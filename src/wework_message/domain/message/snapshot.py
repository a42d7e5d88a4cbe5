"""A copy of a message, on which something can be decided or which can be kept while the message goes on."""

import copy
import dataclasses
from operator import attrgetter
from typing import Final

from wework_message.domain.message.attempts import Attempts
from wework_message.domain.message.message import Message

_values: Final = attrgetter(*[field.name for field in dataclasses.fields(Message)])


def snapshot(message: Message) -> Message:
    """It shares nothing with `message` that can change. The moves of the lifecycle stay with `message`, which reports them."""
    copied = Message(*_values(message))  # every accepted message is copied, and `replace` takes four times as long
    copied.options = message.options._replace(extra=copy.deepcopy(message.options.extra))
    copied.lifecycle = dataclasses.replace(message.lifecycle, moves=[])
    copied.attempts = Attempts(dataclasses.replace(attempt) for attempt in message.attempts)
    copied.recall = dataclasses.replace(message.recall)
    copied.notes = [*message.notes]
    return copied
