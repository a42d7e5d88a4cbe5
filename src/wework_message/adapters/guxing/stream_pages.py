"""Reads the answer of `/sync/sync_msg`, of which the vendor documents one field only, `continue_flag` (P-10).

Everything else is assumed, and tolerant: the names in the tables below, and either form of a record that is known from
elsewhere, that of callbacks and that of answers to sends. What has none of these names is UNREADABLE.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final, NamedTuple, Self

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
_MARK_DIGITS: Final = 16
"""Hexadecimal digits that tell two records with the same `seq` apart."""
_MAX_VARINT: Final = 5
"""Bytes of a length; more than enough for a text."""


class Cursor(NamedTuple):
    """The place of the record that was read last."""

    seq: int
    mark: str | None = None
    """Tells the record apart from another one with the same `seq`; None where no record was read there."""

    @classmethod
    def of(cls, text: str) -> Self:
        """As `str` spells it. Raises `ValueError` for anything else."""
        seq, _, mark = text.partition(".")
        return cls(max(int(seq), 1), mark or None)

    @classmethod
    def at(cls, seq: int, record: Mapping[str, Any]) -> Self:
        """That of a record."""
        return cls(max(seq, 1), _mark(record))

    def __str__(self) -> str:
        return str(self.seq) if self.mark is None else f"{self.seq}.{self.mark}"

    @property
    def key(self) -> str:
        """What the provider is asked with, so that its answer begins with the record that was read last; at least 1."""
        return str(self.seq if self.mark is None else max(self.seq - 1, 1))

    def is_of(self, record: object) -> bool:
        """Whether this is the record that was read last."""
        return isinstance(record, dict) and _seq_of(record) == self.seq and _mark(record) == self.mark


def _mark(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr(identifier(record.get("id"))).encode()).hexdigest()[:_MARK_DIGITS]


def read_page(guid: Guid, cursor: Cursor, body: bytes) -> PulledPage:
    """The records of an answer with HTTP status 200 to a pull with `cursor.key`, and where the next pull begins.

    The record at the cursor itself is left out: it was read before.
    """
    envelope = read_envelope(body)
    if envelope is None:
        return PulledPage(PageEnd(PullOutcome.UNREADABLE))
    if envelope.refused:
        return PulledPage(PageEnd(PullOutcome.REFUSED))
    fields = envelope.fields
    records = envelope.data if isinstance(envelope.data, list) else _listed(fields)
    if records is None:
        return PulledPage(PageEnd(PullOutcome.UNREADABLE))
    items = record_items(guid, [_as_in_callbacks(record) for record in records if not cursor.is_of(record)])
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


def _end(cursor: Cursor, fields: Mapping[str, Any], records: list[Any], *, readable: bool) -> PageEnd:
    """The highest `seq` is the next key: the vendor says that both are of one number space.

    A page is whole only where it shows the record that was read last: then the provider still has what came behind it, and begins there. One
    that was cut off at its beginning, that is the newest part of a longer one, or is of a stream that was numbered anew, does not.
    """
    placed = [(seq, record) for record in records if (seq := _seq_of(record)) is not None]
    newest = max(placed, key=itemgetter(0), default=None)
    following = Cursor.at(*newest) if newest is not None else _named(cursor, fields)
    continues = any(fields.get(name) not in _FALSE for name in MORE)
    goes_on = following.seq > cursor.seq
    return PageEnd(
        PullOutcome.READ,
        str(following),
        more=continues and goes_on,
        is_whole=readable
        and len(placed) == len(records)
        and any(cursor.is_of(record) for _, record in placed)
        and not (continues and not goes_on),
    )


def _named(cursor: Cursor, fields: Mapping[str, Any]) -> Cursor:
    """The next key as the answer names it, where no record has a place; only one that is ahead counts."""
    keys = (number(fields.get(name)) for name in KEYS)
    return next((Cursor(key) for key in keys if key is not None and key > cursor.seq), cursor)


def _seq_of(record: Any) -> int | None:
    return number(record.get("seq")) if isinstance(record, dict) else None


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
