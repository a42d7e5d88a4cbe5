"""Values against schemas of an OpenAPI document."""

from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_BASE = "urn:document"


def conforms(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> None:
    """AssertionError unless `value` fits `schema`, whose references are of `document`."""
    registry: Registry[Any] = Registry().with_resource(_BASE, DRAFT202012.create_resource(document))
    rooted = _rooted(schema)
    problems = list(Draft202012Validator(rooted, registry=registry).iter_errors(value))
    assert not problems, problems


def _rooted(schema: Any) -> Any:
    """References of the schema itself, made absolute; those inside the document are relative to it already."""
    if isinstance(schema, dict):
        return {
            key: f"{_BASE}{value}" if key == "$ref" and isinstance(value, str) else _rooted(value)
            for key, value in schema.items()
        }
    return [_rooted(item) for item in schema] if isinstance(schema, list) else schema
