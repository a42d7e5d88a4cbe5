"""Messages as this process has stored them: the claim that follows does not read what is known (ADR 39)."""

import dataclasses
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from sqlalchemy import Connection, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.tables import message
from wework_message.adapters.sql.repositories.loading import IDS
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import Lifecycle
from wework_message.domain.message.attempts import Attempts
from wework_message.domain.message.message import Message
from wework_message.domain.message.recall import Recall

MAX_REMEMBERED: Final = 5_000
"""Messages that a process remembers; beyond that the oldest are forgotten, and read when they are claimed."""

MAX_CONTENT: Final = 4_096
"""Characters of the content of a message that is remembered."""

_FIELDS: Final = attrgetter(*[field.name for field in dataclasses.fields(Message)])

_UNLOCKED_VERSIONS: Final = Query(
    by_index(select(message.c.id, message.c.version).where(message.c.id.in_(IDS)), message).with_for_update(
        skip_locked=True
    )
)


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
            self._messages[new.id] = _copied(new)
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


def locked_versions(connection: Connection, message_ids: Iterable[MessageId]) -> dict[MessageId, int]:
    """Lock these messages; returns their versions, without those that another unit of work is changing."""
    stored = _UNLOCKED_VERSIONS.rows(connection, ids=list(message_ids))
    return {row["id"]: row["version"] for row in stored}


def _copied(new: Message) -> Message:
    """As it would be read. The copy shares only what never changes."""
    stored = Message(*_FIELDS(new))
    lifecycle = new.lifecycle
    stored.lifecycle = Lifecycle(lifecycle.status, lifecycle.reason, lifecycle.confirmed, lifecycle.updated_at)
    stored.recall = Recall(new.recall.state, new.recall.confirmed)
    stored.attempts = Attempts()
    stored.written()
    return stored
