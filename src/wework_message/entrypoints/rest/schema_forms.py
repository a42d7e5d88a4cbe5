"""Forms of schemas that openapi-generator and its like make usable classes of, and validators read as before.

A generator makes a class of every combinator, also of one that only says which fields go together; it finds a type in `type` alone;
an integer without limits is an `int`. It skips conditions (`if`, `then`), which validators follow: rules between fields are
such conditions.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from wework_message.domain.content.rules import MAX_INT32
from wework_message.entrypoints.rest.http.routing import REF
from wework_message.entrypoints.rest.rule_schemas import Schema

NULL: Final[Schema] = {"type": "null"}

_TYPES: Final = ((str, "string"), (bool, "boolean"), (int, "integer"))
_COMBINATORS: Final = ("anyOf", "oneOf", "allOf")


def ruled(shape: Schema, *rules: Schema) -> Schema:
    """An object with rules between its fields, those that it has already among them."""
    if not rules:
        return shape
    if "then" in shape:
        rules = (shape["then"], *rules)
    return shape | {"if": {"type": "object"}, "then": rules[0] if len(rules) == 1 else {"allOf": [*rules]}}


def present(name: str) -> Schema:
    """The rule that this field is there and not null."""
    return {"required": [name], "properties": {name: {"not": NULL}}}


def one_of(description: str, refs: Mapping[str, str]) -> Schema:
    """One of these objects, told apart by `messageType`."""
    return {
        "description": description,
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "messageType", "mapping": dict(refs)},
    }


def type_of(message_type: str) -> Schema:
    """The field that tells objects apart: a text of one value, for an enumeration of one is a class of its own in each of them."""
    return {"type": "string", "pattern": f"^{message_type}$", "default": message_type}


def or_null(schema: Schema) -> Schema:
    """What may also be null."""
    kind = schema.get("type")
    if not isinstance(kind, str):
        return {"oneOf": [schema, NULL]}
    values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [kind, "null"]} | values


def formed(schema: Schema, components: Mapping[str, Schema] = MappingProxyType({})) -> Schema:
    """A schema in these forms, with all that it holds; conditions stay as they are. `components` are those that it refers to."""
    result = _with_null_among_types(schema, components)
    result = {name: value for name, value in result.items() if name != "default" or value is not None}
    for name in ("items", "additionalProperties"):
        if isinstance(inner := result.get(name), dict):
            result[name] = formed(inner, components)
    if "properties" in result:
        result["properties"] = {name: formed(field, components) for name, field in result["properties"].items()}
    for name in _COMBINATORS:
        if name in result:
            result[name] = [formed(option, components) for option in result[name]]
    return _with_nulls_required_by_rule(_typed(result))


def _with_nulls_required_by_rule(schema: Schema) -> Schema:
    """A required field that refers to an object, or is null, is required by a rule: clients of Gson would look into the null."""
    fields = schema.get("properties", {})
    by_rule = [name for name in schema.get("required", ()) if NULL in fields.get(name, {}).get("oneOf", ())]
    if not by_rule:
        return schema
    others = [name for name in schema["required"] if name not in by_rule]
    return ruled(schema | {"required": others}, {"required": by_rule})


def _with_null_among_types(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    """A choice between something and null, or nothing else, as that something, which may be null.

    Enumerations with a name are repeated, because the generator makes a class of many a choice between one of them and null.
    """
    for name in ("anyOf", "oneOf"):
        options = schema.get(name, ())
        others = [option for option in options if option != NULL]
        if len(others) != 1:
            continue
        beside = {key: value for key, value in schema.items() if key != name}
        option: Schema = others[0]
        target = components.get(option.get("$ref", "").removeprefix(REF), {})
        if len(options) == 1:
            return option | beside
        if "enum" in target:
            return or_null(_typed({"enum": target["enum"]})) | beside
        return or_null(option) | beside if "$ref" in option else or_null(_typed(option | beside))
    return schema


def _typed(schema: Schema) -> Schema:
    """With the type of its values first, and with the size of an integer."""
    values: Sequence[Any] = schema.get("enum", [schema["const"]] if "const" in schema else ())
    if values and "type" not in schema:
        kind = next((name for python_type, name in _TYPES if isinstance(values[0], python_type)), None)
        schema = ({"type": kind} if kind else {}) | schema
    if "const" in schema:
        schema = {key: value for key, value in schema.items() if key != "const"} | {"enum": [*values]}
    if schema.get("additionalProperties") is False:  # of which the generator makes a map beside the fields
        schema = {key: value for key, value in schema.items() if key != "additionalProperties"}
        schema["unevaluatedProperties"] = False
    if _is_integer(schema.get("type")) and not _fits_int32(schema):
        schema = schema | {"format": "int64"}
    if schema.get("type") == "object" and not schema.keys() & {
        "properties",
        "additionalProperties",
        "unevaluatedProperties",
        *_COMBINATORS,
    }:
        schema = schema | {"additionalProperties": True}
    return schema


def _is_integer(kind: object) -> bool:
    return kind == "integer" or (isinstance(kind, list) and "integer" in kind)


def _fits_int32(schema: Schema) -> bool:
    limits = (schema.get("minimum", -MAX_INT32), schema.get("maximum", MAX_INT32 + 1))
    return "enum" in schema or all(abs(limit) <= MAX_INT32 for limit in limits)


def merged(names: Iterable[str], components: Mapping[str, Schema]) -> Schema:
    """One of these objects, which nothing tells apart, as one object with the fields of all: a client looks which are there."""
    kinds = [components[name] for name in names]
    fields: Schema = {}
    for kind in kinds:
        for name, field in kind["properties"].items():
            fields[name] = _common(fields[name], field) if name in fields else field
    required = set.intersection(*(set(kind.get("required", ())) for kind in kinds))
    shape: Schema = {"type": "object", "properties": fields}
    if required:
        shape["required"] = [name for name in fields if name in required]
    return ruled(shape, {"anyOf": [{"$ref": REF + name} for name in names]})


def _common(first: Schema, second: Schema) -> Schema:
    """What both say of a field: its type, where it is one."""
    if first == second:
        return first
    if "enum" in first and "enum" in second:
        return first | {"enum": list(dict.fromkeys((*first["enum"], *second["enum"])))}
    kinds = _kinds(first) | _kinds(second)
    if len(kinds - {"null"}) != 1 or kinds & {"array", "object"}:
        return {}
    types = sorted(kinds, key=lambda kind: kind == "null")
    return _typed({"type": types if len(types) > 1 else types[0]})


def _kinds(schema: Schema) -> set[str]:
    kind = schema.get("type", "object")
    return {kind} if isinstance(kind, str) else {*kind}
