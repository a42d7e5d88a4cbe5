"""The API as one ASGI application."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any, TypeAlias

from litestar import Litestar, Request
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from wework_message.application.api import Application
from wework_message.entrypoints.rest.api import Api
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.documented import Route
from wework_message.entrypoints.rest.edge import Edge
from wework_message.entrypoints.rest.envelope import OK, encode
from wework_message.entrypoints.rest.openapi import document
from wework_message.entrypoints.rest.problems import ExceptionHandler
from wework_message.entrypoints.rest.routes import routes

Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[Application]]
"""Opens the use cases in the serving loop and closes them at its end."""


def create_app(application: Application | Opening, config: Config) -> Edge:
    """The ASGI application; an `Opening` is entered at the lifespan's start and left at its end.

    `Edge.app` is the Litestar application inside.
    """
    table = tuple(routes(config))
    api = Api(config, _document(table, config), application if isinstance(application, Application) else None)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        if isinstance(application, Application):
            yield
            return
        async with application() as running:
            api.running = running
            yield
        api.running = None

    litestar = Litestar(
        route_handlers=[_handler(api, route) for route in table],
        exception_handlers={Exception: ExceptionHandler(config.now)},
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return Edge(litestar, config, {route.path: _shortcut(api, route) for route in table if route.hot})


def _shortcut(api: Api, route: Route) -> ASGIApp:
    """The way of a hot route past Litestar's routing and response handling; its errors are the edge's, as all are."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path_template"] = route.path
        answer = await route.handle(api, Request(scope, receive, send))
        await answer(scope, receive, send)

    return call


def _document(table: Sequence[Route], config: Config) -> Callable[[str], bytes]:
    """Made at the first question, once per prefix (there are two)."""

    @cache
    def made(prefix: str) -> bytes:
        return encode(document(table, version=config.version, prefix=prefix))

    return made


def _handler(api: Api, route: Route) -> HTTPRouteHandler:
    async def endpoint(request: Request[Any, Any, Any]) -> ASGIApp:
        return await route.handle(api, request)

    return HTTPRouteHandler(
        route.path,
        http_method=[HttpMethod(route.method), HttpMethod.HEAD] if route.method == "GET" else HttpMethod(route.method),
        name=f"{route.method} {route.path}",
        opt={"route": route},
        status_code=OK,  # the answer brings its own
        include_in_schema=False,
    )(endpoint)
