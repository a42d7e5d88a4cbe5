"""Every route with every scope: default deny (ADR 69)."""

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from tests.support.apps.credentials import CREDENTIALS, bearer
from tests.support.apps.rest import Rest, empty_metrics, serving

from wework_message.domain.access.principal import Principal, PrincipalKind
from wework_message.domain.access.scopes import Scope
from wework_message.entrypoints.rest.api import caller_of
from wework_message.entrypoints.rest.config import Config, Credentials
from wework_message.entrypoints.rest.edge import Edge
from wework_message.entrypoints.rest.http.routing import PUBLIC, SCOPE, get
from wework_message.entrypoints.rest.routes import served

ROUTES: Final = {
    f"{method} {path}": (method, path, handler.opt[SCOPE])
    for handler in served(Config(version="0", metrics=empty_metrics))
    for path in handler.paths
    for method in sorted(handler.http_methods)
}
PROTECTED: Final = {name: route for name, route in ROUTES.items() if route[2] is not PUBLIC}

PUBLIC_ROUTES: Final = {
    "/api/health", "/actuator/health", "/actuator/health/readiness", "/actuator/health/liveness", "/actuator/info",
    "/v3/api-docs", "/swagger-ui.html", "/swagger-ui/{asset:str}",
    "/api/callbacks/webhook", "/api/callbacks/webhook/{provider_code:str}",
}  # fmt: skip
"""What asks nobody for a key. A new one is a decision: it belongs into docs/security.md."""


@pytest.fixture
async def locked() -> AsyncIterator[Rest]:
    """Nothing is sent, and everybody needs a key."""
    async with serving(dispatching=False, credentials=CREDENTIALS, open_metrics=False, metrics=empty_metrics) as rest:
        yield rest


def address(path: str) -> str:
    return path.replace(":str", "").replace("{", "").replace("}", "")


def test_only_these_routes_ask_nobody_for_a_key() -> None:
    public = {path for method, path, scope in ROUTES.values() if scope is PUBLIC and method != "OPTIONS"}
    assert public == PUBLIC_ROUTES


def test_each_scope_is_that_of_a_route() -> None:
    assert {scope for *_, scope in PROTECTED.values()} == set(Scope)


def test_a_route_without_a_scope_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="scope"):
        get("/api/new")  # type: ignore[call-arg]


def test_a_route_that_was_made_past_the_decorators_answers_nobody() -> None:
    assert all(SCOPE in handler.opt for handler in served(Config(version="0")))
    assert SCOPE not in HTTPRouteHandler("/api/new", http_method="GET").opt


@pytest.mark.parametrize("needed", sorted({scope for *_, scope in PROTECTED.values()}))
async def test_a_route_lets_in_who_has_its_scope_and_nobody_else(locked: Rest, needed: Scope) -> None:
    for name, (method, path, scope) in PROTECTED.items():
        if scope is not needed:
            continue

        async def status(method: str = method, path: str = path, **headers: str) -> int:
            return (await locked.client.request(method, address(path), headers=headers)).status_code

        assert await status() == await status(**bearer("wrong")) == 401, name
        assert {await status(**bearer(f"only-{other}")) for other in Scope if other is not needed} == {403}, name
        assert await status(**bearer(f"all-but-{needed}")) == 403, name
        for right in (bearer(f"only-{needed}"), {"X-API-Key": f"only-{needed}"}, bearer("slow")):
            assert await status(**right) not in {401, 403, 500}, name
    assert locked.in_memory_app.stored() == 0


async def test_a_public_route_does_not_even_look_at_a_key(locked: Rest) -> None:
    for name, (method, path, scope) in ROUTES.items():
        if scope is PUBLIC:
            for headers in ({}, bearer("wrong"), {"Authorization": "Basic eDp5"}, bearer("everything")):
                answer = await locked.client.request(method, address(path), headers=headers)
                assert answer.status_code not in {401, 403, 500}, name


async def test_metrics_are_public_unless_a_setting_asks_for_the_scope() -> None:
    async with serving(dispatching=False, credentials=CREDENTIALS, metrics=empty_metrics) as rest:
        assert (await rest.get("/actuator/prometheus")).status_code == 200


@pytest.mark.parametrize(("credentials", "kind"), [(None, PrincipalKind.OPEN), (CREDENTIALS, PrincipalKind.NOBODY)])
async def test_who_has_proved_nothing_is_nobody_where_keys_are_needed(
    credentials: Credentials | None, kind: PrincipalKind
) -> None:
    """So a handler of a public route that asks for the caller's things sees none."""
    seen: list[Principal] = []

    async def inside(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(caller_of(scope))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    transport = httpx.ASGITransport(Edge(inside, Config(version="0", credentials=credentials)))  # type: ignore[arg-type] # httpx knows no scope types
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        await client.get("/api/health", headers=bearer("everything"))
    (caller,) = seen
    assert (caller.kind, caller.is_operator) == (kind, credentials is None)
    assert bool(caller.scopes) is (credentials is None)


@pytest.mark.parametrize("prefix", ["/message/api", "/api", "/message", ""])
async def test_no_spelling_of_a_path_passes_by(locked: Rest, prefix: str) -> None:
    for path in ("/messages", "/messages/x/status", "/providers"):
        assert (await locked.get(prefix + path)).status_code == 401
    assert (await locked.post(f"{prefix}/messages/send", {})).status_code == 401
    assert (await locked.post(f"{prefix}/messages/send/async", {})).status_code == 401


async def test_every_route_of_the_application_has_a_scope(locked: Rest) -> None:
    """Also those that Litestar adds by itself."""
    assert isinstance(locked.app.app, Litestar)
    for route in locked.app.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            assert SCOPE in handler.opt, route.path
