"""GET providers: as configured, as observed, as counted (decision 48)."""

from typing import Any

from litestar import Request

from wework_message.application.errors import NotImplementedYetError
from wework_message.entrypoints.rest.api import Api
from wework_message.entrypoints.rest.envelope import Answer
from wework_message.entrypoints.wire.provider_answers import provider_answer, provider_health, providers_stats


async def providers(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """All, in the order of the configuration; a bare array, as Java had it."""
    return api.answer(request, [provider_answer(view) for view in api.application.providers.all()])


async def provider(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """One."""
    return api.answer(request, provider_answer(api.application.providers.one(request.path_params["provider_code"])))


async def default(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """The enabled one with the smallest priority, healthy or not."""
    return api.answer(request, provider_answer(api.application.providers.default()))


async def health(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Code and health of each; null until something was observed."""
    views = api.application.providers.all()
    return api.answer(request, {view.provider.code: view.health.healthy for view in views})


async def provider_health_of(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """One provider's health."""
    return api.answer(request, provider_health(api.application.providers.one(request.path_params["provider_code"])))


async def stats(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Kept counts."""
    queries = api.application.providers
    return api.answer(request, providers_stats(queries.all(), await queries.stats()))


async def clients(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """The guids at a provider; a later version asks for them."""
    api.application.providers.one(request.path_params["provider_code"])
    raise NotImplementedYetError("clients", "comes with a later version")
