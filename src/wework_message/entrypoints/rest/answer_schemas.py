"""What the document says of good answers: the envelope of each kind of `data` as one schema with a name of its own."""

from collections.abc import Iterator, Mapping
from http import HTTPMethod
from typing import Final

from wework_message.entrypoints.rest.http.routing import REF
from wework_message.entrypoints.rest.rule_schemas import Schema
from wework_message.entrypoints.rest.schema_forms import merged

ENVELOPE: Final = "Envelope"
_OF_ERRORS: Final = frozenset({"error", "errors"})
_METHODS: Final = frozenset(method.lower() for method in HTTPMethod)


def name_answers(paths: Schema, components: dict[str, Schema]) -> None:
    """Put a reference to a schema of its own in the place of each envelope with its `data`, and of each union; in place.

    A method of a generated client has one type for all good answers, so that they have one: where their `data` differs,
    the fields of all. Contents and messages in answers are the same.
    """
    for name in [*components]:
        _name_unions(components[name], components)
    for operation in _operations(paths):
        schemas = [media for response in _good(operation) for media in _json(response) if "allOf" in media["schema"]]
        names = {name: None for media in schemas for name in _alternatives(_data(media["schema"]))}
        for media in schemas:
            data = _data(media["schema"])
            if len(names) > 1:
                data = {"$ref": REF + _merged_name([*names], components)}
            media["schema"] = {"$ref": REF + _envelope_of(data, components)}


def _operations(paths: Schema) -> Iterator[Schema]:
    return (operation for item in paths.values() for name, operation in item.items() if name in _METHODS)


def _good(operation: Schema) -> Iterator[Schema]:
    return (response for status, response in operation["responses"].items() if status.startswith("2"))


def _json(response: Schema) -> Iterator[Schema]:
    return (media for name, media in response.get("content", {}).items() if name == "application/json")


def _data(envelope: Schema) -> Schema:
    data: Schema = envelope["allOf"][1]["properties"]["data"]
    return data


def _alternatives(schema: Schema) -> list[str]:
    """The names of the schemas of which this is one; none for what is no such choice."""
    refs = [option["$ref"] for option in schema.get("oneOf", [schema]) if "$ref" in option]
    return [ref.removeprefix(REF) for ref in refs]


def _name_unions(schema: Schema, components: dict[str, Schema]) -> None:
    """Name the choices that nothing tells apart among the fields of a schema."""
    for name, field in schema.get("properties", {}).items():
        options = field.get("oneOf", ())
        names = _alternatives(field)
        if "discriminator" in field or len(names) < 2:  # noqa: PLR2004 -- a choice
            continue
        null = [option for option in options if "$ref" not in option]
        ref = {"$ref": REF + _merged_name(names, components)}
        schema["properties"][name] = {"oneOf": [ref, *null]} if null else ref


def _merged_name(names: list[str], components: dict[str, Schema]) -> str:
    """The name of what has the fields of all of these: that of the first, which is the fullest."""
    first = names[0]
    name = first.replace("Answer", "Result") if first.endswith("Answer") else "MessageContent"
    components[name] = merged(names, components)
    return name


def _envelope_of(data: Schema, components: dict[str, Schema]) -> str:
    """The name of the envelope with this `data`."""
    name = f"{_name_of(data)}Envelope"
    envelope: Mapping[str, Schema] = components[ENVELOPE]["properties"]
    fields = {field: schema for field, schema in envelope.items() if field not in _OF_ERRORS} | {"data": data}
    components[name] = {
        "description": "A good answer.",
        "type": "object",
        "properties": fields,
        "required": [*fields],
    }
    return name


def _name_of(data: Schema) -> str:
    match data:
        case {"$ref": ref}:
            return str(ref).removeprefix(REF)
        case {"items": items}:
            return f"{_name_of(items)}List"
        case {"additionalProperties": {} as values}:
            return f"{_name_of(values)}Map"
        case {"type": str(kind)} | {"type": [str(kind), *_]}:
            return kind.capitalize()
        case _:
            raise TypeError(f"the data of an answer has no name: {data}")
