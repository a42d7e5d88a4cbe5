"""Reading a fleet from a file: every problem with its path, before anything is changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct, structs

from wework_message.domain.account import Account
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId
from wework_message.domain.registration import check_bindings
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.fleet.document import of_request
from wework_message.entrypoints.cli.fleet.plan import Instance, Values
from wework_message.entrypoints.wire.problems import MAX_PROBLEMS, RequestRejected
from wework_message.entrypoints.wire.requests.accounts import (
    BudgetRequest,
    NewBindingRequest,
    QuietHoursRequest,
    WholeAccountRequest,
    read_settings,
)
from wework_message.entrypoints.wire.requests.body import Limits

_KINDS: Final[tuple[type[Struct], ...]] = (WholeAccountRequest, NewBindingRequest, BudgetRequest, QuietHoursRequest)


class Problem(NamedTuple):
    """What is wrong with a file."""

    path: str
    """Such as ``accounts[3].bindings[0].guid``; empty for the file itself."""
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(slots=True)
class FleetFile:
    """The accounts of a file, in its order, and where they stand in it."""

    accounts: dict[str, Values] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """Account's id -> its path, such as ``accounts[3]``."""
    guids: dict[Instance, str] = field(default_factory=dict)
    """Instance -> the path of its binding, such as ``accounts[3].bindings[0]``."""


def read_fleet(content: bytes, name: str) -> FleetFile:
    """The fleet in a file; raises `CommandFailedError` (REFUSED) with all that is wrong with the file called `name`.

    It is JSON where it begins with a brace, else YAML. A field means what it means in a request for a new account.
    """
    try:
        raw = _decoded(content)
    except ValueError as error:
        raise refused(name, [Problem("", str(error))]) from None
    fleet = FleetFile()
    problems = list(_read(raw, fleet))
    if problems:
        raise refused(name, problems)
    return fleet


def refused(name: str, problems: Sequence[Problem]) -> CommandFailedError:
    """What is wrong with the file, and that nothing was changed."""
    text = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    message = f"{name}: {text}, nothing was changed"
    details = [str(problem) for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        details.append(f"and {len(problems) - MAX_PROBLEMS} more")
    errors = [problem._asdict() for problem in problems]
    return CommandFailedError(ExitCode.REFUSED, message, *details, document={"message": message, "errors": errors})


def _decoded(content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"is not JSON: {error}") from None
    from wework_message.entrypoints.wire.yaml_text import YamlTextError, load_texts  # noqa: PLC0415 - a package of the server

    try:
        return _typed(load_texts(text))
    except YamlTextError as error:
        raise ValueError(error.problem if error.line is None else f"line {error.line}: {error.problem}") from None
    except RecursionError:
        raise ValueError("an anchor refers to itself") from None


def _read(raw: Any, fleet: FleetFile) -> Iterator[Problem]:
    if not isinstance(raw, dict):
        yield Problem("", "must be a map with the field accounts")
        return
    yield from (Problem(str(name), "is not a known field") for name in raw if name != "accounts")
    accounts = raw.get("accounts")
    if not isinstance(accounts, list):
        yield Problem("accounts", "must be a list")
        return
    for place, account in enumerate(accounts):
        yield from _read_account(account, f"accounts[{place}]", fleet)


def _read_account(raw: Any, place: str, fleet: FleetFile) -> Iterator[Problem]:
    if not isinstance(raw, dict):
        yield Problem(place, "must be a map")
        return
    try:
        body = msgspec.json.encode(raw)
        request = read_settings(body, WholeAccountRequest, limits=Limits(max_message_bytes=len(body)))
        _check(request)
    except RequestRejected as error:
        yield from (Problem(f"{place}.{problem.path}", problem.message) for problem in error.errors)
        return
    except InvalidValueError as error:
        yield Problem(f"{place}.{error.path}", error.message)
        return
    except (TypeError, RecursionError):
        yield Problem(place, "has a value that JSON cannot have")
        return
    account_id = request.account_id
    if account_id is None:
        yield Problem(f"{place}.accountId", "is required")
        return
    if account_id in fleet.accounts:
        yield Problem(f"{place}.accountId", f"is that of {fleet.places[account_id]} too")
        return
    fleet.accounts[account_id] = of_request(request)
    fleet.places[account_id] = place
    yield from _note_guids(request, place, fleet)


def _check(request: WholeAccountRequest) -> None:
    """The rules that a service would apply; raises `InvalidValueError`."""
    account_id = AccountId(request.account_id or "")
    request.settings().applied_to(Account(account_id, DEFAULT_TENANT, registered=True))
    check_bindings([binding.requested().of(account_id) for binding in request.bindings])


def _note_guids(request: WholeAccountRequest, place: str, fleet: FleetFile) -> Iterator[Problem]:
    for number, binding in enumerate(request.bindings):
        path = f"{place}.bindings[{number}]"
        other = fleet.guids.setdefault((binding.provider_code, binding.guid), path)
        if other != path:
            yield Problem(f"{path}.guid", f"is that of {other} too")


def _typed(value: Any, name: str = "") -> Any:
    """The texts of YAML as what their fields hold: numbers and flags, where the field called `name` has no text."""
    if isinstance(value, dict):
        return {key: _typed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if isinstance(value, str) and name in _NOT_TEXTS:
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value


def _is_text(expected: Any) -> bool:
    info = msgspec.inspect.type_info(expected)
    kinds = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    scalars = (msgspec.inspect.IntType, msgspec.inspect.FloatType, msgspec.inspect.BoolType)
    return not any(isinstance(kind, scalars) for kind in kinds)


_NOT_TEXTS: Final = frozenset(
    info.encode_name for kind in _KINDS for info in structs.fields(kind) if not _is_text(info.type)
)
