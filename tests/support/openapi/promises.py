"""What an OpenAPI document promises to clients, as lines: the form (order, operation ids, words) left out.

    python -m tests.support.openapi.promises OLD.json NEW.json

prints what the new document no longer promises and what it adds; the exit code is 1 where something was lost.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
METHOD_NAMES: Final = tuple(f"{method.upper()} /" for method in METHODS)
_ERROR_DETAIL: Final = re.compile(r"\w+ \S+ [45]\d\d ")
_ENVELOPE: Final = "Envelope"
LIMITS: Final = (
    "const", "enum", "default", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "additionalProperties", "unevaluatedProperties",
)  # fmt: skip


def promises(document: Json) -> list[str]:
    """One line per path and method, parameter, field of a body, status, media type, header, and field of an answer."""
    return sorted(set(_Document(document).lines()))


def operation_promises(document: Json) -> list[str]:
    """Those of the operations alone: no fields of named schemas, and of errors the status."""
    return [line for line in promises(document) if line.startswith(METHOD_NAMES) and not _ERROR_DETAIL.match(line)]


class _Document:
    def __init__(self, document: Json) -> None:
        self.document = document
        self.described: set[str] = set()

    def lines(self) -> Iterator[str]:
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method in METHODS:
                    yield from self._operation(f"{method.upper()} {path}", operation)

    def _operation(self, name: str, operation: Json) -> Iterator[str]:
        yield f"{name} tags {operation['tags']}"
        for parameter in operation.get("parameters", ()):
            where = f"{name} {parameter['in']} {parameter['name']}"
            yield f"{where} required={bool(parameter.get('required'))}"
            yield from self._schema(where, parameter["schema"])
        if body := operation.get("requestBody"):
            yield f"{name} body required={body['required']}"
            yield from self._content(f"{name} body", body["content"])
            for media in body["content"].values():
                yield f"{name} body examples {sorted(media.get('examples', {}))}"
        for status, response in operation["responses"].items():
            yield from self._response(f"{name} {status}", response)

    def _response(self, name: str, response: Json) -> Iterator[str]:
        response = self._resolved(response)
        yield name
        for header, value in response.get("headers", {}).items():
            yield from self._schema(f"{name} header {header}", self._resolved(value)["schema"])
        yield from self._content(name, response.get("content", {}))

    def _content(self, name: str, content: Json) -> Iterator[str]:
        for media_type, media in content.items():
            yield from self._schema(f"{name} {media_type}", media["schema"])

    def _schema(self, where: str, schema: Json) -> Iterator[str]:
        name = schema.get("$ref", "").rpartition("/")[2]
        schema = self._resolved(schema)
        if (
            name.endswith(_ENVELOPE) and name != _ENVELOPE
        ):  # each kind of data has one of its own, with the same other fields
            yield f"{where} -> {_ENVELOPE}"
            yield from self._fields(where, {"properties": {"data": schema["properties"]["data"]}, "required": ["data"]})
            return
        for kind in schema.get("then", {}).get("anyOf", ()):  # one of them, in a form that holds each
            if "$ref" in kind:
                yield from self._schema(where, kind)
        if name and any(key in schema for key in ("properties", "oneOf", "anyOf")):
            yield f"{where} -> {name}"
            if name not in self.described:
                self.described.add(name)
                yield from self._fields(name, schema)
        else:
            yield from self._fields(where, schema)

    def _fields(self, where: str, schema: Json) -> Iterator[str]:
        types = schema.get("type", [])
        for kind in types if isinstance(types, list) else [types]:
            yield f"{where}: {kind}"
        for limit in LIMITS:
            value = schema.get(limit)
            if value is not None and not isinstance(value, dict):
                yield f"{where} {limit}={_plain(value)}"
        for name in (*schema.get("required", ()), *schema.get("then", {}).get("required", ())):
            yield f"{where}.{name} is required"
        for name, field in schema.get("properties", {}).items():
            yield f"{where}.{name}"
            yield from self._schema(f"{where}.{name}", field)
        if "items" in schema:
            yield from self._schema(f"{where}[]", schema["items"])
        if isinstance(values := schema.get("additionalProperties"), dict):
            yield from self._schema(f"{where}.*", values)
        for part in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from self._schema(where, part)

    def _resolved(self, value: Json) -> Json:
        while "$ref" in value:
            target: Any = self.document
            for step in value["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            value = target
        return value


def _plain(value: Any) -> Any:
    """A limit without its form: 100.0 is 100, and the values of an enumeration have no order."""
    if isinstance(value, list):
        return sorted(entry for entry in value if entry is not None)  # null is among the types already
    return int(value) if isinstance(value, float) and value.is_integer() else value


def main() -> int:
    """Compare two documents."""
    old, new = (set(promises(json.loads(Path(name).read_text("utf-8")))) for name in sys.argv[1:3])
    for sign, lines in (("-", old - new), ("+", new - old)):
        sys.stdout.writelines(f"{sign} {line}\n" for line in sorted(lines))
    return 1 if old - new else 0


if __name__ == "__main__":
    sys.exit(main())
