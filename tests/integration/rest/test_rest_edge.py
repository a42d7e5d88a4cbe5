import dataclasses
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from litestar.testing import AsyncTestClient
from litestar.types import Receive, Scope, Send
from tests.support.apps.guxing_app import running
from tests.support.apps.rest import ASYNC, SEND, TEXT, Rest, serving

from wework_message.application.api import Application
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config, HttpExchange
from wework_message.entrypoints.rest.edge import Edge
from wework_message.entrypoints.rest.http.envelope import Answer

OLD = ["/messages", "/providers", "/callbacks/g/recent"]


@pytest.mark.parametrize("path", OLD)
async def test_every_address_serves_the_same(idle: Rest, path: str) -> None:
    answers = [await idle.get(prefix + path) for prefix in ("/message/api", "/api", "", "/message")]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({str(answer.json()["data"]) for answer in answers}) == 1
    assert len({exchange.route for exchange in idle.exchanges}) == 1


async def test_another_context_path_and_none() -> None:
    async with serving(context_path="/") as rest:
        assert (await rest.get("/api/health")).status_code == 200
        assert (await rest.get("/message/api/health")).status_code == 404
    async with serving(context_path="/a/b") as rest:
        assert (await rest.get("/a/b/api/health")).status_code == 200
        assert (await rest.get("/a/bc/api/health")).status_code == 404
    async with serving(context_path="/api") as rest:
        assert (await rest.get("/api/api/messages")).status_code == 200
        assert (await rest.get("/api/messages")).status_code == 200


async def test_a_link_leads_back_the_way_the_client_came(idle: Rest) -> None:
    for prefix, start in (("/message/api", "/message/api/"), ("/api", "/api/"), ("", "/api/")):
        url = (await idle.post(f"{prefix}/messages/send/async", TEXT)).json()["data"]["statusUrl"]
        assert url.startswith(start)
        assert (await idle.get(url)).status_code == 200


@pytest.mark.parametrize("path", ["/api/health", "/nothing", "/api/messages/send", "/actuator/health"])
async def test_a_request_id_is_taken_in_and_given_back_everywhere(idle: Rest, path: str) -> None:
    answer = await idle.get(path, headers={"X-Request-ID": "caller-7"})
    assert answer.headers["x-request-id"] == "caller-7"
    assert answer.json().get("requestId", "caller-7") == "caller-7"
    assert idle.exchanges[-1].request_id == "caller-7"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/health", None),
        ("GET", "/actuator/health", None),
        ("GET", "/nothing", None),
        ("GET", "/api/messages/none", None),
        ("PUT", "/api/messages", None),
        ("POST", SEND, "{"),
        ("POST", ASYNC, "{}"),
        ("GET", "/swagger-ui.html", None),
        ("GET", "/swagger-ui/swagger-ui.css", None),
        ("GET", "/v3/api-docs", None),
        ("OPTIONS", "/api/messages", None),
    ],
)
async def test_no_answer_is_guessed_to_be_of_another_type_or_shown_in_a_frame(
    idle: Rest, method: str, path: str, body: str | None
) -> None:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    answer = await idle.client.request(method, path, content=body, headers=headers)
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert "frame-ancestors 'none'" in answer.headers.get_list("content-security-policy")


@pytest.mark.parametrize("sent_id", [None, "", "x" * 129, "two words", "tab\t", "ü"])
async def test_a_request_id_is_made_where_none_is_given(idle: Rest, sent_id: str | None) -> None:
    headers = {} if sent_id is None else {"X-Request-ID": sent_id.encode()}
    first, second = [(await idle.get("/api/health", headers=headers)).headers["x-request-id"] for _ in range(2)]
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize(
    ("method", "path", "reported"),
    [
        ("GET", "/message/api/messages/some-id/status?wait=0", ("GET", "/api/messages/{message_id}/status", 404)),
        ("POST", "/messages/send", ("POST", "/api/messages/send", 400)),
        ("GET", "/nothing", ("GET", "UNMATCHED", 404)),
        ("BREW", "/api/health", ("OTHER", "UNMATCHED", 405)),
    ],
)
async def test_each_request_is_reported_once_by_its_template(
    idle: Rest, method: str, path: str, reported: tuple[str, str, int]
) -> None:
    await idle.client.request(method, path)
    (exchange,) = idle.exchanges
    assert (exchange.method, exchange.route, exchange.status) == reported
    assert exchange.seconds >= 0


