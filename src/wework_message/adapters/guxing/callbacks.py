"""Reads the vendor's callbacks (P-12). Pure: it stores nothing, and its errors never show content."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import msgspec

from wework_message.adapters.guxing.lenient_json import decoded, read_leniently
from wework_message.adapters.guxing.notify_types import MESSAGE_TYPES, Proof, proof_of
from wework_message.adapters.guxing.stream_records import Record, RecordError, read_stream_record
from wework_message.adapters.guxing.wire import identifier, number, parse
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import Guid
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.ports.gateway import MAX_CALLBACK_RECORDS, CallbackItem, CallbackReader

_LIST: Final = "a list of records"
"""The defect of the records that were left of a list, and of a list within a list."""
_MAX_GUID: Final = 128
_MAX_EVENT_KEY: Final = 160
_MAX_NOTIFY_TYPE: Final = 2**31 - 1

_encode: Final = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class _Callback:
    """One callback, or one record of a list in its own envelope."""

    guid: Guid
    notify_type: int
    data: Any
    raw: str

    def with_record(self, record: Any) -> Self:
        """The same envelope around one record."""
        return replace(self, data=record, raw=_canonical(self.guid, self.notify_type, record))

    @property
    def hash(self) -> str:
        """The hash of its canonical JSON: the same for any order of keys."""
        canonical = _canonical(self.guid, self.notify_type, self.data)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


class _Ordinary(msgspec.Struct):
    """What nearly every callback is: one record of the stream in its envelope."""

    guid: str
    notify_type: int
    data: Record


_ordinary: Final = msgspec.json.Decoder(_Ordinary).decode


def _ordinary_item(text: str) -> CallbackItem | None:
    """The item of an ordinary callback, read in one pass; None where it is something else, or has a hash for a key."""
    try:
        callback = _ordinary(text)
        stream_record = read_stream_record(_guid(callback.guid), callback.data)
    except (msgspec.DecodeError, ValueError):
        return None
    if callback.notify_type not in MESSAGE_TYPES or not _has_key(stream_record):
        return None
    return _stream_item(callback.notify_type, stream_record, text)


def _has_key(stream_record: StreamRecord) -> bool:
    return 0 < len(stream_record.event_key) <= _MAX_EVENT_KEY


def _stream_item(notify_type: int, stream_record: StreamRecord, raw: str) -> CallbackItem:
    return CallbackItem(stream_record.guid, notify_type, stream_record.event_key, raw=raw, stream_record=stream_record)


def _canonical(guid: Guid, notify_type: int, data: Any) -> str:
    """JSON with sorted keys: equal for equal items."""
    envelope = {"guid": guid, "notify_type": notify_type, "data": data}
    try:
        return _encode(envelope).decode()
    except UnicodeEncodeError:  # a lone surrogate, which has no UTF-8
        return json.dumps(envelope, sort_keys=True, separators=(",", ":"))


class GuxingCallbackReader:
    """A `CallbackReader` for `11010`, `11013`, the login notices, and anything else as raw."""

    def read(self, body: bytes, *, max_records: int = MAX_CALLBACK_RECORDS) -> tuple[CallbackItem, ...]:
        """The items of one callback: one, or one for each record of a list, up to `max_records`.

        What cannot be read, or is over that number, becomes one item with a defect: a callback with the records that are
        left, which can be sent again as it is. Raises `InvalidValueError` where the body is no JSON object with a `guid` and a `notify_type`.
        """
        try:
            return _items(body, max_records)
        except RecursionError:
            raise InvalidValueError("body", "is nested too deep") from None

    def reread(self, notify_type: int, raw: str) -> CallbackItem:
        """One stored item. Raises `InvalidValueError` where `raw` is not a callback of this type."""
        try:
            item = _ordinary_item(raw) or _item(_parsed(raw))
        except RecursionError:
            raise InvalidValueError("body", "is nested too deep") from None
        if item.notify_type != notify_type:
            raise InvalidValueError("notify_type", "is not the stored one")
        return item


def record_items(guid: Guid, records: list[Any]) -> tuple[CallbackItem, ...]:
    """Records of the stream of an instance, as a callback of the first type that brings them would have each."""
    return tuple(_split(_Callback(guid, MESSAGE_TYPES[0], None, ""), records, MAX_CALLBACK_RECORDS))


def _items(body: bytes, max_records: int = MAX_CALLBACK_RECORDS) -> tuple[CallbackItem, ...]:
    text = decoded(body)
    if (item := _ordinary_item(text)) is not None:
        return (item,)
    callback = _parsed(text)
    records = _records(callback.data) if callback.notify_type in MESSAGE_TYPES else None
    if not records:  # one record, or an empty list: it arrived, so it is shown
        return (_item(callback),)
    return tuple(_split(callback, records, max_records))


def _split(callback: _Callback, records: list[Any], max_records: int) -> Iterator[CallbackItem]:
    """An item for each readable record up to `max_records`, and one for everything else.

    An unreadable record costs nothing but its place in the rest: a body of 4 MiB can have half a million of them.
    """
    left: list[Any] = []
    unreadable, defect = 0, ""
    taken = 0
    for place, record in enumerate(records):
        if taken == max_records:
            left += records[place:]
            break
        try:
            stream_record = _stream_record(callback.guid, record)
        except RecordError as error:
            left.append(record)
            unreadable, defect = unreadable + 1, defect or str(error)
            continue
        taken += 1
        yield _message(callback.with_record(record), stream_record)
    if len(left) == unreadable == 1:
        yield _defective(callback.with_record(left[0]), defect)
    elif left:
        yield _defective(callback.with_record(left), _LIST)


def _item(callback: _Callback) -> CallbackItem:
    """The item of a callback with one record or an empty list, which is about nothing; `_items` has split other lists before."""
    if callback.notify_type in MESSAGE_TYPES and _records(callback.data) != []:
        try:
            stream_record = _stream_record(callback.guid, callback.data)
        except RecordError as error:
            return _defective(callback, str(error))
        return _message(callback, stream_record)
    data, proof = callback.data, proof_of(callback.notify_type)
    return CallbackItem(
        guid=callback.guid,
        notify_type=callback.notify_type,
        event_key=callback.hash,
        raw=callback.raw,
        notice=proof.notice,
        wecom_user_id=identifier(data.get("user_id")) if proof is Proof.LOGIN and isinstance(data, dict) else None,
    )


def _stream_record(guid: Guid, record: Any) -> StreamRecord:
    """What a record of the stream says. Raises `RecordError` where it cannot be read."""
    if not isinstance(record, dict):
        raise RecordError(_LIST if isinstance(record, list) else "a message is no object")
    return read_stream_record(guid, Record.of(record))


def _message(callback: _Callback, stream_record: StreamRecord) -> CallbackItem:
    if not _has_key(stream_record):  # its hash must name it
        stream_record = replace(stream_record, event_key=callback.hash)
    return _stream_item(callback.notify_type, stream_record, callback.raw)


def _defective(callback: _Callback, defect: str) -> CallbackItem:
    return CallbackItem(
        guid=callback.guid,
        notify_type=callback.notify_type,
        event_key=callback.hash,
        raw=callback.raw,
        defect=defect,
    )


def _records(data: Any) -> list[Any] | None:
    """The records of a batch: an array as captured, or in an object as in the changelog; None for a single record."""
    inner = data["data"] if isinstance(data, dict) and set(data) == {"data"} else data
    return inner if isinstance(inner, list) else None


def _parsed(text: str) -> _Callback:
    """The envelope of a callback.

    Where the strict parser fails, a lenient one tries: a vendor in Python cuts names in the middle of an emoji, and writes
    lone surrogates and NaN. Such a record must not be lost.
    """
    try:
        value = parse(text)
    except ValueError:
        value, text = _parsed_leniently(text)
    if not isinstance(value, dict):
        raise InvalidValueError("body", "must be an object")
    return _Callback(_guid(value.get("guid")), _notify_type(value.get("notify_type")), value.get("data"), text)


def _parsed_leniently(text: str) -> tuple[object, str]:
    try:
        return read_leniently(text)
    except ValueError:
        raise InvalidValueError("body", "is no JSON") from None


def _guid(value: object) -> Guid:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _MAX_GUID:
        raise InvalidValueError("guid", f"must be a string of 1 to {_MAX_GUID} printable characters")
    return Guid(value)


def _notify_type(value: object) -> int:
    notify_type = number(value)
    if notify_type is None or abs(notify_type) > _MAX_NOTIFY_TYPE:
        raise InvalidValueError("notify_type", "must be an integer of 32 bits")
    return notify_type


def _conforms(reader: GuxingCallbackReader) -> CallbackReader:
    return reader
