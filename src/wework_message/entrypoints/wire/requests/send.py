"""The bytes of a send, a batch or one queued message, read into drafts. REST, CLI and queue intake share this."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec import Struct

from wework_message.domain.batch import BatchMode, stores
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import is_idempotency_key
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, Problems, RequestRejected, rejection
from wework_message.entrypoints.wire.requests import old_forms
from wework_message.entrypoints.wire.requests.body import Limits, decode_object
from wework_message.entrypoints.wire.requests.drafts import SendRequest, read_message
from wework_message.entrypoints.wire.requests.fields import EXPECTED, KNOWN_NAMES, key_problem
from wework_message.entrypoints.wire.requests.java_batch import NAMES as JAVA_NAMES
from wework_message.entrypoints.wire.requests.java_batch import common_and_own, fan_out, is_java_shape
from wework_message.entrypoints.wire.requests.mass_send import CONFIRMATION, read_mass_send
from wework_message.entrypoints.wire.requests.one_pass import read_batch_in_one_pass, read_in_one_pass

__all__ = [
    "BatchItem", "BatchRequest", "FieldProblem", "Limits", "RequestRejected", "SendRequest",
    "parse_batch", "parse_send",
]  # fmt: skip

_BATCH_FIELDS: Final = frozenset({"messages", "atomic", "mode", "clientMessageId"})


class BatchItem(Struct, frozen=True):
    """One entry of a batch: a draft, or what is wrong with it."""

    index: int
    """Its place among the items of the answer, from 0."""
    draft: Draft | None
    problems: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch whose structure is sound."""

    mode: BatchMode
    atomic: bool
    """All or nothing; items with problems are never in an atomic batch."""
    items: tuple[BatchItem, ...]
    """At least one has a draft."""
    client_message_id: str | None
    """Idempotency key of the batch."""
    confirm_token: str | None = None
    """Of a mass send: what the answer to its first request named."""


def parse_send(body: bytes, *, limits: Limits, now: int, idempotency_key: str | None = None) -> SendRequest:
    """Read the body of a send, or one queued message; `now` is epoch ms UTC, the key that of the header.

    Raises `RequestRejected` (400, 413, 422) with every problem it finds.
    """
    if (read := read_in_one_pass(body, limits=limits, now=now, idempotency_key=idempotency_key)) is not None:
        return read
    raw = decode_object(body, max_bytes=limits.max_message_bytes)
    if limits.compat is not None:
        raw = old_forms.message(raw, limits.compat)
    return read_message(_with_key(raw, idempotency_key), limits=limits, now=now)


def parse_batch(body: bytes, *, limits: Limits, now: int, idempotency_key: str | None = None) -> BatchRequest:
    """Read the body of a batch in either shape; `now` is epoch ms UTC, the header's key names the batch.

    Raises `RequestRejected` for faults of the whole, for faults of any item of an atomic batch, and where no item is
    valid; other faults stay with their item.
    """
    read = read_batch_in_one_pass(body, limits=limits, now=now, idempotency_key=idempotency_key)
    if read is not None:
        return BatchRequest(BatchMode.FANOUT, read.atomic, _items(read.drafts), read.client_message_id)
    raw = decode_object(body, max_bytes=limits.max_batch_bytes)
    if limits.compat is not None:
        raw = old_forms.batch(raw, limits.compat)
    if raw.get("messages") is None and is_java_shape(raw):
        return _java_batch(raw, limits=limits, now=now, idempotency_key=idempotency_key)
    raw = _with_key(raw, idempotency_key)
    problems = Problems(_batch_problems(raw, limits=limits))
    if problems:
        raise problems.rejection()
    items = tuple(_item(index, entry, limits=limits, now=now) for index, entry in enumerate(raw["messages"]))
    return _sound(items, atomic=raw.get("atomic") or False, key=raw.get("clientMessageId"))


