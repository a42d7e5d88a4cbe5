"""A usual message, read from its bytes in one pass: JSON, names and types at once.

Nothing is refused here. What this does not read is read once more as an object (`read_message`), which also knows nulls in
the place of absent fields, and MIXED, and finds every problem.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple, Union

import msgspec
from msgspec import NODEFAULT, structs

from wework_message.domain.content import CONTENTS, Content, ContentBase
from wework_message.entrypoints.wire.requests.body import MAX_DEPTH, Limits
from wework_message.entrypoints.wire.requests.drafts import (
    REFUSALS,
    SendRequest,
    build_draft,
    check_common,
    check_content,
)
from wework_message.entrypoints.wire.requests.fields import Common, key_problem

_UNREADABLE: Final = (*REFUSALS, msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


class _Shapes(NamedTuple):
    """What a request of each type looks like."""

    decoder: "msgspec.json.Decoder[Common]"
    contents: Mapping[type[Common], tuple[type[ContentBase], tuple[str, ...]]]
    """By type of request: the type of its content, whose attributes the request has beside the common ones."""


def read_in_one_pass(
    body: bytes, *, limits: Limits, now: int, idempotency_key: str | None = None
) -> SendRequest | None:
    """The message in `body`, None where it cannot be read so; the arguments are those of `parse_send`."""
    if len(body) > limits.max_message_bytes or body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        return None
    bounds = limits.at(now)
    try:
        request = _shapes().decoder.decode(body)
        check_common(request)
        key = request.client_message_id
        if idempotency_key is not None:
            if key_problem(idempotency_key, key) is not None:
                return None
            key = idempotency_key
        conversation = bounds.conversations.parse(request.conversation_id)
        content = _content(request)
        check_content(content, bounds=bounds)
        draft = build_draft(request, conversation, content, bounds=bounds, key=key)
    except _UNREADABLE:
        return None
    return SendRequest((draft,), False, request.is_async, key)


def _content(request: Common) -> Content:
    kind, names = _shapes().contents[type(request)]
    content: Any = kind(**{name: getattr(request, name) for name in names})  # mypy does not see through the mapping
    checked: Content = content
    return checked


@cache
def _shapes() -> _Shapes:
    """Made for the first request: what reads none does not need them."""
    requests = {_request_of(tag, kind): (kind, kind.__struct_fields__) for tag, kind in CONTENTS.items()}
    return _Shapes(msgspec.json.Decoder(Union[tuple(requests)]), requests)  # noqa: UP007 -- as many as there are types


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
