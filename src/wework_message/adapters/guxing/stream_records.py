"""Reads one record of the message stream of an account (P-12)."""

from collections.abc import Mapping
from typing import Any, Final

from wework_message.adapters.guxing.receipts import MAX_KEY
from wework_message.adapters.guxing.wire import identifier, number, send_instant_of, short_text
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.message.projection import FactKind, StreamRecord

_REVOKE_FLAG: Final = 1 << 5
_SEND_FAIL_FLAG: Final = 1 << 22
_SERVER_RETRY_OK_FLAG: Final = 1 << 25

_RECALL: Final = 1
_TEXT: Final = 2
_NO_MESSAGE: Final = frozenset({0, 40})
"""nil, and the voice-related notice."""
_MAX_TEXT: Final = 1_048_576
"""Characters. A text is compared and never stored; its callback has its own limit."""
_FIRST_SYSTEM_TYPE: Final = 1_000
"""1011 is a system message, 1012 a read receipt of the account itself: not about a message that we sent."""


class RecordError(ValueError):
    """An unreadable record; the text contains the name of the field, never its value."""


def record_key(record: Mapping[str, Any]) -> str | None:
    """``seq:id:referid:flag``, the key of one state of a record; None for a record without an id.

    A record that changes an earlier message has another `referid` or flag, and so does not count as a repetition.
    """
    message_id = _strict_id(record, "id")
    if message_id is None:
        return None
    refers_to = _strict_id(record, "referid") or "0"
    return f"{identifier(record.get('seq')) or ''}:{message_id}:{refers_to}:{_strict_number(record, 'flag')}"


def read_stream_record(guid: Guid, event_key: str, record: Mapping[str, Any]) -> StreamRecord | None:
    """The facts of the record about a message; None where it is about none (a system tip, a read receipt of the account).

    Raises `RecordError` where a field that decides this cannot be read.
    """
    msg_type, flag = _strict_number(record, "msg_type"), _strict_number(record, "flag")
    own_id, refers_to = _strict_id(record, "id"), _strict_id(record, "referid")
    kinds = _kinds(msg_type, flag)
    if not kinds:
        return None
    return StreamRecord(
        guid=guid,
        event_key=event_key,
        provider_message_id=None if own_id is None else ProviderMessageId(own_id),
        refers_to=None if refers_to in {None, own_id} else ProviderMessageId(refers_to or ""),
        app_info_key=_app_info(record.get("appinfo")),
        conversations=_conversations(record),
        sender=identifier(record.get("sender")),
        marked_own=number(record.get("send_flag")) == 1,
        sent_at=send_instant_of(record.get("sendtime")),
        text=short_text(record.get("content"), _MAX_TEXT) if msg_type == _TEXT else None,
        kinds=kinds,
    )


def _kinds(msg_type: int, flag: int) -> frozenset[FactKind]:
    """The facts that the record proves. Unknown types count as messages: only a record with the id of ours has an effect."""
    if msg_type >= _FIRST_SYSTEM_TYPE:
        return frozenset()
    facts = {
        FactKind.SEND_FAIL: flag & _SEND_FAIL_FLAG,
        FactKind.SERVER_RETRY_OK: flag & _SERVER_RETRY_OK_FLAG,
        FactKind.REVOKED: msg_type == _RECALL or flag & _REVOKE_FLAG,
    }
    kinds = frozenset(kind for kind, is_proven in facts.items() if is_proven)
    return kinds if kinds or msg_type in _NO_MESSAGE else frozenset({FactKind.ECHO})


def _app_info(value: object) -> str | None:
    """The key, so far always base64; a key that is not printable ASCII is omitted."""
    key = short_text(value, MAX_KEY) or ""
    return key if key and key.isascii() and key.isprintable() else None


def _conversations(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The spellings of the conversation in our requests, if the account itself is the sender."""
    if (room := identifier(record.get("roomid"))) is not None:
        return (str(PEERS_AND_ROOMS.room(room)),)
    if (receiver := identifier(record.get("receiver"))) is None:
        return ()
    asid = identifier(record.get("asid"))
    spellings = [PEERS_AND_ROOMS.person(receiver)]
    if asid is not None:
        spellings.append(PEERS_AND_ROOMS.person(receiver, asid))
    return tuple(map(str, spellings))


def _strict_id(record: Mapping[str, Any], name: str) -> str | None:
    """An id or None. Raises `RecordError` for a value that is neither."""
    value = record.get(name)
    if value is None or value == "" or value == "0" or value == 0:  # noqa: PLR1714 -- it may be unhashable
        return None
    if (parsed := identifier(value)) is None:
        raise RecordError(f"{name} is no id")
    return parsed


def _strict_number(record: Mapping[str, Any], name: str) -> int:
    """An integer, 0 where it is absent. Raises `RecordError` for anything else."""
    value = record.get(name)
    if value is None:
        return 0
    if (parsed := number(value)) is None:
        raise RecordError(f"{name} is no integer")
    return parsed
