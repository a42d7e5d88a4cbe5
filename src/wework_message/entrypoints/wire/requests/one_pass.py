"""A usual message, or a batch of such, read from its bytes in one pass: JSON, names and types at once.

Nothing is refused here. What this does not read is read once more as an object (`read_message`), which also knows nulls in
the place of absent fields, and MIXED, and finds every problem.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, Union

import msgspec
from msgspec import NODEFAULT, structs

from wework_message.domain.content import CONTENTS, Content, ContentBase
from wework_message.domain.message.draft import Draft
from wework_message.entrypoints.wire.requests.body import MAX_DEPTH, Bounds, Limits
from wework_message.entrypoints.wire.requests.drafts import (
    REFUSALS,
    SendRequest,
    build_draft,
    check_common,
    check_content,
)
from wework_message.entrypoints.wire.requests.fields import Common, Key, key_problem

_UNREADABLE: Final = (*REFUSALS, msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


class BatchInOnePass(NamedTuple):
    """A batch whose messages are all valid."""

    drafts: Sequence[Draft]
    """At least one."""
    atomic: bool
    client_message_id: str | None


class _Batch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A batch beside its messages; it says nothing of a mode."""

    atomic: bool = False
    client_message_id: Key | None = None


class _Messages(msgspec.Struct):
    messages: list[msgspec.Raw]


_MESSAGES: Final = msgspec.json.Decoder(_Messages)
_LEVELS_OF_BATCH: Final = 2


class _Shapes(NamedTuple):
    """What a request of each type, and a batch of them, looks like."""

    decoder: "msgspec.json.Decoder[Common]"
    batch_decoder: "msgspec.json.Decoder[Any]"
    contents: Mapping[type[Common], tuple[type[ContentBase], tuple[str, ...]]]
    """By type of request: the type of its content, whose attributes the request has beside the common ones."""


def read_in_one_pass(
    body: bytes, *, limits: Limits, now: int, idempotency_key: str | None = None
) -> SendRequest | None:
    """The message in `body`, None where it cannot be read so; the arguments are those of `parse_send`."""
    if len(body) > limits.max_message_bytes or _brackets(body) > MAX_DEPTH:
        return None
    bounds = limits.at(now)
    try:
        request = _shapes().decoder.decode(body)
        key = request.client_message_id
        if idempotency_key is not None:
            if key_problem(idempotency_key, key) is not None:
                return None
            key = idempotency_key
        draft = _draft(request, bounds, key)
    except _UNREADABLE:
        return None
    return SendRequest((draft,), False, request.is_async, key)


def read_batch_in_one_pass(
    body: bytes, *, limits: Limits, now: int, idempotency_key: str | None = None
) -> BatchInOnePass | None:
    """The batch in `body`, None where one of its messages cannot be read so; the arguments are those of `parse_batch`."""
    if len(body) > limits.max_batch_bytes:
        return None
    bounds = limits.at(now)
    try:
        batch = _shapes().batch_decoder.decode(body)
        requests: Sequence[Common] = batch.messages
        if not 0 < len(requests) <= limits.max_batch_size or _may_be_too_deep(body, len(requests)):
            return None
        if idempotency_key is not None and key_problem(idempotency_key, batch.client_message_id) is not None:
            return None
        drafts = [_draft(request, bounds, request.client_message_id) for request in requests]
    except _UNREADABLE:
        return None
    return BatchInOnePass(drafts, batch.atomic, idempotency_key or batch.client_message_id)


def _may_be_too_deep(body: bytes, messages: int) -> bool:
    """Whether the brackets in one of the messages could open too many levels inside of the batch."""
    if (
        _brackets(body) - (messages - 1) <= MAX_DEPTH
    ):  # all that are not of the batch, and one of each message, in one of them
        return False
    return any(_brackets(bytes(message)) > MAX_DEPTH - _LEVELS_OF_BATCH for message in _MESSAGES.decode(body).messages)


def _brackets(body: bytes) -> int:
    return body.count(b"{") + body.count(b"[")


def _draft(request: Common, bounds: Bounds, key: str | None) -> Draft:
    check_common(request)
    conversation = bounds.conversations.parse(request.conversation_id)
    content = _content(request)
    check_content(content, bounds=bounds)
    return build_draft(request, conversation, content, bounds=bounds, key=key)


def _content(request: Common) -> Content:
    kind, names = _shapes().contents[type(request)]
    content: Any = kind(**{name: getattr(request, name) for name in names})  # mypy does not see through the mapping
    checked: Content = content
    return checked


@cache
def _shapes() -> _Shapes:
    """Made for the first request: what reads none does not need them."""
    requests = {_request_of(tag, kind): (kind, kind.__struct_fields__) for tag, kind in CONTENTS.items()}
    any_request: Any = Union[tuple(requests)]  # noqa: UP007 -- as many as there are types
    batch = msgspec.defstruct("_BatchOfRequests", [("messages", list[any_request])], bases=(_Batch,), kw_only=True)
    return _Shapes(msgspec.json.Decoder(any_request), msgspec.json.Decoder(batch), requests)


def _request_of(tag: str, kind: type[ContentBase]) -> type[Common]:
    """The common fields, and those of one type of content."""
    fields = [(field.name, field.type, _as_declared(field)) for field in structs.fields(kind)]
    options: dict[str, Any] = {"frozen": True, "kw_only": True, "forbid_unknown_fields": True}
    request: Any = msgspec.defstruct(
        f"{kind.__name__}Request", fields, bases=(Common,), tag_field="messageType", tag=tag, **options
    )
    struct: type[Common] = request
    return struct


def _as_declared(field: structs.FieldInfo) -> Any:
    if field.default_factory is not NODEFAULT:
        return msgspec.field(name=field.encode_name, default_factory=field.default_factory)
    return msgspec.field(name=field.encode_name, default=field.default)
