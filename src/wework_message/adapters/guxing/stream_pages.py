"""Reads the answer of `/sync/sync_msg`, of which the vendor documents one field only, `continue_flag` (P-10).

Everything else is assumed, and tolerant: the names in the tables below, and either form of a record that is known from
elsewhere, that of callbacks and that of answers to sends. What has none of these names is UNREADABLE.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from wework_message.adapters.guxing.callbacks import record_items
from wework_message.adapters.guxing.notify_types import MESSAGE_TYPES
from wework_message.adapters.guxing.receipts import app_info_key
from wework_message.adapters.guxing.wire import identifier, number, read_envelope
from wework_message.domain.ids import Guid
from wework_message.domain.ports.streams import PulledPage
from wework_message.domain.stream import PageEnd, PullOutcome

LISTS: Final = ("msg_list", "message_list", "messages", "msgs", "list", "msg_data", "data")
"""Assumed names of the list of records in `data`; `data` may be the list, too."""

KEYS: Final = ("sync_key", "next_sync_key", "next_key")
"""Assumed names of the next key. It counts only where no record says its `seq`: that is the number space of the key."""

MORE: Final = ("continue_flag", "has_more")
"""The first is documented, without its type."""

_FALSE: Final = (None, False, 0, "", "0", "false", "False")
_TEXT: Final = 2
"""Type of a text in both numberings, the raw one of answers and the normalised one of callbacks (P-12)."""
_READ: Final = {2001: 1012}
"""Other raw types whose normalised number is known."""
_OTHER: Final = 0
"""The normalised type of a record that nobody can name."""
_MAX_VARINT: Final = 5
"""Bytes of a length; more than enough for a text."""


def read_page(guid: Guid, cursor: str, body: bytes) -> PulledPage:
    """The records of an answer with HTTP status 200, and where the next pull begins."""
    envelope = read_envelope(body)
    if envelope is None:
        return PulledPage(PageEnd(PullOutcome.UNREADABLE))
    if envelope.refused:
        return PulledPage(PageEnd(PullOutcome.REFUSED))
    fields = envelope.fields
    records = envelope.data if isinstance(envelope.data, list) else _listed(fields)
    if records is None:
        return PulledPage(PageEnd(PullOutcome.UNREADABLE))
    items = record_items(guid, [_as_in_callbacks(record) for record in records])
    return PulledPage(
        _end(cursor, fields, records, readable=all(item.defect is None for item in items)), items, MESSAGE_TYPES
    )


def _listed(fields: Mapping[str, Any]) -> list[Any] | None:
    """The list of records; empty where the rest of the answer shows that there is none, None where nothing is known."""
    for name in LISTS:
        if isinstance(listed := fields.get(name), list):
            return listed
    return [] if any(name in fields for name in (*KEYS, *MORE)) and not _others(fields) else None


def _others(fields: Mapping[str, Any]) -> bool:
    """Whether a list, or an object, is there under a name that nobody knows: it may be the records."""
    return any(isinstance(value, list | dict) and value for value in fields.values())


def _end(cursor: str, fields: Mapping[str, Any], records: list[Any], *, readable: bool) -> PageEnd:
    """The highest `seq` is the next key: the vendor says that both are of one number space.

    A page that lies before its key as a whole is of a stream that was numbered anew: the key follows it, and that is a gap.
    """
    seqs = [number(record.get("seq")) if isinstance(record, dict) else None for record in records]
    known = [seq for seq in seqs if seq is not None]
    own = number(cursor) or 0
    named = next((key for name in KEYS if (key := number(fields.get(name))) is not None and key > own), own)
    following = max(known) if known else named
    continues = any(fields.get(name) not in _FALSE for name in MORE)
    return PageEnd(
        PullOutcome.READ,
        str(max(following, 1)),
        more=continues and following > own,
        is_whole=readable and len(known) == len(records) and following >= own and not (continues and following <= own),
    )


def _as_in_callbacks(record: Any) -> Any:
    """A record in the form of an answer to a send, as a callback would have it; any other one as it is."""
    if not isinstance(record, dict) or "contenttype" not in record or "msg_type" in record:
        return record
    kind, app_info, text = number(record["contenttype"]), record.get("appinfo"), _text(record.get("content"))
    normalised = {name: value for name, value in record.items() if name not in {"contenttype", "content", "sendername"}}
    normalised["content_type"] = kind
    normalised["msg_type"] = _TEXT if kind == _TEXT else _READ.get(kind or 0, _OTHER)
    normalised["appinfo"] = app_info_key(app_info) if isinstance(app_info, str) else None
    if kind == _TEXT and text is not None:
        normalised["content"] = text
    return normalised


def _text(content: object) -> str | None:
    """The text in the base64 of a protobuf: field 1 { field 1 = 0, field 2 { field 1 = text } } (P-4); None for all else."""
    if not isinstance(content, str):
        return None
    try:
        outer = _field(base64.b64decode(content, validate=True), 1)
        inner = None if outer is None or outer[:2] != b"\x08\x00" else _field(outer[2:], 2)
        text = None if inner is None else _field(inner, 1)
        return None if text is None else text.decode()
    except (binascii.Error, ValueError):
        return None


def _field(data: bytes, field: int) -> bytes | None:
    """The value of a length-delimited field that fills `data`; None where it is something else."""
    if not data or data[0] != (field << 3 | 2):
        return None
    length = 0
    for place, byte in enumerate(data[1 : 1 + _MAX_VARINT]):
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 -- the last byte of a varint
            start = 2 + place
            return data[start:] if len(data) == start + length else None
    return None


def seq_of(text: str) -> int | None:
    """A position in the stream as a number; None for anything else, and for 0, which the vendor forbids as a key."""
    seq = number(text) if identifier(text) is not None else None
    return seq if seq is not None and seq > 0 else None
