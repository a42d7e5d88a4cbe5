import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from litestar import Litestar
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.support.apps.credentials import CREDENTIALS
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, Rest, empty_metrics, serving
from tests.support.builders.messages import NOW
from tests.support.builders.send_requests import EXAMPLES
from tests.support.openapi.json_schema import conforms
from tests.support.openapi.promises import operation_promises

from wework_message.domain.message_filter import FILTERS
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http.routing import PUBLIC, SCOPE
from wework_message.entrypoints.rest.routes import resources
from wework_message.entrypoints.wire.problems import RequestRejected
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.examples import send_examples
from wework_message.entrypoints.wire.requests.send import parse_batch, parse_send

PROMISES = Path(__file__).parents[2] / "golden" / "openapi-promises.txt"
OWN_PAGES = {"/v3/api-docs", "/swagger-ui.html", "/swagger-ui/{asset}"}


async def the_document(rest: Rest, prefix: str = "/message") -> dict[str, Any]:
    document: dict[str, Any] = (await rest.get(f"{prefix}/v3/api-docs")).json()
    return document


def camel(path: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), path)


async def test_every_route_is_documented_and_nothing_else() -> None:
    async with serving(metrics=empty_metrics, dispatching=False) as rest:
        document = await the_document(rest)
        assert isinstance(rest.app.app, Litestar)
        served = {
            (camel(route.path_format), method)
            for route in rest.app.app.routes
            for method in getattr(route, "methods", ())
            if method not in {"OPTIONS", "HEAD"}
        }
    documented = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert {pair for pair in served if pair[0] not in OWN_PAGES} == documented


async def test_options_of_every_path_names_its_documented_methods() -> None:
    async with serving(metrics=empty_metrics, dispatching=False) as rest:
        document = await the_document(rest)
        allowed = {path: (await rest.client.options(path)).headers["allow"] for path in document["paths"]}
    for path, methods in document["paths"].items():
        names = {method.upper() for method in methods}
        assert set(allowed[path].split(", ")) == names | {"OPTIONS"} | ({"HEAD"} if "GET" in names else set()), path


async def test_the_document_promises_what_it_promised() -> None:
    """Of each operation; `python -m tests.support.openapi.promises` compares whole documents. It may promise more."""
    async with serving(metrics=empty_metrics, dispatching=False) as rest:
        promised = operation_promises(await the_document(rest))
    assert set(PROMISES.read_text("utf-8").splitlines()) - set(promised) == set()


async def test_operation_ids_are_the_names_of_the_handlers(idle: Rest) -> None:
    paths = (await the_document(idle))["paths"]
    assert paths["/api/messages/send"]["post"]["operationId"] == "sendMessage"
    assert paths["/api/messages/{messageId}"]["get"]["operationId"] == "getMessage"


async def test_the_document_says_where_its_reader_reached_us(idle: Rest) -> None:
    assert (await the_document(idle))["servers"] == [{"url": "/message"}]
    assert (await the_document(idle, ""))["servers"] == [{"url": "/"}]


async def test_the_document_is_valid_openapi(idle: Rest) -> None:
    document = await the_document(idle)
    OpenAPIV31SpecValidator(document).validate()
    assert "\\\\A" not in str(document), "a pattern is Python's, not JavaScript's"


