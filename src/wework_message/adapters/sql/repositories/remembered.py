"""Messages as this process has stored them: the claim that follows does not read what is known (ADR 39)."""

from collections.abc import Iterable
from typing import Final

from wework_message.domain.ids import MessageId
from wework_message.domain.message.message import Message
from wework_message.domain.message.snapshot import snapshot

MAX_REMEMBERED: Final = 5_000
"""Messages that a process remembers; beyond that the oldest are forgotten, and read when they are claimed."""

MAX_CONTENT: Final = 4_096
"""Characters of the content of a message that is remembered."""


class RememberedMessages:
    """New messages that are due at once, until they are claimed."""

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        """Nothing is remembered with a `limit` of 0."""
        self._limit = limit
        self._messages: dict[MessageId, Message] = {}

    def keep(self, messages: Iterable[Message]) -> None:
        """They are committed. What their caller does to them from now on does not show here."""
        if not self._limit:
            return
        for new in messages:
            self._messages[new.id] = stored = snapshot(new)
            stored.written()
        while len(self._messages) > self._limit:
            del self._messages[next(iter(self._messages))]

    def take(self, message_ids: Iterable[MessageId]) -> dict[MessageId, Message]:
        """Those that are known, each once: what a claim does to one is not undone where its transaction fails."""
        known = {message_id: self._messages.pop(message_id, None) for message_id in message_ids}
        return {message_id: stored for message_id, stored in known.items() if stored is not None}


def can_be_remembered(new: Message, content: str) -> bool:
    """Whether it is due at once, small, and its copy shares nothing that could change; `content` as it is stored."""
    due_at_once = new.due is not None and new.due.in_ms == 0
    return due_at_once and len(content) <= MAX_CONTENT and new.options.extra is None and not new.attempts
