"""The OpenAPI 3.1 document: Litestar's, from the handlers and their Structs, with what Litestar cannot express."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import License, Server, Tag
from litestar.params import HeaderParameter
from litestar.types import Method

from wework_message.entrypoints.rest.answer_schemas import name_answers
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http.authorization import unasked
from wework_message.entrypoints.rest.http.envelope import Envelope, Problem
from wework_message.entrypoints.rest.http.routing import ERRORS, OWN_PROOF, PUBLIC, REF, SCOPE
from wework_message.entrypoints.rest.request_schemas import schemas
from wework_message.entrypoints.rest.routes import resources
from wework_message.entrypoints.rest.rule_schemas import Schema
from wework_message.entrypoints.rest.schema_forms import formed
from wework_message.entrypoints.wire.requests.body import Limits

_DESCRIPTION: Final = """WeCom (企业微信) message gateway: accept once, send once, keep an honest status.

Every answer is wrapped in an envelope; `code` is 200 for every 2xx, else the HTTP status. Errors have a stable `error` and,
with `Accept: application/problem+json`, come as RFC 9457. Instants are ISO-8601 in UTC."""
_IN_UTC: Final = "ISO-8601 in UTC"

_REQUEST_ID: Final = HeaderParameter(
    name="X-Request-ID",
    annotation=str | None,
    default=None,
    description="1 to 128 printable characters; returned and logged.",
)


def camel(name: str) -> str:
    """A name as clients spell it; also works on a whole path."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def document(config: Config, prefix: str) -> bytes:
    """The whole document as JSON; `prefix` is the context path that the reader used."""
    # An application of its own, which is never served: Litestar adds pages of its own to one that has a document.
    tagged = resources(config)
    described = Litestar(
        route_handlers=[Router("/", tags=[tag], route_handlers=handlers) for tag, handlers in tagged.items()],
        dependencies={"api": Provide(lambda: None, sync_to_thread=False)},
        parameters={"request_id": _REQUEST_ID},
        openapi_config=OpenAPIConfig(
            title="wework-message",
            version=config.version,
            description=_description(config),
            license=License("MIT", identifier="MIT"),
            servers=[Server(prefix or "/")],
            tags=[Tag(tag) for tag in tagged],
            operation_id_creator=_operation_id,
        ),
    )
    schema = described.openapi_schema.to_schema()
    schema["paths"] = {camel(path): _spelled(item) for path, item in schema["paths"].items()}
    _form(schema, config.limits)
    _name_conversations(schema["paths"], config.limits)
    if config.credentials is not None:
        schema["components"]["securitySchemes"] = _SCHEMES
        _protect(schema["paths"], config)
    schema["components"]["responses"] = {str(status): _error(status, text) for status, text in ERRORS.items()}
    schema["components"]["headers"] = {
        "X-Request-ID": {"description": "Taken in, or made.", "schema": {"type": "string"}}
    }
    return msgspec.json.encode(schema)


def _description(config: Config) -> str:
    zone = None if config.answers is None else config.answers.zone
    return _DESCRIPTION if zone is None else _DESCRIPTION.replace(_IN_UTC, f"local times of {zone}, without a zone")


def _form(schema: Schema, limits: Limits) -> None:
    """Give all schemas the forms that clients are made of, and names."""
    _, shared = msgspec.json.schema_components([Envelope, Problem], ref_template=REF + "{name}")
    unformed = schema["components"]["schemas"] | shared | schemas(limits)
    components = {name: formed(component, unformed) for name, component in unformed.items()}
    schema["components"]["schemas"] = components
    for operation in (operation for item in schema["paths"].values() for operation in item.values()):
        for media in _bodies(operation):
            media["schema"] = formed(media["schema"])
    name_answers(schema["paths"], components)


def _name_conversations(paths: Schema, limits: Limits) -> None:
    """How this service's clients name conversations, where a path has one."""
    for operation in (operation for item in paths.values() for operation in item.values()):
        for parameter in operation["parameters"]:
            if (parameter["in"], parameter["name"]) == ("path", "conversationId"):
                parameter["schema"]["pattern"] = f"^(?:{limits.conversations.pattern})$"


def _bodies(operation: Schema) -> Iterator[Schema]:
    """What an operation takes and answers, by media type."""
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for response in operation["responses"].values():
        yield from response.get("content", {}).values()


_SCHEMES: Final[Schema] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`wmk_...`), or a token (JWT) of the issuer that the settings name.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same."},
}


def _protect(paths: Schema, config: Config) -> None:
    """Say of each operation which scope it needs, and how it is refused."""
    handlers = [handler for of_resource in resources(config).values() for handler in of_resource]
    needed = {camel(handler.handler_name): handler.opt for handler in handlers}
    for operation in (operation for item in paths.values() for operation in item.values()):
        opt = needed[operation["operationId"]]
        scope = opt[SCOPE]
        if scope is PUBLIC or scope in unasked(config):
            continue
        operation["security"] = [{name: [scope.value]} for name in _SCHEMES] + ([{}] if OWN_PROOF in opt else [])
        refused = {"401": {"$ref": "#/components/responses/401"}}
        operation["responses"] = dict(sorted((operation["responses"] | refused).items()))


def _operation_id(handler: HTTPRouteHandler, method: Method, path: Any) -> str:  # noqa: ARG001 -- Litestar's signature
    """The handler's name; that of HEAD, which the document leaves out, must differ."""
    return camel(handler.handler_name) + ("Head" if method == "HEAD" else "")


def _spelled(item: Schema) -> Schema:
    """One path, without HEAD.

    Path parameters are spelt as clients spell all names (metrics keep the template's). A parameter may be absent, but it
    cannot be null, which Litestar reads in a type such as `str | None`.
    """
    operations = {method: operation for method, operation in item.items() if method != "head"}
    for operation in operations.values():
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                parameter["name"] = camel(parameter["name"])
            elif options := parameter["schema"].pop("oneOf", None):
                parameter["schema"] |= options[0]
            parameter["schema"] = formed(parameter["schema"])
    return operations


def _error(status: int, text: str) -> Schema:
    content = {
        "application/json": {"schema": {"$ref": f"{REF}Envelope"}},
        "application/problem+json": {"schema": {"$ref": f"{REF}Problem"}},
    }
    headers: Schema = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = {"description": "Seconds.", "schema": {"type": "integer", "format": "int32"}}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"description": "`Bearer`.", "schema": {"type": "string"}}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = {"description": "The methods of this path.", "schema": {"type": "string"}}
    return {"description": text, "headers": headers, "content": content}
