from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wework_message.entrypoints.rest.schema_forms import formed, merged, present, ruled, type_of

NULL = {"type": "null"}
VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-3, 2**40) | st.sampled_from(["", "a", "b", "TEXT"]) | st.just([])
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES)


def fits(value: Any, schema: dict[str, Any]) -> bool:
    return Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "form"),
    [
        ({"anyOf": [{"type": "string"}, NULL], "default": None, "maxLength": 3}, {"type": ["string", "null"], "maxLength": 3}),
        ({"oneOf": [{"enum": ["a", "b"]}, NULL]}, {"type": ["string", "null"], "enum": ["a", "b", None]}),
        ({"oneOf": [{"type": "integer", "maximum": 9, "minimum": 0}]}, {"type": "integer", "maximum": 9, "minimum": 0}),
        ({"type": "integer"}, {"type": "integer", "format": "int64"}),
        ({"type": "integer", "minimum": 1, "maximum": 2**31}, {"type": "integer", "minimum": 1, "maximum": 2**31, "format": "int64"}),
        ({"const": True}, {"type": "boolean", "enum": [True]}),
        ({"anyOf": [{"$ref": "#/x"}, NULL]}, {"oneOf": [{"$ref": "#/x"}, NULL]}),
        ({"type": "object"}, {"type": "object", "additionalProperties": True}),
    ],
)  # fmt: skip
def test_generators_see_types_and_sizes(schema: dict[str, Any], form: dict[str, Any]) -> None:
    assert formed(schema) == form


def test_an_enumeration_with_a_name_that_may_be_null_is_repeated() -> None:
    components = {"Level": {"title": "Level", "enum": ["LOW", "HIGH"]}}
    reference = {"oneOf": [{"$ref": "#/components/schemas/Level"}, NULL]}
    assert formed(reference, components) == {"type": ["string", "null"], "enum": ["LOW", "HIGH", None]}


FORMED: list[dict[str, Any]] = [
    {"anyOf": [{"type": "integer", "minimum": 0}, NULL], "default": None},
    {"oneOf": [{"enum": ["a", "TEXT"]}, NULL]},
    {"const": "a"},
    {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "string", "minLength": 1}, NULL]}, "b": {"type": "integer"}},
        "required": ["b"],
        "additionalProperties": False,
    },
    {"type": "object", "properties": {"a": {"oneOf": [{"$ref": "#/$defs/list"}, NULL]}}, "required": ["a"]},
]


@pytest.mark.parametrize("schema", FORMED)
@given(VALUES | OBJECTS)
def test_a_form_allows_what_the_schema_allows(schema: dict[str, Any], value: object) -> None:
    definitions = {"$defs": {"list": {"type": "array"}}}
    assert fits(value, formed(schema) | definitions) == fits(value, schema | definitions)


@given(OBJECTS)
def test_rules_hold_together_and_a_null_is_not_there(value: dict[str, Any]) -> None:
    shape = {"type": "object", "properties": {"a": {}, "b": {}}}
    either = {"oneOf": [present("a"), present("b")]}
    allowed = (value.get("a") is None) != (value.get("b") is None) and value.get("c") is not None
    assert fits(value, ruled(shape, either, present("c"))) == allowed
    assert ruled(shape) == shape


@given(OBJECTS)
def test_what_is_merged_is_one_of_the_objects(value: dict[str, Any]) -> None:
    first = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": ["a"]}}, "required": ["a"]}
    second = {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}, "b": {"enum": ["b"]}, "c": {}},
        "required": ["c"],
    }
    components = {"First": first, "Second": second}
    whole = merged(components, components)
    assert whole["properties"] == {"a": {"type": ["string", "null"]}, "b": {"enum": ["a", "b"]}, "c": {}}
    document = {"components": {"schemas": components}}
    assert fits(value, whole | document) == (fits(value, first) or fits(value, second))


def test_the_one_value_of_a_type_is_a_text_of_every_class() -> None:
    schema = type_of("TEXT")
    assert [fits(value, schema) for value in ("TEXT", "TEXTS", "")] == [True, False, False]
    assert schema["default"] == "TEXT"
    assert "enum" not in schema


def test_an_object_keeps_its_rules_beside_those_of_fields_that_may_be_null() -> None:
    reference = {"anyOf": [{"$ref": "#/components/schemas/Other"}, {"type": "null"}]}
    shape = {"type": "object", "properties": {"first": reference, "second": {"type": "string"}}, "required": ["first"]}

    assert formed(ruled(shape, present("second")))["then"] == {"allOf": [present("second"), {"required": ["first"]}]}
