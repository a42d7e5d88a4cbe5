"""Reads one record of the message stream of an account (P-12)."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Self

import msgspec

from wework_message.adapters.guxing.receipts import MAX_KEY, app_info_key
from wework_message.adapters.guxing.wire import identifier, number, send_instant_of, short_text
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.message.echo_keys import Form, Shown
from wework_message.domain.message.projection import FactKind, StreamRecord

_REVOKE_FLAG: Final = 1 << 5
_SEND_FAIL_FLAG: Final = 1 << 22
_SERVER_RETRY_OK_FLAG: Final = 1 << 25

_RECALL: Final = 1
_TEXT: Final = 2
_QUOTE_FLAG: Final = 1 << 9

_DEGREES: Final = frozenset({"longitude", "latitude"})
_SHOWN: Final[Mapping[int, tuple[Form, tuple[str, ...]]]] = {
    _TEXT: (Form.TEXT, ("content",)),
    3: (Form.LOCATION, ("longitude", "latitude", "title")),
    4: (Form.LINK, ("title", "url")),
    5: (Form.IMAGE, ("file_id",)),
    6: (Form.VOICE, ("file_id",)),
    7: (Form.VIDEO, ("file_id",)),
    8: (Form.FILE, ("file_id",)),
    10: (Form.GIF, ("url",)),
    11: (Form.CONTACT, ("user_id",)),
    12: (Form.MINIPROGRAM, ("appid", "page_path", "title")),
    14: (Form.CHANNEL_FEED, ("url", "desc")),
    17: (Form.CHANNEL_LIVE, ("object_id",)),
}
"""What identifies the content of a type, in the order of `echo_keys.COMPARED`.

Documented for texts, and as a statement that media carry their `file_id`. For the other types the names of the items of quotes and
merged records are assumed, for contacts and mini-programs those of the send. Where the provider has others, nothing is compared.
"""
_SYSTEM: Final = frozenset({1011, 1012})
"""A system message, and the account's own reading: their flags say nothing about a message that we sent."""
_NO_MESSAGE: Final = _SYSTEM | {40}
"""The voice-related notice too. Every other type counts as a message, listed or not, 0 or absent."""
_DIGITS: Final = 32
"""Hexadecimal digits of a digest: 128 bits."""
_MAX_TEXT: Final = 1_048_576
"""Characters. A text is compared and never stored; its callback has its own limit."""


_KINDS: Final = 1_024
"""Types with their flags whose meaning is remembered."""


class RecordError(ValueError):
    """An unreadable record; the text contains the name of the field, never its value."""


class Record(msgspec.Struct):
    """The fields of a record that are read, whatever they hold; None where they are absent."""

    seq: Any = None
    id: Any = None
    referid: Any = None
    flag: Any = None
    msg_type: Any = None
    appinfo: Any = None
    sender: Any = None
    receiver: Any = None
    roomid: Any = None
    asid: Any = None
    sendtime: Any = None
    send_flag: Any = None
    content: Any = None
    quote_content: Any = None
    file_id: Any = None
    url: Any = None
    title: Any = None
    desc: Any = None
    object_id: Any = None
    user_id: Any = None
    appid: Any = None
    page_path: Any = None
    longitude: Any = None
    latitude: Any = None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """From a parsed object."""
        return cls(*map(fields.get, cls.__struct_fields__))


def read_stream_record(guid: Guid, record: Record) -> StreamRecord:
    """The facts of the record about a message; none where its type is that of no message (`StreamRecord.kinds`).

    Its event key is ``seq:id:referid:flag:digest``, the key of one state of a record; empty for a record without an id.
    A record that changes an earlier message has another `referid` or flag, and so does not count as a repetition. Whoever
    forges a record chooses these four. So the digest is that of everything that is judged: a record that says something
    else is another one, and the true record never counts as a repetition of a forged one.
    Raises `RecordError` where a field that decides this cannot be read.
    """
    msg_type, flag = _strict_number("msg_type", record.msg_type), _strict_number("flag", record.flag)
    own_id, refers_to = _strict_id("id", record.id), _strict_id("referid", record.referid)
    kinds, kinds_text = _kinds(msg_type, flag)
    asid, shown = identifier(record.asid), _shown(record, msg_type, flag)
    said = (
        own_id, None if refers_to == own_id else refers_to, _app_info(record.appinfo), _conversations(record, asid),
        asid is not None, identifier(record.sender), number(record.send_flag) == 1, send_instant_of(record.sendtime),
    )  # fmt: skip
    event_key = ""
    if own_id is not None:
        digest = _digest(guid, *said, _identity(shown), kinds_text)
        event_key = f"{identifier(record.seq) or ''}:{own_id}:{refers_to or '0'}:{flag}:{digest}"
    return StreamRecord(guid, event_key, *said, shown, kinds)  # in the order of its fields: names cost a third of it


