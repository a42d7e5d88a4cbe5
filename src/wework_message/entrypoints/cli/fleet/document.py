"""A fleet as a document: what people set of accounts, in the API's names, without what services observe."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from wework_message.domain.quota import Period
from wework_message.entrypoints.cli.fleet.plan import Values
from wework_message.entrypoints.cli.terminal import harmless_json, visible_lines
from wework_message.entrypoints.wire.requests.accounts import (
    BudgetRequest,
    NewBindingRequest,
    QuietHoursRequest,
    WholeAccountRequest,
)

_FIRST: Final = ("accountId", "providerCode", "guid")
_PERIODS: Final = tuple(Period)


class Format(StrEnum):
    """How a document is written."""

    YAML = "yaml"
    JSON = "json"


def _fields(kind: type[Struct]) -> tuple[str, ...]:
    """What can be set, that which names the thing first."""
    return tuple(sorted((info.encode_name for info in structs.fields(kind)), key=lambda name: name not in _FIRST))


def _builtins(request: Struct) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(request))
    return built


ACCOUNT_FIELDS: Final = _fields(WholeAccountRequest)
BINDING_FIELDS: Final = ("providerCode", "guid", *(name for name in _fields(NewBindingRequest) if name not in _FIRST))
_BUDGET_FIELDS: Final = BudgetRequest.__struct_encode_fields__
_QUIET_FIELDS: Final = QuietHoursRequest.__struct_encode_fields__
CHANGED_BY_PUT: Final = tuple(name for name in ACCOUNT_FIELDS if name not in {"accountId", "bindings"})
"""What PUT replaces of an account; its bindings have routes of their own."""
BINDING_SETTINGS: Final = tuple(name for name in BINDING_FIELDS if name not in _FIRST)
"""The same for a binding."""

_ACCOUNT_DEFAULTS: Final = _builtins(msgspec.convert({}, WholeAccountRequest))
_BINDING_DEFAULTS: Final = _builtins(NewBindingRequest(provider_code="", guid=""))


def of_answer(answer: Values) -> dict[str, Any]:
    """What can be set of an account of an answer. Sets have one order, so that equal accounts make equal documents."""
    account = {name: answer[name] for name in ACCOUNT_FIELDS}
    account["pools"] = sorted(answer["pools"])
    budgets = [{name: budget[name] for name in _BUDGET_FIELDS} for budget in answer["budgets"]]
    account["budgets"] = sorted(budgets, key=lambda budget: _PERIODS.index(budget["per"]))
    if (quiet := answer["quietHours"]) is not None:
        account["quietHours"] = {name: quiet[name] for name in _QUIET_FIELDS}
    bindings = [{name: binding[name] for name in BINDING_FIELDS} for binding in answer["bindings"]]
    account["bindings"] = sorted(bindings, key=lambda binding: (binding["priority"], *_names(binding)))
    return account


def of_request(request: WholeAccountRequest) -> dict[str, Any]:
    """The account that a request for a new one describes."""
    return of_answer(_builtins(request))


def without_defaults(account: Values) -> dict[str, Any]:
    """The account as a document has it, and as a request may have it: what has its default is left out."""
    written = _unlike(account, _ACCOUNT_DEFAULTS)
    if account["bindings"]:
        written["bindings"] = [binding_without_defaults(binding) for binding in account["bindings"]]
    return written


def binding_without_defaults(binding: Values) -> dict[str, Any]:
    """The same for one binding."""
    return _unlike(binding, _BINDING_DEFAULTS)


def document(accounts: Iterable[Values]) -> dict[str, Any]:
    """The whole document, accounts by id."""
    return {"accounts": [without_defaults(account) for account in sorted(accounts, key=_id_of)]}


def written(fleet: Values, form: Format) -> str:
    """The document as text. Characters that nobody sees are escaped."""
    return _WRITERS[form](fleet)


def _json(fleet: Values) -> str:
    return harmless_json(msgspec.json.format(msgspec.json.encode(fleet), indent=2).decode()) + "\n"


def _yaml(fleet: Values) -> str:
    import yaml  # noqa: PLC0415 - only this format needs it

    class Dumper(yaml.SafeDumper):
        """Texts with invisible characters in double quotes, where an escape can stand."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's own signature
            """Every value is written where it belongs."""
            return True

        def text(self, data: str) -> yaml.ScalarNode:
            style = None if data.isprintable() else '"'
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, Dumper.text)
    text = yaml.dump(fleet, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return "\n".join(visible_lines(text))


_WRITERS: Final[Mapping[Format, Callable[[Values], str]]] = {Format.YAML: _yaml, Format.JSON: _json}


def _names(binding: Values) -> tuple[str, str]:
    return binding["providerCode"], binding["guid"]


def _unlike(values: Values, defaults: Values) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in _FIRST or value != defaults[name]}


def _id_of(account: Values) -> str:
    return str(account["accountId"])
