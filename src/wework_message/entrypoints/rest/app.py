"""The API as one ASGI application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from typing import Any, TypeAlias

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope, Receive

from wework_message.application.api import Application
from wework_message.entrypoints.rest.api import Api, Running, caller_of
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.edge import Edge, HotRoute, edge_of
from wework_message.entrypoints.rest.http.auditing import begin_audit, refusal_of
from wework_message.entrypoints.rest.http.authorization import Authorization, unasked
from wework_message.entrypoints.rest.http.envelope import Answer
from wework_message.entrypoints.rest.http.problems import ExceptionHandler
from wework_message.entrypoints.rest.http.query_parameters import check_parameters
from wework_message.entrypoints.rest.http.request_body import HotRequest
from wework_message.entrypoints.rest.http.routing import AUDIT, NOT_AUDITED
from wework_message.entrypoints.rest.openapi import document
from wework_message.entrypoints.rest.routes import served

OpensApplication: TypeAlias = Callable[[], AbstractAsyncContextManager[Application]]
"""Opens the use cases in the serving loop and closes them at its end."""

Admit: TypeAlias = Callable[[HTTPScope, HTTPRouteHandler], Awaitable[None]]
"""Lets a request pass to its handler, or raises why not."""


BeginAudit: TypeAlias = Callable[[Request[Any, Any, Any]], Awaitable[None]]


def create_app(application: Application | OpensApplication, config: Config) -> Edge:
    """The ASGI application; an `OpensApplication` is entered at the lifespan's start and left at its end.

    `Edge.app` is the Litestar application inside.
    """
    running = Running(application if isinstance(application, Application) else None)
    api = Api(config, cache(partial(document, config)), running)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        if isinstance(application, Application):
            yield
            return
        async with application() as opened:
            running.application = opened
            yield
        running.application = None

    def api_of_caller(request: Request[Any, Any, Any]) -> Api:
        return api.of(caller_of(request.scope))

    def refused(scope: HTTPScope, error: Exception) -> None:
        if running.application is not None:
            running.application.audit.refusals.refused(refusal_of(scope, error, config.trusted_proxies))

    async def begin(request: Request[Any, Any, Any]) -> None:
        await begin_audit(
            request, lambda: api.application.audit.trail, caller_of(request.scope), config.trusted_proxies
        )

    admit = _admitting(config, refused)

    litestar = Litestar(
        route_handlers=served(config),
        dependencies={"api": Provide(api_of_caller, sync_to_thread=False)},
        before_request=_before(admit, begin),
        exception_handlers={Exception: ExceptionHandler(config.now)},
        state=State({"now": config.now}),
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    hot = {
        route.path_format: _short_way(api, admit, route.path_format, handler)
        for route in litestar.routes
        for handler in getattr(route, "route_handlers", ())
        if handler.opt.get("hot")
    }
    return edge_of(litestar, config, hot)


def _admitting(config: Config, refused: Callable[[HTTPScope, Exception], None]) -> Admit | None:
    """What every request passes before its handler: who calls, then how much it may. None where nobody has to show a key, without limits."""
    limits = config.request_limits
    if config.credentials is None:
        return None if limits is None else limits.admission(open_mode=True)
    authorization = Authorization(config.credentials, unasked(config), refused, limits)
    if limits is None:
        return authorization.admit

    async def admit(scope: HTTPScope, handler: HTTPRouteHandler) -> None:
        await authorization.admit(scope, handler)
        await limits.admit(scope, handler)

    return admit


def _before(admit: Admit | None, begin: BeginAudit) -> BeginAudit:
    """What Litestar does before each handler: who calls comes first, so nobody learns from a refused parameter; the audit trail last."""

    async def check(request: Request[Any, Any, Any]) -> None:
        if admit is not None:
            await admit(request.scope, request.route_handler)
        await check_parameters(request)
        if request.route_handler.opt.get(AUDIT, NOT_AUDITED) is not NOT_AUDITED:
            await begin(request)

    return check


def _short_way(api: Api, admit: Admit | None, path: str, handler: HTTPRouteHandler) -> HotRoute:
    """The way of a hot route past Litestar's routing, binding and response handling; the edge handles its errors, as all others."""
    handle = handler.fn

    def call(scope: HTTPScope, receive: Receive) -> Awaitable[Answer]:
        scope["path_template"] = path
        answer: Awaitable[Answer] = handle(api=api.of(caller_of(scope)), request=HotRequest(scope, receive))
        return answer

    if admit is None:
        return call

    async def admitted(scope: HTTPScope, receive: Receive) -> Answer:
        scope["path_template"] = path
        await admit(scope, handler)
        return await call(scope, receive)

    return admitted
