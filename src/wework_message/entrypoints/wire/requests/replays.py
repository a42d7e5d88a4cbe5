"""The body of a request for a replay of failed messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias, get_type_hints

import msgspec
from msgspec import Meta, Struct

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.failed_messages import CAUSES, FailureFilter
from wework_message.domain.ids import MessageId, ProviderCode
from wework_message.domain.replay import DEFAULT_RATE, MAX_MESSAGE_IDS, MAX_RATE, MIN_RATE, Selection
from wework_message.entrypoints.wire.instants import NO_INSTANT, InstantRange, epoch_ms
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, Problems, rejection
from wework_message.entrypoints.wire.requests.body import Limits, decode_object
from wework_message.entrypoints.wire.requests.fields import EXPECTED, Instant, Name, NamedAccount
from wework_message.entrypoints.wire.requests.old_forms import fields_of

ErrorCode: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Id: TypeAlias = Annotated[str, Meta(pattern=r"\A[!-~]{1,36}\Z")]


class ReplayRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which failed messages to replay, and how fast: by what they have in common, or by name."""

    cause: str | None = None
    provider_code: Name | None = None
    error_code: ErrorCode | None = None
    account_id: NamedAccount | None = None
    created_from: Instant | None = None
    created_to: Instant | None = None
    message_ids: Annotated[list[Id], Meta(min_length=1, max_length=MAX_MESSAGE_IDS)] | None = None
    rate_per_second: Annotated[float, Meta(ge=MIN_RATE, le=MAX_RATE)] = DEFAULT_RATE
    dry_run: bool = False
    unconfirmed: bool = False


_HINTS: Final = get_type_hints(ReplayRequest, include_extras=True)
_FIELDS: Final = dict(zip(ReplayRequest.__struct_encode_fields__, _HINTS.values(), strict=True))

FILTER_NAMES: Final = ("cause", "providerCode", "errorCode", "accountId", "createdFrom", "createdTo")
"""What selects messages by what they have in common."""

_EXPECTED: Final[Mapping[str, str]] = {
    "cause": f"must be one of {', '.join(CAUSES)}",
    "providerCode": EXPECTED["providerCode"],
    "errorCode": "must be an integer",
    "accountId": EXPECTED["accountId"],
    "createdFrom": NO_INSTANT,
    "createdTo": NO_INSTANT,
    "messageIds": f"must be a list of 1 to {MAX_MESSAGE_IDS} message ids",
    "ratePerSecond": f"must be a number from {MIN_RATE:g} to {MAX_RATE:g}",
    "dryRun": "must be true or false",
    "unconfirmed": "must be true or false",
}
"""What a field must be, in words."""


def parse_replay(body: bytes, *, limits: Limits, now: int) -> tuple[ReplayRequest, Selection]:
    """The request and what it selects; `now` is epoch ms. Raises `RequestRejected` with every problem."""
    raw = decode_object(body, max_bytes=limits.max_message_bytes)
    if limits.compat is not None:
        raw = fields_of(raw, ReplayRequest, limits.compat)
    stated = {name: value for name, value in raw.items() if value is not None or name not in _FIELDS}
    problems = Problems(_problems(stated, limits.at(now).instants))
    if problems:
        raise problems.rejection()
    requested = msgspec.convert(stated, ReplayRequest)
    try:
        return requested, _selection(requested)
    except InvalidValueError as problem:
        raise rejection([FieldProblem(problem.path, ProblemCode.INVALID_VALUE, problem.message)]) from None


def _problems(stated: Mapping[str, Any], instants: InstantRange) -> list[FieldProblem]:
    problems = []
    for name, value in stated.items():
        if name not in _FIELDS:
            problems.append(FieldProblem(name, ProblemCode.UNKNOWN_FIELD, "is not a field of a replay"))
        elif (message := _problem(name, value, instants)) is not None:
            long = name == "messageIds" and isinstance(value, list) and len(value) > MAX_MESSAGE_IDS
            problems.append(FieldProblem(name, ProblemCode.TOO_LONG if long else ProblemCode.INVALID_VALUE, message))
    return problems


def _problem(name: str, value: Any, instants: InstantRange) -> str | None:
    try:
        converted = msgspec.convert(value, _FIELDS[name])
    except msgspec.ValidationError:
        return _EXPECTED[name]
    if isinstance(converted, datetime):
        return instants.problem(converted)
    return _EXPECTED[name] if name == "cause" and converted not in CAUSES else None


def _selection(requested: ReplayRequest) -> Selection:
    filters = FailureFilter(
        cause=requested.cause,
        provider_code=ProviderCode(requested.provider_code) if requested.provider_code is not None else None,
        error_code=requested.error_code,
        account_id=requested.account_id,
        created_from=_ms(requested.created_from),
        created_to=_ms(requested.created_to),
    )
    named = tuple([MessageId(message_id) for message_id in requested.message_ids or ()])
    return Selection(filters, named, requested.unconfirmed)


def _ms(instant: datetime | None) -> int | None:
    return epoch_ms(instant) if instant is not None else None
