"""GET providers: as configured, as observed, as counted (D-48)."""

from wework_message.application.errors import NotImplementedYetError
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.query_parameters import Name
from wework_message.entrypoints.rest.http.routing import errors, get
from wework_message.entrypoints.wire.answers.providers import (
    ProviderAnswer,
    ProviderHealthAnswer,
    ProvidersStats,
    provider_answer,
    provider_health,
    providers_stats,
)


@get("/api/providers", summary="All providers")
async def list_providers(api: ApiDependency) -> list[ProviderAnswer]:
    """All providers, in the order of the configuration; a bare array, as Java had it."""
    return [provider_answer(view) for view in api.application.providers.all()]


@get("/api/providers/default", summary="The default provider", responses=errors(404))
async def get_default_provider(api: ApiDependency) -> ProviderAnswer:
    """The enabled one with the smallest priority, healthy or not."""
    return provider_answer(api.application.providers.default())


@get("/api/providers/health", summary="Health by code")
async def get_providers_health(api: ApiDependency) -> dict[str, bool | None]:
    """Code and health of each; null until something was observed."""
    return {view.provider.code: view.health.healthy for view in api.application.providers.all()}


@get("/api/providers/stats", summary="Finished calls by provider")
async def get_providers_stats(api: ApiDependency) -> ProvidersStats:
    """Stored counts of every provider's finished calls."""
    queries = api.application.providers
    return providers_stats(queries.all(), await queries.stats())


@get("/api/providers/{provider_code:str}", summary="One provider", responses=errors(404))
async def get_provider(api: ApiDependency, provider_code: Name) -> ProviderAnswer:
    """One provider."""
    return provider_answer(api.application.providers.get(provider_code))


@get("/api/providers/{provider_code:str}/health", summary="One provider's health", responses=errors(404))
async def get_provider_health(api: ApiDependency, provider_code: Name) -> ProviderHealthAnswer:
    """One provider's health."""
    return provider_health(api.application.providers.get(provider_code))


@get(
    "/api/providers/{provider_code:str}/clients",
    summary="The guids at a provider (not in this version)",
    responses=errors(404, 501),
)
async def list_provider_clients(api: ApiDependency, provider_code: Name) -> None:
    """The guids at a provider; a later version asks for them."""
    api.application.providers.get(provider_code)
    raise NotImplementedYetError("clients", "comes with a later version")
