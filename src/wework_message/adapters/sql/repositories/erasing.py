"""What `erase_content` and `erase_conversation` of the domain do, on rows: without loading what nobody will read again."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting, updating
from wework_message.adapters.sql.mapping.data_classes import DataClass, columns_of
from wework_message.adapters.sql.mapping.mass_tables import mass_day
from wework_message.adapters.sql.mapping.receipts import receipt_of, receipt_text
from wework_message.adapters.sql.mapping.tables import attempt, message, note
from wework_message.domain.content import ERASED
from wework_message.domain.conversation import ERASED_CONVERSATION

_OF_MESSAGE: Final = columns_of(message, DataClass.CONTENT)
_OF_ATTEMPT: Final = columns_of(attempt, DataClass.CONTENT)
"""Every column that holds content is emptied, a new one too."""
_OF_NOTE: Final = columns_of(note, DataClass.CONTENT)

_FULL: Final = Query(
    by_index(
        select(message.c.id).where(message.c.id.in_(bindparam("ids", expanding=True)), message.c.content != ERASED),
        message,
    )
)
_ATTEMPTS: Final = Query(
    by_index(
        select(attempt.c.message_id, attempt.c.number, attempt.c.receipt).where(
            attempt.c.message_id.in_(bindparam("ids", expanding=True))
        ),
        attempt,
    )
)
_ERASE: Final = updating(message, {"id": "id"}, _OF_MESSAGE)
_FORGET: Final = updating(attempt, {"message_id": "message_id", "number": "number"}, _OF_ATTEMPT)
_BARE: Final = updating(note, {"message_id": "message_id"}, _OF_NOTE, index="ix_wm_note_message")
_WITH_WHOM: Final = columns_of(message, DataClass.CONVERSATION)
_ATTEMPTS_WITH_WHOM: Final = columns_of(attempt, DataClass.CONVERSATION)
_FORGET_DAYS: Final = deleting(mass_day, {"message_id": "message_id"}, index="ix_wm_mass_day_message")
_LEAVE: Final = updating(message, {"id": "id"}, _WITH_WHOM)
_LEAVE_ATTEMPTS: Final = updating(attempt, {"message_id": "message_id"}, _ATTEMPTS_WITH_WHOM)


def erase_contents(connection: Connection, message_ids: Sequence[str]) -> int:
    """Erase the contents of messages at rest, which the transaction has locked; returns how many had one."""
    if not message_ids:
        return 0
    full = [row["id"] for row in _FULL.rows(connection, ids=list(message_ids))]
    _forget_contents(connection, full)
    return len(full)


def _forget_contents(connection: Connection, message_ids: Sequence[str]) -> None:
    if not message_ids:
        return
    _FORGET.many(connection, [_without_content(row) for row in _ATTEMPTS.rows(connection, ids=list(message_ids))])
    empty = dict.fromkeys(_OF_MESSAGE) | {"content": ERASED}
    _BARE.many(connection, [{"message_id": message_id, **dict.fromkeys(_OF_NOTE)} for message_id in message_ids])
    _ERASE.many(connection, [{"id": message_id, **empty} for message_id in message_ids])


def erase_conversations(connection: Connection, message_ids: Sequence[str]) -> None:
    """Erase with whom, beside the contents, of messages that need it no more, which the transaction has locked.

    Also of those whose content had expired: a late answer may have brought something back, in a version before.
    """
    _forget_contents(connection, message_ids)
    nobody = dict.fromkeys((*_WITH_WHOM, *_ATTEMPTS_WITH_WHOM), ERASED_CONVERSATION)
    _FORGET_DAYS.many(connection, [{"message_id": message_id} for message_id in message_ids])
    _LEAVE_ATTEMPTS.many(connection, [{"message_id": message_id, **nobody} for message_id in message_ids])
    _LEAVE.many(connection, [{"id": message_id, **nobody} for message_id in message_ids])


def _without_content(row: Mapping[str, Any]) -> dict[str, Any]:
    key = {"message_id": row["message_id"], "number": row["number"]}
    return key | dict.fromkeys(_OF_ATTEMPT) | {"receipt": _bare(row["receipt"])}


def _bare(stored: str | None) -> str | None:
    """A receipt without the details that repeat what was sent; the blanks of a call without answer go too."""
    if stored is None or not stored.strip():
        return None
    return receipt_text(dataclasses.replace(receipt_of(stored), details={}))
