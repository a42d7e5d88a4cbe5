"""The Java service's batch body as a native mass send: one content, and each recipient once (D-57, ADR 67)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import msgspec

from wework_message.domain.content import Content
from wework_message.domain.content.mass import MassContent, MassImage
from wework_message.domain.conversation import Conversation, without_session
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import OnUnknown
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, Problems, bounded
from wework_message.entrypoints.wire.requests.body import Bounds, Limits
from wework_message.entrypoints.wire.requests.diagnosis import content_problems, unexplained
from wework_message.entrypoints.wire.requests.drafts import REFUSALS, build_draft, read_common
from wework_message.entrypoints.wire.requests.fields import Common
from wework_message.entrypoints.wire.requests.java_batch import (
    IMAGE_LIST,
    check_shape,
    listed_contents,
    listed_recipients,
)

CONFIRMATION: Final = "confirmToken"
"""The second request of a mass send to very many has it."""

MAX_TOKEN: Final = 128

_FIELDS: Final[Mapping[str, str]] = {
    "videoMsgList": "videos",
    "miniProgramMsgList": "mini_programs",
    "linkMsgList": "links",
    "fileMsgList": "files",
}
"""Where the contents of each list are in a `MassContent`."""

_LISTS: Final[Mapping[str, str]] = {
    field.encode_name: name
    for field in msgspec.structs.fields(MassContent)
    for name, attribute in {IMAGE_LIST: "images", **_FIELDS}.items()
    if field.name == attribute
}
"""The list of the request that each field of a `MassContent` comes from, by its name in paths."""


@dataclass(frozen=True, slots=True)
class MassSend:
    """A mass send: one draft for each recipient, or the recipient's problems."""

    items: tuple[Draft | tuple[FieldProblem, ...], ...]
    client_message_id: str | None
    confirm_token: str | None


def read_mass_send(common: dict[str, Any], own: Mapping[str, Any], *, limits: Limits, now: int) -> MassSend:
    """Read it; raises `RequestRejected` for problems of the whole: common fields, contents, lists, too many recipients."""
    own = dict(own)
    token = own.pop(CONFIRMATION, None)
    check_shape(
        common, own, limits=limits, now=now, max_recipients=limits.max_mass_recipients, setting="max-mass-recipients"
    )
    problems = Problems(chain(_unfit(common), _token_problems(token)))
    bounds = limits.at(now)
    content, of_content = _content(own, bounds=bounds)
    for problem in of_content:
        problems.add(problem)
    if problems or content is None:
        raise problems.rejection()
    fields = read_common(common)
    recipients = _each_once(own, listed_recipients(own, limits.conversations))
    items = tuple([_item(fields, recipient, content, bounds=bounds) for recipient in recipients])
    return MassSend(items, fields.client_message_id, token)


def as_requested(problem: FieldProblem) -> FieldProblem:
    """A problem of a `MassContent`, such as of ``images[0].mediaId``, at its field of the request: ``imageMsgList[0].mediaId``."""
    name, bracket, rest = problem.path.partition("[")
    return FieldProblem(f"{_LISTS.get(name, name)}{bracket}{rest}", problem.code, problem.message)


def _unfit(common: Mapping[str, Any]) -> Iterator[FieldProblem]:
    if common.get("onUnknown") == OnUnknown.RESEND:
        text = "cannot be RESEND: a mass send is never sent again by itself"
        yield FieldProblem("onUnknown", ProblemCode.INVALID_VALUE, text)
    if common.get("duplicateSafe"):
        yield FieldProblem("duplicateSafe", ProblemCode.NOT_FOR_THIS_TYPE, "does not belong to a mass send")


def _token_problems(token: object) -> Iterator[FieldProblem]:
    if token is not None and not isinstance(token, str):
        yield FieldProblem(CONFIRMATION, ProblemCode.WRONG_TYPE, "must be a text")
    elif token is not None and not 0 < len(token) <= MAX_TOKEN:
        yield FieldProblem(CONFIRMATION, ProblemCode.INVALID_VALUE, "is not the token of this request")


def _content(own: Mapping[str, Any], *, bounds: Bounds) -> tuple[MassContent | None, tuple[FieldProblem, ...]]:
    """The content, or what is wrong with it."""
    problems: list[FieldProblem] = []
    values: dict[str, Any] = {"content": own.get("content", "")}
    if len(values["content"]) > bounds.max_text_length:
        text = f"must have at most {bounds.max_text_length} characters"
        problems.append(FieldProblem("content", ProblemCode.TOO_LONG, text))
    for name, attribute in _FIELDS.items():
        values[attribute] = _kept(listed_contents(own, name, bounds=bounds), problems)
    values["images"] = _kept(_images(own.get(IMAGE_LIST, ()), bounds=bounds), problems)
    if problems:
        return None, bounded(problems)
    try:
        return MassContent(**values), ()
    except InvalidValueError as error:
        return None, (FieldProblem(error.path, ProblemCode.REQUIRED, error.message),)


def _kept(
    read: Iterator[Content | MassImage | tuple[FieldProblem, ...]], problems: list[FieldProblem]
) -> tuple[Content | MassImage, ...]:
    kept = []
    for entry in read:
        if isinstance(entry, tuple):
            problems += entry
        else:
            kept.append(entry)
    return tuple(kept)


def _images(entries: Any, *, bounds: Bounds) -> Iterator[MassImage | tuple[FieldProblem, ...]]:
    for position, entry in enumerate(entries):
        path = f"{IMAGE_LIST}[{position}]"
        if not isinstance(entry, dict):
            yield (FieldProblem(path, ProblemCode.WRONG_TYPE, "must be an object"),)
            continue
        filled = {name: value for name, value in entry.items() if value is not None}
        try:
            yield msgspec.convert(filled, MassImage)
        except REFUSALS as error:
            picture = {"messageType": "IMAGE", **filled}
            own = bounded(content_problems(picture, {"IMAGE": MassImage}, bounds=bounds, prefix=f"{path}."))
            yield tuple(map(_of_picture, own or (unexplained(error, prefix=f"{path}."),)))


def _of_picture(problem: FieldProblem) -> FieldProblem:
    """Single messages need only the URL of a picture."""
    if problem.message != "is required":
        return problem
    return FieldProblem(problem.path, ProblemCode.REQUIRED, "is required in a mass send")


def _each_once(
    own: Mapping[str, Any], recipients: Iterator[Conversation | FieldProblem]
) -> Iterator[Conversation | FieldProblem]:
    """A recipient that was named before is refused: nobody gets one mass send twice, by no spelling.

    A customer-service session is none: the call names people.
    """
    seen: set[str] = set()
    users = len(own.get("userList", ()))
    for place, recipient in enumerate(recipients):
        path = f"userList[{place}]" if place < users else f"roomList[{place - users}]"
        if isinstance(recipient, FieldProblem):
            yield recipient
        elif without_session(str(recipient)) != str(recipient):
            yield FieldProblem(path, ProblemCode.INVALID_VALUE, "names a session: a mass send goes to people and rooms")
        elif str(recipient) in seen:
            yield FieldProblem(path, ProblemCode.INVALID_VALUE, "names a recipient that was named before")
        else:
            seen.add(str(recipient))
            yield recipient


def _item(
    fields: Common, recipient: Conversation | FieldProblem, content: MassContent, *, bounds: Bounds
) -> Draft | tuple[FieldProblem, ...]:
    if isinstance(recipient, FieldProblem):
        return (recipient,)
    try:
        return build_draft(fields, recipient, content, bounds=bounds)
    except InvalidValueError as error:
        return (unexplained(error),)
