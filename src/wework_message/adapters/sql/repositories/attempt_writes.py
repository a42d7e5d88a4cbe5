"""Writes the attempts of messages: of those that this unit of work has read only what changed.

An echo adds a fact and changes nothing else, and an attempt that was settled once is never changed by the next ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection

from wework_message.adapters.sql.core.prepared import inserting, updating
from wework_message.adapters.sql.mapping import rows
from wework_message.adapters.sql.mapping.tables import attempt
from wework_message.adapters.sql.mapping.widths import answer_room, facts_text
from wework_message.domain.ids import MessageId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind

_KEYS = {"message_id": "the_id", "number": "the_number"}
_NEW = inserting(attempt)
_UPDATE = updating(attempt, _KEYS, rows.SETTLED_COLUMNS)
_UPDATE_FACTS = updating(attempt, _KEYS, ["facts"])

_Stored: TypeAlias = tuple[frozenset[FactKind], tuple[Any, ...]]
"""What the row of an attempt has: its facts, and everything else that may change."""


class AttemptWrites:
    """The attempts of one unit of work."""

    def __init__(self, *, keeps_room: bool) -> None:
        """Nothing is read yet. `keeps_room` is that of the `Dialect`."""
        self._keeps_room = keeps_room
        self._stored: dict[MessageId, Sequence[_Stored]] = {}

    def read(self, messages: Iterable[Message]) -> None:
        """These messages are as they are stored, and locked."""
        for message in messages:
            self._stored[message.id] = [_stored(call) for call in message.attempts]

    def write(self, connection: Connection, messages: Sequence[Message], counts: Mapping[MessageId, int]) -> None:
        """Numbers have no gaps: those up to the stored count are known, the others are new."""
        new: list[dict[str, Any]] = []
        settled: list[dict[str, Any]] = []
        reported: list[dict[str, Any]] = []
        for message in messages:
            before = self._stored.get(message.id, ())
            for place, call in enumerate(message.attempts):
                if place >= counts[message.id]:
                    new.append(self._new_row(message, call))
                    continue
                facts, rest = _stored(call)
                known = before[place] if place < len(before) else None
                if known is None or known[1] != rest:
                    settled.append({"the_id": message.id, "the_number": call.number, **rows.settled_row(call)})
                elif known[0] != facts:
                    reported.append({"the_id": message.id, "the_number": call.number, "facts": facts_text(facts)})
        self.read(messages)
        _UPDATE.many(connection, settled)
        _UPDATE_FACTS.many(connection, reported)
        _NEW.many(connection, new)

    def _new_row(self, message: Message, call: Attempt) -> dict[str, Any]:
        row = rows.attempt_row(message, call)
        return row | {"receipt": answer_room(message)} if self._keeps_room and call.outcome is None else row


def _stored(call: Attempt) -> _Stored:
    return call.facts, rows.settled_part(call)
