"""GET providers: as configured, as observed, as counted (D-48)."""

from bisect import bisect_right
from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

from wework_message.domain.access.scopes import Scope
from wework_message.domain.ids import AccountId
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.envelope import Enveloped
from wework_message.entrypoints.rest.http.query_parameters import Cursor, Limit, Name, cursor_name, next_cursor
from wework_message.entrypoints.rest.http.routing import errors, get
from wework_message.entrypoints.wire.answers.providers import (
    ClientStatusAnswer,
    LoneAccountPage,
    ProviderAnswer,
    ProviderHealthAnswer,
    ProvidersStats,
    lone_account,
    provider_answer,
    provider_health,
    providers_stats,
)


@get("/api/providers", scope=Scope.PROVIDERS_READ, summary="All providers")
async def list_providers(api: ApiDependency) -> list[ProviderAnswer]:
    """All providers, in the order of the configuration; a bare array, as Java had it."""
    queries = api.application.providers
    return [provider_answer(view) for view in await queries.counted(*queries.all())]


@get("/api/providers/default", scope=Scope.PROVIDERS_READ, summary="The default provider", responses=errors(404))
async def get_default_provider(api: ApiDependency) -> ProviderAnswer:
    """The healthy one with the smallest priority. Where none is healthy: one that nothing is known of, then one that is down."""
    queries = api.application.providers
    (view,) = await queries.counted(queries.default())
    return provider_answer(view)


@get("/api/providers/health", scope=Scope.PROVIDERS_READ, summary="Health by code")
async def get_providers_health(api: ApiDependency) -> dict[str, bool | None]:
    """Code and health of each; null until something was observed."""
    return {view.provider.code: view.health.healthy for view in api.application.providers.all()}


@get("/api/providers/stats", scope=Scope.PROVIDERS_READ, summary="Finished calls by provider")
async def get_providers_stats(api: ApiDependency) -> ProvidersStats:
    """Stored counts of every provider's finished calls."""
    queries = api.application.providers
    return providers_stats(await queries.counted(*queries.all()), await queries.stats())


@get("/api/providers/{provider_code:str}", scope=Scope.PROVIDERS_READ, summary="One provider", responses=errors(404))
async def get_provider(api: ApiDependency, provider_code: Name) -> ProviderAnswer:
    """One provider."""
    queries = api.application.providers
    (view,) = await queries.counted(queries.get(provider_code))
    return provider_answer(view)


@get(
    "/api/providers/{provider_code:str}/health",
    scope=Scope.PROVIDERS_READ,
    summary="One provider's health",
    responses=errors(404),
)
async def get_provider_health(api: ApiDependency, provider_code: Name) -> ProviderHealthAnswer:
    """One provider's health."""
    return provider_health(api.application.providers.get(provider_code))


@get(
    "/api/providers/{provider_code:str}/accounts-without-sibling",
    scope=Scope.ACCOUNTS_READ,
    summary="Accounts that have nothing to fail over to",
    responses=errors(404, 422),
)
async def list_accounts_without_sibling(
    api: ApiDependency, provider_code: Name, limit: Limit = 50, cursor: Cursor = None
) -> LoneAccountPage:
    """The accounts whose only usable binding is at this provider, by id."""
    after = cursor_name(cursor)
    page = await api.application.providers.without_sibling(
        api.tenant_id, provider_code, limit=limit, after=None if after is None else AccountId(after)
    )
    following = None if page.following is None else next_cursor(page.following)
    return LoneAccountPage(tuple(map(lone_account, page.bindings)), following)


WithoutAccount: TypeAlias = Annotated[
    bool,
    QueryParameter(name="withoutAccount", description="Only those that no registered account has a binding to."),
]


@get(
    "/api/providers/{provider_code:str}/clients",
    scope=Scope.PROVIDERS_ADMIN,
    summary="The guids of all instances at a provider",
    responses=errors(404, 422, 501),
)
async def list_provider_clients(
    api: ApiDependency,
    provider_code: Name,
    without_account: WithoutAccount = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Enveloped[list[str]]:
    """As the provider lists them now, sorted; a bare array, as Java had it. 501 where the protocol has no such list."""
    guids = list(await api.application.clients.list(provider_code, without_account=without_account))
    after = cursor_name(cursor)
    start = 0 if after is None else bisect_right(guids, after)
    page: list[str] = [*guids[start : start + limit]]
    more = len(guids) > start + limit
    return Enveloped(page, headers={"x-next-cursor": next_cursor(page[-1])} if more else {})


@get(
    "/api/providers/{provider_code:str}/clients/{guid:str}/status",
    scope=Scope.PROVIDERS_ADMIN,
    summary="Whether an instance is online",
    responses=errors(404, 501),
)
async def get_client_status(api: ApiDependency, provider_code: Name, guid: Name) -> ClientStatusAnswer:
    """As the provider says now. At some providers a question about a stopped instance starts its login."""
    return ClientStatusAnswer(guid=guid, state=await api.application.clients.state(provider_code, guid))