def _digest(*said: object) -> str:
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _identity(shown: Shown | None) -> object:
    """Of a text it is the text alone, as in the keys of earlier versions."""
    if shown is None:
        return None
    return shown.values[0] if shown.form is Form.TEXT else (shown.form.value, *shown.values)


def _shown(record: Record, msg_type: int, flag: int) -> Shown | None:
    """What identifies the content. A record without a type may be a text; its content decides then."""
    form, fields = _SHOWN.get(_TEXT if record.msg_type is None else msg_type, (None, ()))
    if form is Form.TEXT and (record.quote_content or flag & _QUOTE_FLAG):
        # Without the preview it is still a text for people, and equals no quote of ours.
        form, fields = Form.QUOTE, ("content", "quote_content") if record.quote_content else ("content",)
    if form is None:
        return None
    return Shown.of(form, [_comparable(getattr(record, field), field) for field in fields])


def _comparable(value: object, field: str) -> object:
    if field not in _DEGREES:
        return short_text(value, _MAX_TEXT)
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return None


@lru_cache(_KINDS)
def _kinds(msg_type: int, flag: int) -> tuple[frozenset[FactKind], str]:
    """The facts that the record proves about the message that it names, and as a text; none: only that it exists, if the id is ours."""
    kinds = _proven(msg_type, flag)
    return kinds, ",".join(sorted(kinds))


def _proven(msg_type: int, flag: int) -> frozenset[FactKind]:
    if msg_type in _SYSTEM:
        return frozenset()
    facts = {
        FactKind.SEND_FAIL: flag & _SEND_FAIL_FLAG,
        FactKind.SERVER_RETRY_OK: flag & _SERVER_RETRY_OK_FLAG,
        FactKind.REVOKED: msg_type == _RECALL or flag & _REVOKE_FLAG,
    }
    kinds = frozenset(kind for kind, is_proven in facts.items() if is_proven)
    return kinds if kinds or msg_type in _NO_MESSAGE else frozenset({FactKind.ECHO})


def _app_info(value: object) -> str | None:
    """The key as `app_info_key` spells it; a key that is not printable ASCII is omitted."""
    key = short_text(value, 2 * MAX_KEY) or ""
    return app_info_key(key) if key and key.isascii() and key.isprintable() else None


def _conversations(record: Record, asid: str | None) -> tuple[str, ...]:
    """The spellings of the conversation in our requests, if the account itself is the sender."""
    if (room := identifier(record.roomid)) is not None:
        return (PEERS_AND_ROOMS.room(room).spelling,)
    if (receiver := identifier(record.receiver)) is None:
        # "Nobody" fits a message to `S:0` and no other one.
        return (PEERS_AND_ROOMS.person("0").spelling,) if record.receiver == "0" else ()
    spelling = PEERS_AND_ROOMS.person(receiver).spelling
    return (spelling,) if asid is None else (spelling, PEERS_AND_ROOMS.person(receiver, asid).spelling)


def _strict_id(name: str, value: object) -> ProviderMessageId | None:
    """An id or None. Raises `RecordError` for a value that is neither."""
    if value is None or value == "" or value == "0" or value == 0:  # noqa: PLR1714 -- it may be unhashable
        return None
    if (parsed := identifier(value)) is None:
        raise RecordError(f"{name} is no id")
    return ProviderMessageId(parsed)


def _strict_number(name: str, value: object) -> int:
    """An integer, 0 where it is absent. Raises `RecordError` for anything else."""
    if value is None:
        return 0
    if (parsed := number(value)) is None:
        raise RecordError(f"{name} is no integer")
    return parsed
