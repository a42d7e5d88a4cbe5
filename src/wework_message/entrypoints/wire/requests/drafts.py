"""One message, from the JSON object of a request to drafts: a fast path, and all problems where it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from wework_message.domain.content import (
    CONTENTS,
    Content,
    MentionContent,
    MergedContent,
    MessageType,
    QuoteContent,
    TextContent,
)
from wework_message.domain.conversation import Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.message.draft import Draft
from wework_message.entrypoints.wire.problems import rejection
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.diagnosis import (
    MAX_PARTS,
    MIN_PARTS,
    common_problems,
    extra_problem,
    own_problems,
    unexplained,
)
from wework_message.entrypoints.wire.requests.fields import COMMON_NAMES, Common, epoch_ms, split

REFUSALS: Final = (msgspec.ValidationError, InvalidValueError)
"""What the fast path raises on a request that is not valid."""

_MIXED_NAMES: Final = frozenset({"messageType", "parts"})


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A message as read: one draft, or for MIXED one per part, in order."""

    drafts: tuple[Draft, ...]
    is_group: bool
    is_async: bool
    client_message_id: str | None
    """Names the message, or the whole group."""


def read_message(raw: Mapping[str, Any], *, limits: Limits, now: int, prefix: str = "") -> ReadMessage:
    """Read one message; raises `RequestRejected` with every problem, paths behind `prefix` (as ``messages[3].``)."""
    common, own = split(raw)
    try:
        return _read(common, own, limits=limits, now=now)
    except REFUSALS as error:
        problems = [
            *common_problems(common, prefix=prefix),
            *own_problems(own, limit=limits.max_text_length, prefix=prefix),
        ]
        raise rejection(problems or [unexplained(error, prefix=prefix)]) from None


def _read(common: dict[str, Any], own: dict[str, Any], *, limits: Limits, now: int) -> ReadMessage:
    fields = read_common(common)
    conversation = Conversation.parse(fields.conversation_id)
    if own.get("messageType") != MessageType.MIXED:
        content = read_content(own, limits=limits)
        one = build_draft(fields, conversation, content, now=now, key=fields.client_message_id)
        return ReadMessage((one,), False, fields.is_async, fields.client_message_id)
    parts = own.get("parts")
    if own.keys() != _MIXED_NAMES or not isinstance(parts, list) or not MIN_PARTS <= len(parts) <= MAX_PARTS:
        raise InvalidValueError("parts", f"must be {MIN_PARTS} to {MAX_PARTS} content objects")
    drafts = []
    for position, part in enumerate(parts):
        content = read_content(part, limits=limits)
        try:
            drafts.append(build_draft(fields, conversation, content, now=now))
        except InvalidValueError as problem:
            path = problem.path if problem.path in COMMON_NAMES else f"parts[{position}].{problem.path}"
            raise InvalidValueError(path, problem.message) from None
    return ReadMessage(tuple(drafts), True, fields.is_async, fields.client_message_id)


def read_common(common: Mapping[str, Any]) -> Common:
    """The common fields with their types; raises one of `REFUSALS`."""
    fields = msgspec.convert(common, Common)
    if fields.extra is not None:
        for problem in extra_problem(fields.extra):
            raise InvalidValueError(problem.path, problem.message)
    return fields


def read_content(own: Any, *, limits: Limits) -> Content:
    """The content object `own`, its texts within the limit; raises one of `REFUSALS`."""
    tag = own.get("messageType") if isinstance(own, dict) else None
    kind = CONTENTS.get(tag) if isinstance(tag, str) else None
    if kind is None:
        raise InvalidValueError("messageType", "must be a message type")
    found: Any = msgspec.convert(own, kind)  # a member of the union, which mypy cannot see through the mapping
    content: Content = found
    if _over_long(content, limits.max_text_length):
        raise InvalidValueError("content", f"must have at most {limits.max_text_length} characters")
    return content


def _over_long(content: object, most: int) -> bool:
    if isinstance(content, TextContent | MentionContent):
        return len(content.content) > most
    if isinstance(content, QuoteContent):
        preview = content.quote_content or ""
        return max(len(content.content), len(preview)) > most or _over_long(content.quote_message, most)
    return isinstance(content, MergedContent) and any(_over_long(item, most) for item in content.messages)


def build_draft(
    fields: Common, conversation: Conversation, content: Content, *, now: int, key: str | None = None
) -> Draft:
    """The draft of one message; raises `InvalidValueError` where fields do not go together."""
    draft = Draft(
        conversation,
        content,
        None if fields.guid is None else Guid(fields.guid),
        None if fields.account_id is None else AccountId(fields.account_id),
        key,
        fields.priority,
        epoch_ms(fields.scheduled_at),
        epoch_ms(fields.expires_at),
        None if fields.provider_code is None else ProviderCode(fields.provider_code),
        fields.pin,
        fields.on_unknown,
        fields.duplicate_safe,
        fields.extra,
        fields.retry_count,
    )
    draft.check_at(now)
    return draft
