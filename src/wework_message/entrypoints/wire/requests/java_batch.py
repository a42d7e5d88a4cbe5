"""The Java service's batch body: recipients and lists of contents instead of messages.

With ``mode: FANOUT`` it asks for one message per recipient and content, recipients first; otherwise for a native mass send.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from wework_message.domain.content import CONTENTS, Content
from wework_message.domain.content.files import MEDIA_NAMES
from wework_message.domain.conversation import Conversation, ConversationGrammar
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.message.draft import Draft
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, Problems, bounded, rejection
from wework_message.entrypoints.wire.requests.body import Bounds, Limits
from wework_message.entrypoints.wire.requests.diagnosis import common_problems, content_problems, unexplained
from wework_message.entrypoints.wire.requests.drafts import REFUSALS, build_draft, read_common, read_content
from wework_message.entrypoints.wire.requests.fields import COMMON_NAMES, KNOWN_NAMES, Common

_MEDIA: Final = {name: name for name in MEDIA_NAMES}
_FILE: Final = {"fileId": "fileId", "size": "fileSize", "aesKey": "aesKey", "md5": "md5", **_MEDIA}

IMAGE_LIST: Final = "imageMsgList"

CONTENT_LISTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    IMAGE_LIST: ("IMAGE", {**_MEDIA, "imageUrl": "url"}),
    "videoMsgList": (
        "VIDEO",
        _FILE
        | {
            "fileName": "fileName",
            "videoDuration": "videoDuration",
            "videoWidth": "videoWidth",
            "videoHeight": "videoHeight",
        },
    ),
    "miniProgramMsgList": (
        "MINIPROGRAM",
        _FILE
        | {
            "username": "miniProgramUsername",
            "appid": "miniProgramAppId",
            "appname": "miniProgramAppName",
            "appicon": "miniProgramAppIcon",
            "title": "miniProgramTitle",
            "pagePath": "miniProgramPagePath",
        },
    ),
    "linkMsgList": (
        "LINK",
        {"title": "linkTitle", "description": "linkDescription", "url": "linkUrl", "imageUrl": "linkImageUrl"},
    ),
    "fileMsgList": ("FILE", _FILE | {"fileName": "fileName"}),
}
"""List, the type of its entries, and our name for each of the entries' names."""

