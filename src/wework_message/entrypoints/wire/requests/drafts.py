"""One message, from the JSON object of a request to drafts: a fast path, and all problems where it refuses."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from wework_message.domain.content import (
    CONTENTS,
    Content,
    ContentBase,
    MergedContent,
    MessageType,
    QuoteContent,
    rules_of,
)
from wework_message.domain.content.rules import Words
from wework_message.domain.conversation import Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId, Guid
from wework_message.domain.media.needs import names_media, urls
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import MAX_PRIORITY, SendOptions
from wework_message.entrypoints.wire.instants import InstantRange, epoch_ms
from wework_message.entrypoints.wire.problems import Problems
from wework_message.entrypoints.wire.requests.body import Bounds, Limits
from wework_message.entrypoints.wire.requests.diagnosis import (
    MAX_PARTS,
    MIN_PARTS,
    common_problems,
    extra_problem,
    own_problems,
    unexplained,
)
from wework_message.entrypoints.wire.requests.fields import COMMON_NAMES, Common, split

REFUSALS: Final = (msgspec.ValidationError, InvalidValueError)
"""What the fast path raises on a request that is not valid."""

_MIXED_NAMES: Final = frozenset({"messageType", "parts"})

_option_values: Final = attrgetter(*SendOptions._fields)
_KEY, _SCHEDULED_AT, _EXPIRES_AT, _PRIORITY = map(
    SendOptions._fields.index, ("client_message_id", "scheduled_at", "expires_at", "priority")
)
"""The options that are not what the request's field of the same name holds."""


class SendRequest(NamedTuple):
    """One message, or the parts of a group (MIXED) in the order in which they are sent."""

    drafts: tuple[Draft, ...]
    is_group: bool
    is_async: bool
    """The client asked `/send` to answer like `/send/async`."""
    client_message_id: str | None
    """Idempotency key of the message or, for a group, of the group (its drafts have none then)."""

    @property
    def draft(self) -> Draft:
        """The first draft; the only one where `is_group` is false."""
        return self.drafts[0]


def read_message(raw: Mapping[str, Any], *, limits: Limits, now: int, prefix: str = "") -> SendRequest:
    """Read one message; raises `RequestRejected` with every problem, paths behind `prefix` (as ``messages[3].``)."""
    common, own = split(raw)
    bounds = limits.at(now)
    try:
        return _read(common, own, bounds=bounds)
    except REFUSALS as error:
        problems = Problems(
            chain(common_problems(common, bounds, prefix=prefix), own_problems(own, bounds=bounds, prefix=prefix))
        )
        if not problems:
            problems.add(unexplained(error, prefix=prefix))
        raise problems.rejection() from None


def _read(common: dict[str, Any], own: dict[str, Any], *, bounds: Bounds) -> SendRequest:
    fields = read_common(common)
    conversation = bounds.conversations.parse(fields.conversation_id)
    if own.get("messageType") != MessageType.MIXED:
        content = read_content(own, bounds=bounds)
        draft = build_draft(fields, conversation, content, bounds=bounds, key=fields.client_message_id)
        return SendRequest((draft,), False, fields.is_async, fields.client_message_id)
    parts = own.get("parts")
    if own.keys() != _MIXED_NAMES or not isinstance(parts, list) or not MIN_PARTS <= len(parts) <= MAX_PARTS:
        raise InvalidValueError("parts", f"must be {MIN_PARTS} to {MAX_PARTS} content objects")
    drafts = []
    for position, part in enumerate(parts):
        content = read_content(part, bounds=bounds)
        try:
            drafts.append(build_draft(fields, conversation, content, bounds=bounds))
        except InvalidValueError as problem:
            path = problem.path if problem.path in COMMON_NAMES else f"parts[{position}].{problem.path}"
            raise InvalidValueError(path, problem.message) from None
    return SendRequest(tuple(drafts), True, fields.is_async, fields.client_message_id)


