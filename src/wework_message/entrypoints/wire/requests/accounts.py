"""Accounts and bindings, from the JSON objects of requests. Absent and null mean the default, in PUT too (W-5)."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import FieldInfo, fields

from wework_message.application.accounts.place import Place
from wework_message.application.accounts.settings import AccountSettings, BindingSettings, RequestedBinding
from wework_message.domain.account import Standby
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.quiet_hours import QuietHours
from wework_message.domain.quota import MAX_LIMIT, AccountLimits, Budget, Period
from wework_message.domain.registration import (
    IMPLICIT_PREFIX,
    MAX_BINDINGS,
    MAX_ID_LENGTH,
    MAX_NAME_LENGTH,
    MAX_POOLS,
    MAX_PRIORITY,
    MAX_WEIGHT,
)
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, Problems, rejection
from wework_message.entrypoints.wire.requests.body import Limits, decode_object
from wework_message.entrypoints.wire.requests.diagnosis import located
from wework_message.entrypoints.wire.requests.fields import EXPECTED as COMMON
from wework_message.entrypoints.wire.requests.fields import Name, PoolName
from wework_message.entrypoints.wire.requests.old_forms import fields_of

Body = TypeVar("Body", bound=Struct)

TimeOfDay: TypeAlias = Annotated[str, Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
NewAccountId: TypeAlias = Annotated[
    str, Meta(pattern=rf"\A({IMPLICIT_PREFIX}[!-~]{{1,128}}|[A-Za-z0-9][A-Za-z0-9._:@-]{{0,{MAX_ID_LENGTH - 1}}})\Z")
]


class BudgetRequest(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How much an account may send per period."""

    per: Period
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)]