TOLD_BY_THE_FILE: Final[Mapping[str, frozenset[str]]] = {IMAGE_LIST: frozenset({"size", "thumbWidth", "thumbHeight"})}
"""List, and names of its entries that a native mass send needs: for single messages the picture itself says it."""
RECIPIENT_LISTS: Final = ("userList", "roomList")
NAMES: Final = frozenset({*RECIPIENT_LISTS, "content", *CONTENT_LISTS})
"""The names of this body that are no common fields."""
_NOT_COMMON: Final = frozenset({"conversationId", "async"})
"""Common fields that this body does not have."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """The messages of this body: a draft each, or its problems."""

    items: tuple[Draft | tuple[FieldProblem, ...], ...]
    client_message_id: str | None


def is_java_shape(raw: Mapping[str, Any]) -> bool:
    """Whether `raw` names recipients the Java way."""
    return any(raw.get(name) is not None for name in NAMES)


def check_shape(
    common: Mapping[str, Any], own: Mapping[str, Any], *, limits: Limits, now: int, max_recipients: int, setting: str
) -> None:
    """Raises `RequestRejected` for problems of the whole body: common fields, lists, unknown names, no or too many recipients.

    `setting` is the key that `max_recipients` comes from.
    """
    problems = Problems(chain(common_problems(common, limits.at(now), to_one=False), _shape_problems(common, own)))
    recipients = sum(len(own[name]) for name in RECIPIENT_LISTS if isinstance(own.get(name), list))
    if not problems and recipients == 0:
        problems.add(FieldProblem("userList", ProblemCode.REQUIRED, "or roomList must name a recipient"))
    if not problems and recipients > max_recipients:
        message = f"and roomList may name {max_recipients} recipients (app.message.limits.{setting})"
        problems.add(FieldProblem("userList", ProblemCode.TOO_LONG, message))
    if problems:
        raise problems.rejection()


def _shape_problems(common: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for name in common:
        if name in _NOT_COMMON:
            yield FieldProblem(name, ProblemCode.NOT_FOR_THIS_TYPE, "does not belong to a batch by recipients")
    for name, value in own.items():
        if name not in NAMES:
            known = name in KNOWN_NAMES
            code = ProblemCode.NOT_FOR_THIS_TYPE if known else ProblemCode.UNKNOWN_FIELD
            yield FieldProblem(
                name, code, "does not belong to a batch by recipients" if known else "is not a known field"
            )
        elif name == "content":
            if not isinstance(value, str):
                yield FieldProblem(name, ProblemCode.WRONG_TYPE, "must be a text")
        elif not isinstance(value, list):
            yield FieldProblem(name, ProblemCode.WRONG_TYPE, "must be a list")


def fan_out(common: dict[str, Any], own: Mapping[str, Any], *, limits: Limits, now: int) -> FanOut:
    """One message per recipient and content; raises `RequestRejected` for problems of the whole body."""
    check_shape(common, own, limits=limits, now=now, max_recipients=limits.max_batch_size, setting="max-batch-size")
    fields, bounds = read_common(common), limits.at(now)
    contents = bool(own.get("content")) + sum(len(own.get(name, ())) for name in CONTENT_LISTS)
    if not contents:
        raise rejection([FieldProblem("content", ProblemCode.REQUIRED, "or a list of contents is required")])
    total = sum(len(own.get(name, ())) for name in RECIPIENT_LISTS) * contents
    if total > limits.max_batch_size:
        message = f"times the contents makes {total} messages, at most {limits.max_batch_size} are possible"
        raise rejection([FieldProblem("userList", ProblemCode.TOO_LONG, message)])
    contents_read = list(_contents(own, bounds=bounds))
    recipients = list(listed_recipients(own, limits.conversations))
    items = tuple(
        _item(fields, recipient, content, bounds=bounds) for recipient in recipients for content in contents_read
    )
    return FanOut(items, fields.client_message_id)


def _item(
    fields: Common,
    recipient: Conversation | FieldProblem,
    content: Content | tuple[FieldProblem, ...],
    *,
    bounds: Bounds,
) -> Draft | tuple[FieldProblem, ...]:
    problems = (recipient,) if isinstance(recipient, FieldProblem) else ()
    if isinstance(content, tuple):
        return (*problems, *content)
    if isinstance(recipient, FieldProblem):
        return problems
    try:
        return build_draft(fields, recipient, content, bounds=bounds)
    except InvalidValueError as error:
        return (unexplained(error),)


def listed_recipients(
    own: Mapping[str, Any], conversations: ConversationGrammar
) -> Iterator[Conversation | FieldProblem]:
    """Users, then rooms: each of them, or why it is none."""
    for name, is_room in zip(RECIPIENT_LISTS, (False, True), strict=True):
        for position, raw in enumerate(own.get(name, ())):
            path = f"{name}[{position}]"
            if not isinstance(raw, str):
                yield FieldProblem(path, ProblemCode.WRONG_TYPE, "must be a text")
                continue
            try:
                yield conversations.parse_recipient(raw, is_room=is_room)
            except InvalidValueError as problem:
                yield FieldProblem(path, ProblemCode.INVALID_VALUE, problem.message)


def _contents(own: Mapping[str, Any], *, bounds: Bounds) -> Iterator[Content | tuple[FieldProblem, ...]]:
    if own.get("content"):
        yield _content({"messageType": "TEXT", "content": own["content"]}, {}, "", bounds=bounds)
    for name in CONTENT_LISTS:
        yield from listed_contents(own, name, bounds=bounds)


def listed_contents(
    own: Mapping[str, Any], name: str, *, bounds: Bounds
) -> Iterator[Content | tuple[FieldProblem, ...]]:
    """The contents of one list, each read or with its problems."""
    tag, names = CONTENT_LISTS[name]
    told = TOLD_BY_THE_FILE.get(name, frozenset())
    for position, entry in enumerate(own.get(name, ())):
        path = f"{name}[{position}]"
        if not isinstance(entry, dict):
            yield (FieldProblem(path, ProblemCode.WRONG_TYPE, "must be an object"),)
            continue
        filled = {key: value for key, value in entry.items() if value is not None and key not in told}
        wrong = bounded(_wrong_names(filled, names, f"{path}."))
        ours = {key: names[key] for key in filled if key in names}
        if name == IMAGE_LIST and not ours:
            nothing = FieldProblem(f"{path}.imageUrl", ProblemCode.REQUIRED, "or url or mediaId is required")
            yield (*wrong, nothing)
            continue
        renamed = {ours[key]: value for key, value in filled.items() if key in ours}
        others = {key: value for key, value in names.items() if key not in ours}
        content = _content({"messageType": tag, **renamed}, {**others, **ours}, f"{path}.", bounds=bounds)
        yield (*wrong, *(content if isinstance(content, tuple) else ())) if wrong else content


def _wrong_names(entry: Mapping[str, Any], names: Mapping[str, str], prefix: str) -> Iterator[FieldProblem]:
    """Names of an entry that are not known, or say what another one says."""
    said: dict[str, str] = {}
    for key in entry:
        if key not in names:
            yield FieldProblem(f"{prefix}{key}", ProblemCode.UNKNOWN_FIELD, "is not a known field")
        elif (other := said.setdefault(names[key], key)) != key:
            yield FieldProblem(f"{prefix}{key}", ProblemCode.INVALID_VALUE, f"must not be given beside {other}")


def _content(
    content: dict[str, Any], names: Mapping[str, str], prefix: str, *, bounds: Bounds
) -> Content | tuple[FieldProblem, ...]:
    try:
        return read_content(content, bounds=bounds)
    except REFUSALS as error:
        java_names = {name: java_name for java_name, name in names.items()}  # the last one counts
        problems = bounded(content_problems(content, CONTENTS, bounds=bounds, prefix="")) or (unexplained(error),)
        return tuple(
            FieldProblem(prefix + java_names.get(problem.path, problem.path), problem.code, problem.message)
            for problem in problems
        )


def common_and_own(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The common fields of this body and all its others, both without nulls of known names."""
    common = {name: value for name, value in raw.items() if name in COMMON_NAMES and value is not None}
    own = {
        name: value
        for name, value in raw.items()
        if name not in COMMON_NAMES and (value is not None or name not in NAMES | KNOWN_NAMES)
    }
    return common, own