def _java_batch(raw: dict[str, Any], *, limits: Limits, now: int, idempotency_key: str | None) -> BatchRequest:
    raw = _with_key(raw, idempotency_key)
    problems = list(_switch_problems(raw))
    if problems:
        raise rejection(problems)
    atomic, mode = raw.pop("atomic", None) or False, raw.pop("mode", None)
    common, own = common_and_own(raw)
    if mode != BatchMode.FANOUT:
        mass_send = read_mass_send(common, own, limits=limits, now=now)
        request = _sound(_items(mass_send.items), atomic=atomic, key=mass_send.client_message_id)
        return replace(request, mode=BatchMode.MASS_SEND, confirm_token=mass_send.confirm_token)
    messages = fan_out(common, own, limits=limits, now=now)
    return _sound(_items(messages.items), atomic=atomic, key=messages.client_message_id)


def _items(read: Sequence[Draft | tuple[FieldProblem, ...]]) -> tuple[BatchItem, ...]:
    return tuple(
        BatchItem(index, item) if isinstance(item, Draft) else BatchItem(index, None, item)
        for index, item in enumerate(read)
    )


def _sound(items: tuple[BatchItem, ...], *, atomic: bool, key: str | None) -> BatchRequest:
    problems = [problem for item in items for problem in item.problems]
    valid = sum(item.draft is not None for item in items)
    if problems and not stores(valid=valid, rejected=len(items) - valid, atomic=atomic):
        raise rejection(problems)
    return BatchRequest(BatchMode.FANOUT, atomic, items, key)


def _item(index: int, entry: object, *, limits: Limits, now: int) -> BatchItem:
    path = f"messages[{index}]"
    if not isinstance(entry, dict):
        return BatchItem(index, None, (FieldProblem(path, ProblemCode.WRONG_TYPE, "must be an object"),))
    if entry.get("messageType") == "MIXED":
        text = "cannot be MIXED inside a batch"
        return BatchItem(index, None, (FieldProblem(f"{path}.messageType", ProblemCode.INVALID_VALUE, text),))
    if limits.compat is not None:
        entry = old_forms.message(entry, limits.compat)
    try:
        read = read_message(entry, limits=limits, now=now, prefix=f"{path}.")
    except RequestRejected as rejected:
        return BatchItem(index, None, rejected.errors)
    return BatchItem(index, read.drafts[0])


def _batch_problems(raw: Mapping[str, Any], *, limits: Limits) -> Iterator[FieldProblem]:
    for name, value in raw.items():
        known = name in KNOWN_NAMES or name in JAVA_NAMES or name == CONFIRMATION
        if name not in _BATCH_FIELDS and not (known and value is None):
            code = ProblemCode.NOT_FOR_THIS_TYPE if known else ProblemCode.UNKNOWN_FIELD
            yield FieldProblem(name, code, "does not belong beside messages" if known else "is not a known field")
    yield from _switch_problems(raw)
    if raw.get("mode") == BatchMode.MASS_SEND:
        yield FieldProblem("mode", ProblemCode.INVALID_VALUE, "cannot be MASS_SEND beside messages")
    key = raw.get("clientMessageId")
    if key is not None and not (isinstance(key, str) and is_idempotency_key(key)):
        yield FieldProblem("clientMessageId", ProblemCode.INVALID_VALUE, EXPECTED["clientMessageId"])
    messages = raw.get("messages")
    if messages is None or messages == []:
        yield FieldProblem(
            "messages", ProblemCode.REQUIRED, "(or userList and roomList) must name at least one message"
        )
    elif not isinstance(messages, list):
        yield FieldProblem("messages", ProblemCode.WRONG_TYPE, "must be a list")
    elif len(messages) > limits.max_batch_size:
        yield FieldProblem("messages", ProblemCode.TOO_LONG, f"may have {limits.max_batch_size} items")


def _switch_problems(raw: Mapping[str, Any]) -> Iterator[FieldProblem]:
    if not isinstance(raw.get("atomic"), bool | None):
        yield FieldProblem("atomic", ProblemCode.WRONG_TYPE, "must be true or false")
    mode = raw.get("mode")
    if mode is not None and mode not in tuple(BatchMode):
        yield FieldProblem("mode", ProblemCode.INVALID_VALUE, f"must be one of {', '.join(BatchMode)}")


def _with_key(raw: dict[str, Any], in_header: str | None) -> dict[str, Any]:
    """`raw` with the header's key as its `clientMessageId`; raises `RequestRejected` where the two differ."""
    if in_header is None:
        return raw
    if (problem := key_problem(in_header, raw.get("clientMessageId"))) is not None:
        raise rejection([problem])
    return raw | {"clientMessageId": in_header}