class QuietHoursRequest(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A daily span in which an account sends nothing."""

    from_time: TimeOfDay = field(name="from")
    to_time: TimeOfDay = field(name="to")
    zone: Text = field(name="zone")
    """IANA name, such as Asia/Shanghai."""


class BindingRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What can be changed of a binding."""

    standby: Standby = Standby.HOT
    priority: Annotated[int, Meta(ge=0, le=MAX_PRIORITY)] = 1
    weight: Annotated[int, Meta(ge=1, le=MAX_WEIGHT)] = 100
    device_slot: Text | None = None
    enabled: bool = True

    def settings(self) -> BindingSettings:
        """The same for the use case."""
        return BindingSettings(self.standby, self.priority, self.weight, self.device_slot, self.enabled)


class NewBindingRequest(BindingRequest, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A binding of an account."""

    provider_code: Name
    guid: Name

    def requested(self) -> RequestedBinding:
        """The same for the use case."""
        return RequestedBinding(ProviderCode(self.provider_code), Guid(self.guid), self.settings())


class AccountRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What can be changed of an account."""

    name: Annotated[str, Meta(max_length=MAX_NAME_LENGTH)] = ""
    corp_id: Text | None = None
    wecom_user_id: Annotated[str, Meta(pattern=r"\A[0-9]{1,20}\Z")] | None = field(name="vid", default=None)
    """Absent leaves what is stored: it is also learnt from answers."""
    enabled: bool = True
    pools: Annotated[tuple[PoolName, ...], Meta(max_length=MAX_POOLS)] = ()
    on_unknown: OnUnknown | None = None
    budgets: Annotated[tuple[BudgetRequest, ...], Meta(max_length=3)] = ()
    min_interval_ms: Annotated[int, Meta(ge=1, le=86_400_000)] | None = None
    quiet_hours: QuietHoursRequest | None = None
    bulk_share: Annotated[float, Meta(gt=0, le=1)] | None = None

    def settings(self) -> AccountSettings:
        """The same for the use case; raises `InvalidValueError`."""
        quiet = self.quiet_hours
        limits = AccountLimits(
            tuple(Budget(budget.per, budget.limit) for budget in self.budgets),
            self.min_interval_ms,
            None if quiet is None else QuietHours.of(quiet.from_time, quiet.to_time, quiet.zone),
            self.bulk_share,
        )
        return AccountSettings(
            self.name, self.corp_id, self.wecom_user_id, self.enabled, self.on_unknown, tuple(self.pools), limits
        )


class WholeAccountRequest(AccountRequest, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An account with its bindings, as a fleet's file has it."""

    account_id: NewAccountId | None = None
    """Absent: it is named after the guid of its first binding, and takes the history of that guid over."""
    bindings: Annotated[tuple[NewBindingRequest, ...], Meta(max_length=MAX_BINDINGS)] = ()

    @property
    def id(self) -> AccountId | None:
        """The id that is asked for."""
        return None if self.account_id is None else AccountId(self.account_id)


class NewAccountRequest(WholeAccountRequest, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An account that is registered, with its first bindings, or with an instance that is made for it."""

    place: bool = False
    """Make an instance for it, at the provider with the most room; needs `accountId`, and excludes `bindings`."""
    provider_code: Name | None = None
    """With `place`: only there."""
    place_again: bool = False
    """With `place`: make another instance although one was perhaps made."""

    def placement(self) -> Place | None:
        """The same for the use case that makes an instance; None where none is to be made."""
        if not self.place or self.account_id is None:
            return None
        only = None if self.provider_code is None else ProviderCode(self.provider_code)
        return Place(AccountId(self.account_id), self.settings(), only, self.place_again)

    def misfits(self) -> Iterator[FieldProblem]:
        """The fields that do not fit `place`."""
        if not self.place:
            for name, is_set in (("providerCode", self.provider_code is not None), ("placeAgain", self.place_again)):
                if is_set:
                    yield FieldProblem(name, ProblemCode.INVALID_VALUE, "is only for place")
            return
        if self.account_id is None:
            text = "is required with place: the same request again must not make a second instance"
            yield FieldProblem("accountId", ProblemCode.REQUIRED, text)
        if self.bindings:
            yield FieldProblem("bindings", ProblemCode.INVALID_VALUE, "must not be given with place")


class ChangedAccountRequest(AccountRequest, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An account as it is to be from now on."""

    version: Annotated[int, Meta(ge=0)] | None = None
    """The version that was read: another one by now is 409. Absent: whatever is stored is replaced."""


class LoginVerificationRequest(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The code that a login asks for."""

    code: Annotated[str, Meta(pattern=r"\A[!-~]{1,32}\Z")]

    def __repr__(self) -> str:
        return "LoginVerificationRequest()"


EXPECTED: Final[Mapping[str, str]] = {
    **{name: COMMON[name] for name in ("guid", "providerCode")},
    "accountId": "must be 1 to 128 letters, digits or ._:@- and begin with a letter or digit",
    "pools": COMMON["pool"],
    "code": "must be 1 to 32 letters, digits or signs",
    "tenantId": "must be 1 to 64 lower-case letters, digits or -_ and begin with a letter or digit",
    "vid": "must be 1 to 20 digits",
    "from": "must be a time of day such as 22:00",
    "to": "must be a time of day such as 08:00",
}
"""What a field must be whose rule is a pattern, in words."""


def read_settings(body: bytes, kind: type[Body], *, limits: Limits) -> Body:
    """The body of a request as `kind`; raises `RequestRejected` with every problem."""
    raw = _without_nulls(decode_object(body, max_bytes=limits.max_message_bytes))
    if limits.compat is not None:
        raw = fields_of(raw, kind, limits.compat)
    problems = Problems(_problems(raw, kind, ""))
    if problems:
        raise problems.rejection()
    read = msgspec.convert(raw, kind)
    if isinstance(read, NewAccountRequest) and (misfits := Problems(read.misfits())):
        raise misfits.rejection()
    if isinstance(read, AccountRequest):
        try:
            read.settings()
        except InvalidValueError as problem:
            raise rejection([FieldProblem(problem.path, ProblemCode.INVALID_VALUE, problem.message)]) from None
    return read


def _without_nulls(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {name: _without_nulls(value) for name, value in raw.items() if value is not None}
    return [_without_nulls(value) for value in raw] if isinstance(raw, list) else raw


_NESTED: Final[Mapping[str, type[Struct]]] = {
    "bindings": NewBindingRequest,
    "budgets": BudgetRequest,
    "quietHours": QuietHoursRequest,
}


@cache
def _shape(kind: type[Struct]) -> Mapping[str, FieldInfo]:
    return {info.encode_name: info for info in fields(kind)}


def _problems(raw: Mapping[str, Any], kind: type[Struct], prefix: str) -> Iterator[FieldProblem]:
    shape = _shape(kind)
    for name, value in raw.items():
        if name not in shape:
            yield FieldProblem(f"{prefix}{name}", ProblemCode.UNKNOWN_FIELD, "is not a known field")
        else:
            yield from _field_problems(name, value, shape[name].type, f"{prefix}{name}")
    for name, info in shape.items():
        if info.required and name not in raw:
            yield FieldProblem(f"{prefix}{name}", ProblemCode.REQUIRED, "is required")


def _field_problems(name: str, value: Any, expected: Any, path: str) -> Iterator[FieldProblem]:
    inner = _NESTED.get(name)
    of_one = inner is QuietHoursRequest
    if inner is not None and of_one and isinstance(value, dict):
        yield from _problems(value, inner, f"{path}.")
    elif inner is not None and not of_one and isinstance(value, list) and all(isinstance(item, dict) for item in value):
        for place, item in enumerate(value):
            yield from _problems(item, inner, f"{path}[{place}].")
        if len(value) > _max_length(expected):
            yield FieldProblem(path, ProblemCode.TOO_LONG, f"may have {_max_length(expected)} items")
    else:
        try:
            msgspec.convert(value, expected)
        except msgspec.ValidationError as error:
            text, where = located(error)
            if text.startswith("expected") and "got" in text:
                yield FieldProblem(path + where, ProblemCode.WRONG_TYPE, text)
            elif text.startswith("invalid enum value"):
                choices = ", ".join(_choices(msgspec.inspect.type_info(expected)))
                yield FieldProblem(path + where, ProblemCode.INVALID_VALUE, f"must be one of {choices}")
            else:
                yield FieldProblem(path + where, ProblemCode.INVALID_VALUE, EXPECTED.get(name, text))


def _choices(expected: Any) -> Iterator[str]:
    """The words that a field takes, or each item of its list."""
    for name in ("type", "item_type"):
        if (inner := getattr(expected, name, None)) is not None:
            yield from _choices(inner)
    for one_of in getattr(expected, "types", ()):
        yield from _choices(one_of)
    if isinstance(expected, msgspec.inspect.LiteralType):
        yield from map(str, expected.values)
    if isinstance(expected, msgspec.inspect.EnumType):
        yield from (choice.value for choice in expected.cls)


def _max_length(expected: Any) -> int:
    meta = msgspec.inspect.type_info(expected)
    return getattr(meta, "max_length", None) or 0
