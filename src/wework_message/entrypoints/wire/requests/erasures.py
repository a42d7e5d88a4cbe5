"""The body of a request for an erasure: whose data, why, and whether it is only counted."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from wework_message.domain.conversation import ConversationGrammar
from wework_message.domain.erasure import MAX_NOTE, Subject
from wework_message.domain.errors import InvalidValueError
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, rejection
from wework_message.entrypoints.wire.requests.plain_fields import flag_problem, stated, text_problem, unknown_field

NAMES: Final = ("conversationId", "dryRun", "note")


class ErasureRequest(NamedTuple):
    """What a request names."""

    subject: Subject
    dry_run: bool
    note: str | None


def parse_erasure(body: bytes, conversations: ConversationGrammar) -> ErasureRequest:
    """Read the body; raises `RequestRejected` with every problem. A null equals an absent field."""
    raw = stated(body, NAMES)
    if problems := list(_problems(raw, conversations)):
        raise rejection(problems)
    return ErasureRequest(_subject(raw, conversations), raw.get("dryRun", False), raw.get("note"))


def _subject(raw: Mapping[str, Any], conversations: ConversationGrammar) -> Subject:
    return Subject.of(str(conversations.parse(raw["conversationId"])))


def _problems(raw: Mapping[str, Any], conversations: ConversationGrammar) -> Iterator[FieldProblem]:
    yield from (unknown_field(name) for name in raw if name not in NAMES)
    if "conversationId" not in raw:
        yield FieldProblem("conversationId", ProblemCode.REQUIRED, "is required")
    elif not isinstance(raw["conversationId"], str):
        yield FieldProblem("conversationId", ProblemCode.WRONG_TYPE, "must be a string")
    else:
        try:
            _subject(raw, conversations)
        except InvalidValueError as refused:
            yield FieldProblem(refused.path, ProblemCode.INVALID_VALUE, refused.message)
    if "note" in raw and (problem := text_problem("note", raw["note"], MAX_NOTE)) is not None:
        yield problem
    if (problem := flag_problem(raw, "dryRun")) is not None:
        yield problem
