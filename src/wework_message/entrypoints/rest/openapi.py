"""The OpenAPI 3.1 document, made of the table of routes and the Structs of requests and answers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from wework_message.entrypoints.rest.documented import Route
from wework_message.entrypoints.rest.envelope import Envelope, Problem
from wework_message.entrypoints.rest.request_schemas import BATCH, CALLBACK, REF, SEND, Schema, schemas, send_examples

_PARAMETER: Final = re.compile(r"\{(\w+):str\}")

_BODIES: Final = {"send": SEND, "batch": BATCH, "callback": CALLBACK}

_ERRORS: Final[Mapping[int, str]] = {
    400: "The body is not JSON (`INVALID_JSON`), or a header cannot be read (`INVALID_REQUEST`).",
    404: "There is no such thing (`NOT_FOUND`).",
    405: "The path has other methods, see `Allow` (`METHOD_NOT_ALLOWED`).",
    409: "The message's status forbids it (`ILLEGAL_STATE`, the status object as `data`), or the key was used for another request (`IDEMPOTENCY_CONFLICT`).",
    413: "The body is too large (`PAYLOAD_TOO_LARGE`).",
    415: "The body is not JSON in UTF-8 (`UNSUPPORTED_MEDIA_TYPE`).",
    422: "`VALIDATION_FAILED` with every problem and its path; of a sync send also `PROVIDER_REFUSED`, `NO_BINDING`, `NO_CAPABILITY`, `EXPIRED`, `CANCELLED` with the message as `data`.",
    500: "Our fault; nothing is told here (`INTERNAL`).",
    501: "Known, but not in this version (`NOT_IMPLEMENTED`).",
    503: "The store is away or the process drains (`UNAVAILABLE`); nothing was accepted, `Retry-After` says when to repeat.",
}
"""Errors by status."""

_ALWAYS: Final = (405, 500, 503)
"""Errors that every route has."""

_DESCRIPTION: Final = """WeCom (企业微信) message gateway: accept once, send once, keep an honest status.

Every answer is wrapped in an envelope; `code` is 200 for every 2xx, else the HTTP status. Errors have a stable `error` and,
with `Accept: application/problem+json`, come as RFC 9457. Instants are ISO-8601 in UTC."""


def path_of(route: Route) -> str:
    """The path with its parameters as the document spells them."""
    return _PARAMETER.sub(lambda found: "{" + _camel(found[1]) + "}", route.path)


def document(routes: Iterable[Route], *, version: str, prefix: str) -> Schema:
    """The whole document; `prefix` is the context path that the reader used."""
    known = [route for route in routes if route.tag]
    types = list(dict.fromkeys(kind for route in known for kinds in route.answers.values() for kind in _several(kinds)))
    found, components = msgspec.json.schema_components([Envelope, Problem, *types], ref_template=REF + "{name}")
    answers = dict(zip(types, found[2:], strict=True))
    paths: dict[str, Schema] = {}
    for route in known:
        paths.setdefault(path_of(route), {})[route.method.lower()] = _operation(route, answers)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wework-message",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "servers": [{"url": prefix or "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in known)],
        "paths": paths,
        "components": {
            "schemas": components | schemas(),
            "responses": {str(status): _error(status, text) for status, text in _ERRORS.items()},
            "headers": {"X-Request-ID": {"description": "Taken in, or made.", "schema": {"type": "string"}}},
        },
    }


def _several(kinds: Any) -> tuple[Any, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)


def _operation(route: Route, answers: Mapping[Any, Schema]) -> Schema:
    operation: Schema = {
        "tags": [route.tag],
        "summary": route.summary,
        "operationId": _operation_id(route),
        "parameters": list(_parameters(route)),
        "responses": {str(status): _answer(route, status, kinds, answers) for status, kinds in route.answers.items()},
    }
    for status in sorted({*route.errors, *_ALWAYS} - set(route.answers)):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}
    if route.body is not None:
        media: Schema = {"schema": {"$ref": REF + _BODIES[route.body]}}
        if examples := _examples(route.body):
            media["examples"] = {name: {"value": value} for name, value in examples.items()}
        operation["requestBody"] = {"required": True, "content": {"application/json": media}}
    return operation


def _operation_id(route: Route) -> str:
    handler = getattr(route.handle, "__name__", "handler")
    return f"{route.tag}_{handler}_{path_of(route).rsplit('/', 1)[-1].strip('{}')}".replace("-", "_")


def _examples(body: str) -> Mapping[str, Any]:
    if body == "send":
        return send_examples()
    if body == "batch":
        text = send_examples()["TEXT"]
        java = {"guid": text["guid"], "userList": ["7881301000000001"], "content": "Happy new year", "mode": "FANOUT"}
        return {"messages": {"messages": [text, send_examples()["IMAGE"]], "atomic": False}, "java": java}
    return {}


def _parameters(route: Route) -> Iterator[Schema]:
    for name in _PARAMETER.findall(route.path):
        yield {"name": _camel(name), "in": "path", "required": True, "schema": {"type": "string"}}
    for one in route.parameters:
        yield {"name": one.name, "in": one.place, "description": one.text, "schema": dict(one.schema)}
    yield {
        "name": "X-Request-ID",
        "in": "header",
        "description": "1 to 128 printable characters; returned and logged.",
        "schema": {"type": "string"},
    }


def _answer(route: Route, status: int, kinds: Any, answers: Mapping[Any, Schema]) -> Schema:
    found = [answers[kind] for kind in _several(kinds)]
    data: Schema = found[0] if len(found) == 1 else {"anyOf": found}
    if route.enveloped:
        data = {"allOf": [{"$ref": f"{REF}Envelope"}, {"properties": {"data": data}, "required": ["data"]}]}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}},
        "content": {route.media_type: {"schema": data}},
    }


def _error(status: int, text: str) -> Schema:
    content = {
        "application/json": {"schema": {"$ref": f"{REF}Envelope"}},
        "application/problem+json": {"schema": {"$ref": f"{REF}Problem"}},
    }
    headers: Schema = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = {"description": "Seconds.", "schema": {"type": "integer"}}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = {"description": "The methods of this path.", "schema": {"type": "string"}}
    return {"description": text, "headers": headers, "content": content}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