async def test_an_error_is_reported_with_its_code_and_what_it_is_about(rest: Rest) -> None:
    message_id = await rest.sent()
    await rest.get("/nothing")
    await rest.post(f"/api/messages/{message_id}/cancel", {})
    of_sending, unmatched, cancelled = [exchange.problem for exchange in rest.exchanges]
    assert of_sending is None
    assert unmatched == {"error": "NOT_FOUND", "tenantId": "default"}
    assert cancelled == {"error": "ILLEGAL_STATE", "messageId": message_id, "tenantId": "default"}


async def test_an_unforeseen_error_is_500_without_detail_and_logged_without_content(
    idle: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> Any:
        raise RuntimeError("a detail")

    application = dataclasses.replace(idle.in_memory_app.application, accept=broken)  # type: ignore[arg-type] # a bug to come
    app = create_app(application, Config(version="0.1.0"))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # httpx knows no scope types
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        with caplog.at_level(logging.ERROR):
            answer = await client.post(SEND, json=TEXT, headers={"X-Request-ID": "r-1"})
    body = answer.json()
    assert (answer.status_code, body["error"], body["message"]) == (500, "INTERNAL", "internal error")
    assert "detail" not in answer.text
    assert "r-1" in caplog.text
    assert TEXT["content"] not in caplog.text


async def test_a_host_that_is_none_is_400(idle: Rest) -> None:
    answer = await idle.get("/api/health", headers={"Host": "a b"})
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")


async def test_options_names_the_methods(idle: Rest) -> None:
    answer = await idle.client.options("/api/messages/send")
    assert (answer.status_code, answer.headers["allow"]) == (204, "OPTIONS, POST")


@pytest.mark.parametrize("hot", [True, False])
async def test_a_hot_route_is_the_same_past_the_framework_and_through_it(idle: Rest, hot: bool) -> None:
    if not hot:
        idle.app._hot = {}
    answer = await idle.post(ASYNC, TEXT)
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "QUEUED")
    assert idle.exchanges[-1].route == "/api/messages/send/async"
    assert (await idle.post(ASYNC, {})).json()["error"] == "VALIDATION_FAILED"


async def test_an_application_can_be_opened_and_closed_with_the_server() -> None:
    closed: list[bool] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[Application]:
        async with running() as behind:
            yield behind.application
        closed.append(True)

    exchanges: list[HttpExchange] = []
    app = create_app(opening, Config(version="0.1.0", observe=exchanges.append))
    before = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")  # type: ignore[arg-type] # httpx knows no scope types
    async with before:
        assert (await before.get("/api/health")).status_code == 503
        assert (await before.get("/actuator/health/liveness")).status_code == 200
    async with AsyncTestClient(app) as client:
        assert (await client.post(SEND, json=TEXT)).status_code == 200
        assert not closed
    assert closed
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as after:  # type: ignore[arg-type] # httpx knows no scope types
        assert (await after.get("/api/health")).status_code == 503


async def test_a_framework_that_fails_itself_is_500_too() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("a detail")

    transport = httpx.ASGITransport(Edge(broken, Config(version="0.1.0")))  # type: ignore[arg-type] # httpx knows no scope types
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.get("/api/health")
    assert (answer.status_code, answer.json()["error"]) == (500, "INTERNAL")


async def test_an_answer_that_has_begun_is_not_answered_again() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await Answer(200, b"{}")(scope, receive, send)
        raise RuntimeError("a detail")

    exchanges: list[HttpExchange] = []
    transport = httpx.ASGITransport(Edge(broken, Config(version="0.1.0", observe=exchanges.append)))  # type: ignore[arg-type] # httpx knows no scope types
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        with pytest.raises(RuntimeError):
            await client.get("/api/health")
    assert [exchange.status for exchange in exchanges] == [200]