def read_common(common: Mapping[str, Any]) -> Common:
    """The common fields with their types; raises one of `REFUSALS`."""
    fields = msgspec.convert(common, Common)
    check_common(fields)
    return fields


def check_common(fields: Common) -> None:
    """What the types of the common fields do not say; raises `InvalidValueError`."""
    if fields.extra is not None:
        for problem in extra_problem(fields.extra):
            raise InvalidValueError(problem.path, problem.message)


def read_content(own: Any, *, bounds: Bounds) -> Content:
    """The content object `own`, its texts and times within the bounds; raises one of `REFUSALS`."""
    tag = own.get("messageType") if isinstance(own, dict) else None
    kind = CONTENTS.get(tag) if isinstance(tag, str) else None
    if kind is None:
        raise InvalidValueError("messageType", "must be a message type")
    converted: Any = msgspec.convert(own, kind)  # a member of the union, which mypy cannot see through the mapping
    content: Content = converted
    check_content(content, bounds=bounds)
    return content


def check_content(content: Content, *, bounds: Bounds) -> None:
    """Whether the texts, times and URLs of `content` are within the bounds; raises `InvalidValueError`."""
    if _over_long(content, bounds.max_text_length):
        raise InvalidValueError("content", f"must have at most {bounds.max_text_length} characters")
    if not names_media(content):  # nor has it items with times
        return
    _check_send_times(content, bounds.instants)
    for url in urls(content):
        bounds.check_url(url, "url")


def _over_long(content: ContentBase, max_length: int) -> bool:
    for attribute in _texts(type(content)):  # a loop: every request passes here, and a generator costs twice as much
        if len(getattr(content, attribute) or "") > max_length:
            return True
    if isinstance(content, QuoteContent):
        return content.quote_message is not None and _over_long(content.quote_message, max_length)
    return isinstance(content, MergedContent) and any(_over_long(item, max_length) for item in content.messages)


def _check_send_times(content: ContentBase, allowed: InstantRange) -> None:
    """Raises `InvalidValueError` for an item of a record whose time cannot be."""
    if isinstance(content, QuoteContent) and content.quote_message is not None:
        _check_send_times(content.quote_message, allowed)
    elif isinstance(content, MergedContent):
        for item in content.messages:
            if item.send_time is not None and (problem := allowed.problem(item.send_time)) is not None:
                raise InvalidValueError("sendTime", problem)
            _check_send_times(item, allowed)


@cache
def _texts(kind: type[ContentBase]) -> tuple[str, ...]:
    """The attributes that hold texts for people, whose length a setting limits."""
    rules = rules_of(kind)
    return tuple(
        field.name for field in msgspec.structs.fields(kind) if isinstance(rules.get(field.encode_name), Words)
    )


def build_draft(
    fields: Common, conversation: Conversation, content: Content, *, bounds: Bounds, key: str | None = None
) -> Draft:
    """The draft of one message; raises `InvalidValueError` where fields do not go together, or a time cannot be."""
    options = [*_option_values(fields)]
    options[_KEY] = key
    if fields.priority > MAX_PRIORITY:
        options[_PRIORITY] = MAX_PRIORITY
    options[_SCHEDULED_AT] = _instant("scheduledAt", fields.scheduled_at, bounds.instants)
    options[_EXPIRES_AT] = _instant("expiresAt", fields.expires_at, bounds.instants)
    draft = Draft(
        conversation=conversation,
        content=content,
        guid=None if fields.guid is None else Guid(fields.guid),
        account_id=None if fields.account_id is None else AccountId(fields.account_id),
        options=SendOptions(*options),
        pool=fields.pool,
    )
    draft.check_at(bounds.instants.now)
    return draft


def _instant(name: str, instant: datetime | None, allowed: InstantRange) -> int | None:
    if instant is None:
        return None
    ms = epoch_ms(instant)
    if (problem := allowed.problem_at(ms)) is not None:
        raise InvalidValueError(name, problem)
    return ms