async def test_every_reference_leads_somewhere_and_ids_are_unique(idle: Rest) -> None:
    document = await the_document(idle)
    for reference in re.findall(r"'\$ref': '#/([^']+)'", str(document)):
        target: Any = document
        for step in reference.split("/"):
            target = target[step]
    operations = [method for methods in document["paths"].values() for method in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


async def test_every_operation_documents_its_answers_and_errors(idle: Rest) -> None:
    for path, methods in (await the_document(idle))["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert {"405", "500", "503"} <= operation["responses"].keys()
            if method == "post" and "requestBody" in operation:
                assert {"400", "413", "422"} <= operation["responses"].keys()


async def test_with_keys_every_operation_says_which_scope_it_needs_and_how_it_is_refused() -> None:
    settings: dict[str, Any] = {"metrics": empty_metrics, "credentials": CREDENTIALS, "open_metrics": False}
    async with serving(dispatching=False, **settings) as rest:
        document = await the_document(rest)
        handlers = [
            handler
            for of_resource in resources(Config(version="0", metrics=empty_metrics)).values()
            for handler in of_resource
        ]
    OpenAPIV31SpecValidator(document).validate()
    assert document["components"]["securitySchemes"].keys() == {"bearer", "apiKey"}
    needed = {camel(handler.handler_name): handler.opt[SCOPE] for handler in handlers}
    for methods in document["paths"].values():
        for operation in methods.values():
            scope = needed.pop(operation["operationId"])
            if scope is PUBLIC:
                assert "security" not in operation
                assert "401" not in operation["responses"]
            else:
                assert operation["security"][:2] == [{"bearer": [scope]}, {"apiKey": [scope]}]
                assert operation["security"][2:] == ([{}] if operation["operationId"] == "getMediaContent" else [])
                assert {"401", "403"} <= operation["responses"].keys()
    assert needed == {}


async def test_a_document_of_an_open_service_asks_for_no_key(idle: Rest) -> None:
    document = await the_document(idle)
    assert "securitySchemes" not in document["components"]
    assert "'security'" not in str(document["paths"])


async def test_a_send_is_described_by_a_schema_per_type(idle: Rest) -> None:
    document = await the_document(idle)
    send = document["components"]["schemas"]["SendRequest"]
    assert send["discriminator"]["mapping"].keys() == EXAMPLES.keys()
    body = document["paths"]["/api/messages/send"]["post"]["requestBody"]["content"]["application/json"]
    assert body["examples"].keys() == EXAMPLES.keys()
    text = document["components"]["schemas"]["SendText"]
    assert set(text["required"]) == {"conversationId", "messageType", "content"}
    assert {"guid", "accountId", "priority", "scheduledAt", "extra"} <= text["properties"].keys()


async def test_the_list_of_messages_has_a_parameter_for_each_filter(idle: Rest) -> None:
    parameters = (await the_document(idle))["paths"]["/api/messages"]["get"]["parameters"]
    names = [parameter["name"] for parameter in parameters if parameter["in"] == "query"]
    assert names == [*(message_filter.query_name for message_filter in FILTERS.values()), "limit", "cursor"]


@pytest.mark.parametrize("name", send_examples())
async def test_each_example_is_a_request_that_is_accepted_and_fits_its_schema(idle: Rest, name: str) -> None:
    document = await the_document(idle)
    example = document["paths"]["/api/messages/send"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    value = example[name]["value"]
    conforms(value, {"$ref": "#/components/schemas/SendRequest"}, document)
    parse_send(idle.client.build_request("POST", "/", json=value).content, limits=Limits(), now=NOW)


async def test_each_example_of_a_batch_is_accepted(idle: Rest) -> None:
    document = await the_document(idle)
    media = document["paths"]["/api/messages/send/batch"]["post"]["requestBody"]["content"]["application/json"]
    for example in media["examples"].values():
        conforms(example["value"], {"$ref": "#/components/schemas/BatchRequest"}, document)
        parse_batch(idle.client.build_request("POST", "/", json=example["value"]).content, limits=Limits(), now=NOW)


@pytest.mark.parametrize("changes", [{"content": None}, {"contnet": "x"}, {"guid": None}, {"priority": 11}])
async def test_a_bad_request_does_not_fit_the_schema(idle: Rest, changes: dict[str, Any]) -> None:
    document = await the_document(idle)
    bad = {name: value for name, value in (TEXT | changes).items() if value is not None}
    with pytest.raises(AssertionError):
        conforms(bad, {"$ref": "#/components/schemas/SendRequest"}, document)


async def test_answers_are_as_documented(rest: Rest) -> None:
    document = await the_document(rest)
    sent = (await rest.post(SEND, TEXT)).json()["data"]["messageId"]
    batch = (await rest.post(BATCH, {"messages": [TEXT, TEXT | {"content": ""}]})).json()["data"]["batchId"]
    a_callback = {"guid": "g", "notify_type": 11010, "data": {"id": "1"}}
    await rest.post("/api/callbacks/webhook", a_callback)
    requests = [
        ("POST", SEND, "/api/messages/send", TEXT),
        ("POST", SEND, "/api/messages/send", EXAMPLES["MIXED"]),
        ("POST", SEND, "/api/messages/send", TEXT | {"content": ""}),
        ("POST", ASYNC, "/api/messages/send/async", TEXT),
        ("POST", BATCH, "/api/messages/send/batch", {"messages": [TEXT, TEXT | {"content": ""}]}),
        ("GET", f"/api/messages/{sent}", "/api/messages/{messageId}", None),
        ("GET", f"/api/messages/{sent}/status", "/api/messages/{messageId}/status", None),
        ("GET", f"/api/messages/status?ids={sent}", "/api/messages/status", None),
        ("GET", "/api/messages?limit=1", "/api/messages", None),
        ("GET", f"/api/messages/batches/{batch}", "/api/messages/batches/{batchId}", None),
        ("POST", f"/api/messages/{sent}/cancel", "/api/messages/{messageId}/cancel", None),
        ("POST", f"/api/messages/{sent}/retry", "/api/messages/{messageId}/retry", None),
        ("DELETE", f"/api/messages/test-guid/messages/{sent}", "/api/messages/{guid}/messages/{messageId}", None),
        ("GET", "/api/messages/unknown", "/api/messages/{messageId}", None),
        ("GET", "/api/providers", "/api/providers", None),
        ("GET", "/api/providers/default", "/api/providers/default", None),
        ("GET", "/api/providers/health", "/api/providers/health", None),
        ("GET", "/api/providers/stats", "/api/providers/stats", None),
        ("GET", "/api/providers/GUANGZHOU_GUXING/health", "/api/providers/{providerCode}/health", None),
        ("POST", "/api/callbacks/webhook/GUANGZHOU_GUXING", "/api/callbacks/webhook/{providerCode}", a_callback),
        ("POST", "/api/callbacks/webhook/NOBODY", "/api/callbacks/webhook/{providerCode}", a_callback),
        ("GET", "/api/callbacks/g/recent", "/api/callbacks/{guid}/recent", None),
        ("GET", "/api/callbacks/g/callbacks/11010", "/api/callbacks/{guid}/callbacks/{notifyType}", None),
        ("GET", "/api/health", "/api/health", None),
        ("GET", "/actuator/health", "/actuator/health", None),
        ("GET", "/actuator/info", "/actuator/info", None),
    ]
    for method, path, template, body in requests:
        answer = await rest.client.request(method, path, json=body)
        responses = document["paths"][template][method.lower()]["responses"]
        response = responses[str(answer.status_code)]
        if "$ref" in response:
            response = document["components"]["responses"][str(answer.status_code)]
        conforms(answer.json(), response["content"]["application/json"]["schema"], document)


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name in {"src", "href"} and value]


@pytest.mark.parametrize("prefix", ["", "/message"])
async def test_swagger_ui_loads_nothing_from_other_hosts(idle: Rest, prefix: str) -> None:
    page = f"{prefix}/swagger-ui.html"
    answer = await idle.get(page)
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    parsed = Links()
    parsed.feed(answer.text)
    assert len(parsed.links) == 4
    for link in parsed.links:
        assert "//" not in link
        file = await idle.get(urljoin(page, link))
        assert (file.status_code, len(file.content) > 100) == (200, True), link
    script = (await idle.get(f"{prefix}/swagger-ui/initializer.js")).text
    assert 'new URL("v3/api-docs", document.baseURI)' in script
    assert (await idle.get(urljoin(page, "v3/api-docs"))).json()["openapi"] == "3.1.0"


async def test_documentation_can_be_switched_off() -> None:
    async with serving(documentation=False) as rest:
        for path in ("/v3/api-docs", "/swagger-ui.html", "/swagger-ui/swagger-ui.css"):
            assert (await rest.get(path)).status_code == 404


async def test_the_java_shape_of_a_batch_has_no_field_of_a_single_message(idle: Rest) -> None:
    schemas = (await the_document(idle))["components"]["schemas"]
    java = schemas["RecipientsBatch"]
    assert {"guid", "priority", "campaignId"} <= java["properties"].keys()
    assert not {"conversationId", "async"} & java["properties"].keys()


def schemas_of(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a document or a part of one, conditions left out."""
    if isinstance(value, list):
        for entry in value:
            yield from schemas_of(entry)
    elif isinstance(value, dict):
        if value.keys() & {"type", "$ref", "oneOf", "anyOf", "allOf"}:
            yield value
        for name, entry in value.items():
            if name not in {"if", "then", "else", "examples", "discriminator"}:
                yield from schemas_of(entry)


async def test_programs_that_make_clients_find_a_class_for_every_schema(idle: Rest) -> None:
    """What openapi-generator 7 cannot make usable classes of; an end-to-end test compiles its clients."""
    document = await the_document(idle)
    assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    for schema in schemas_of({"paths": document["paths"], "components": document["components"]}):
        assert not schema.keys() & {"anyOf", "allOf", "not", "const"}, schema
        if "oneOf" in schema and "discriminator" not in schema:
            assert [option.keys() for option in schema["oneOf"]] == [{"$ref"}, {"type"}], "an object, or null"
        assert schema.get("additionalProperties") is not False, "it makes a map of it"
        assert "enum" not in schema or "type" in schema, schema
        if "integer" in schema.get("type", "") and "enum" not in schema:
            assert "format" in schema or abs(schema["maximum"]) < 2**31, schema


async def test_every_good_answer_has_a_schema_with_a_name_and_one_for_all_of_its_operation(idle: Rest) -> None:
    for methods in (await the_document(idle))["paths"].values():
        for operation in methods.values():
            good = [response for status, response in operation["responses"].items() if status.startswith("2")]
            schemas = [response["content"].get("application/json", {}).get("schema", {}) for response in good]
            names = {schema.get("$ref") for schema in schemas}
            assert len(names) == 1, operation["operationId"]
            if any(parameter["name"] == "X-Request-ID" for parameter in operation["parameters"]) and schemas[0]:
                assert names != {None}, operation["operationId"]


@pytest.mark.parametrize("cursor", ["", "a", "not a cursor", "MTI=", "a!b", "x" * 1_361])
async def test_what_is_no_cursor_in_the_document_is_none(idle: Rest, cursor: str) -> None:
    parameters = (await the_document(idle))["paths"]["/api/messages"]["get"]["parameters"]
    schema = next(parameter["schema"] for parameter in parameters if parameter["name"] == "cursor")
    assert re.search(schema["pattern"], cursor) is None
    answer = await idle.client.get("/api/messages", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "cursor")


async def test_a_cursor_that_we_give_is_one_in_the_document(rest: Rest) -> None:
    for _ in range(2):
        await rest.post(ASYNC, TEXT)
    parameters = (await the_document(rest))["paths"]["/api/messages"]["get"]["parameters"]
    schema = next(parameter["schema"] for parameter in parameters if parameter["name"] == "cursor")
    cursor = (await rest.get("/api/messages?limit=1")).json()["data"]["nextCursor"]
    assert re.search(schema["pattern"], cursor)
    assert (await rest.get(f"/api/messages?limit=1&cursor={cursor}")).status_code == 200


async def test_every_parameter_of_a_path_says_what_it_looks_like(idle: Rest) -> None:
    for path, methods in (await the_document(idle))["paths"].items():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path":
                    assert parameter["schema"].keys() & {"pattern", "maxLength"}, path


@pytest.mark.parametrize("path", ["recent", "callbacks/11010"])
async def test_a_guid_of_callbacks_is_as_long_as_the_document_says(idle: Rest, path: str) -> None:
    assert (await idle.get(f"/api/callbacks/{'g' * 255}/{path}")).status_code == 200
    answer = await idle.get(f"/api/callbacks/{'g' * 256}/{path}")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "guid")


@pytest.mark.parametrize(
    "changes",
    [
        {"accountId": "a"},
        {"guid": None, "accountId": None},
        {"messageType": "QUOTE", "quoteContent": "x"},
        {"messageType": "QUOTE", "quoteMessageId": None},
        {"messageType": "TEXTS"},
    ],
)
async def test_fields_that_depend_on_each_other_are_described(idle: Rest, changes: dict[str, Any]) -> None:
    document = await the_document(idle)
    schema = {"$ref": "#/components/schemas/SendRequest"}
    conforms(TEXT, schema, document)
    with pytest.raises(AssertionError):
        conforms(TEXT | changes, schema, document)
    with pytest.raises(RequestRejected):
        parse_send(idle.client.build_request("POST", "/", json=TEXT | changes).content, limits=Limits(), now=NOW)
