"""The vendor's request schemas, and the 422 answer for violations.

The schemas are package data (`data/guxing_requests.json`), taken from the vendor's documents with their prose left out.
The answer's form is FastAPI's as documented; the texts and types inside are those of pydantic 1, which the one
documented example matches (assumed for the rest). Unlike pydantic 1 no value is converted: "5" is not an integer here.
"""

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

Location = tuple[str | int, ...]
"""Path of a value: "body", then names and positions."""


class Problem(msgspec.Struct, frozen=True):
    """One entry of a 422 answer's `detail`."""

    loc: Location
    msg: str
    type: str


class Field(msgspec.Struct, frozen=True):
    """Type of one value of a request, as JSON Schema names it (`string | integer` for either)."""

    type: str
    required: bool = False
    items: "Field | None" = None
    properties: dict[str, "Field"] | None = None


class Endpoint(msgspec.Struct, frozen=True):
    """Request schema of one path; `inline` ones look typed by hand (P-14)."""

    origin: Literal["model", "inline"]
    fields: dict[str, Field]


class ItemKind(msgspec.Struct, frozen=True):
    """Keys of one msg_type in a quote's `message` or a merged record's `message_list`."""

    fields: tuple[str, ...]
    optional: tuple[str, ...]


class Contract(msgspec.Struct, frozen=True):
    """All documented endpoints by path, and the item kinds by msg_type."""

    endpoints: dict[str, Endpoint]
    items: dict[int, ItemKind]


@cache
def contract() -> Contract:
    """The contract that ships with the package, read once."""
    data = files("wework_message.simulator").joinpath("data/guxing_requests.json").read_bytes()
    return msgspec.json.decode(data, type=Contract, strict=False)


_TYPES: dict[str, tuple[tuple[type, ...], str, str]] = {
    "string": ((str,), "str type expected", "type_error.str"),
    "integer": ((int,), "value is not a valid integer", "type_error.integer"),
    "number": ((int, float), "value is not a valid float", "type_error.float"),
    "boolean": ((bool,), "value could not be parsed to a boolean", "type_error.bool"),
    "array": ((list,), "value is not a valid list", "type_error.list"),
    "object": ((dict,), "value is not a valid dict", "type_error.dict"),
    "string | integer": ((str, int), "str type expected", "type_error.str"),
}


def missing(loc: Location) -> Problem:
    """The documented answer for a field that is not there."""
    return Problem(loc, "field required", "value_error.missing")


def check_value(field: Field, value: object, loc: Location, problems: list[Problem], *, required: bool = True) -> None:
    """Compare one value and everything inside it with its schema; violations are added to `problems`."""
    kinds, text, code = _TYPES[field.type]
    if type(value) not in kinds:  # exact types: a JSON true is no integer
        if value is None:
            problems.append(Problem(loc, "none is not an allowed value", "type_error.none.not_allowed"))
        else:
            problems.append(Problem(loc, text, code))
        return
    if isinstance(value, dict) and field.properties is not None:
        check_fields(field.properties, value, loc, problems, required=required)
    elif isinstance(value, list) and field.items is not None:
        for position, item in enumerate(value):
            check_value(field.items, item, (*loc, position), problems, required=required)


def check_fields(
    fields: dict[str, Field],
    values: dict[str, object],
    loc: Location,
    problems: list[Problem],
    *,
    required: bool = True,
) -> None:
    """Compare an object with its schema. Names the schema does not know are ignored, as FastAPI does by default."""
    for name, field in fields.items():
        if name in values:
            check_value(field, values[name], (*loc, name), problems, required=required)
        elif field.required and (required or name == "guid"):
            problems.append(missing((*loc, name)))


def check_request(endpoint: Endpoint, body: dict[str, object], *, inline_required: bool) -> list[Problem]:
    """Everything in `body` that the vendor's schema refuses; empty when the request is fine."""
    problems: list[Problem] = []
    check_fields(endpoint.fields, body, ("body",), problems, required=inline_required or endpoint.origin == "model")
    return problems
