"""Health, info and metrics (D-48)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import MediaType, Request, Response
from msgspec import Struct

from wework_message.application.queries.providers import ProviderView
from wework_message.application.queries.service import Backend, ServiceState
from wework_message.domain.access.scopes import Scope
from wework_message.entrypoints.rest.api import Api, ApiDependency
from wework_message.entrypoints.rest.http.envelope import OK
from wework_message.entrypoints.rest.http.media_types import accepts_openmetrics
from wework_message.entrypoints.rest.http.request_body import request_header
from wework_message.entrypoints.rest.http.routing import PLAIN, PUBLIC, answers, get
from wework_message.entrypoints.wire.answers.providers import Totals, totals
from wework_message.entrypoints.wire.instants import iso

SERVICE: Final = "wework-message"
UNAVAILABLE: Final = 503
_WORDS: Final = {True: "UP", False: "DOWN", None: "UNKNOWN"}
OUT_OF_SERVICE: Final = "OUT_OF_SERVICE"
"""Spring's word for a process that takes no new work."""


class PartHealth(Struct, frozen=True, rename="camel"):
    """One backend."""

    healthy: bool | None
    """Null where it is not used, or not observed."""
    status: str
    """UP, DOWN, UNKNOWN or NOT_CONFIGURED."""
    check_time: str
    kind: str | None = None
    """Its backend, or what is used instead, such as sqlite."""
    reason: str | None = None
    """What is wrong with it."""


class ProvidersHealth(Struct, frozen=True, kw_only=True, rename="camel"):
    """The providers as observed."""

    healthy: bool | None
    status: str
    details: Mapping[str, bool | None]
    stats: Totals
    check_time: str


class ControlHealth(Struct, frozen=True, kw_only=True, rename="camel"):
    """What operators have stopped, as this process read it last."""

    sending: bool
    """False: nothing at all is sent."""
    paused: Mapping[str, int]
    """How many things are paused, by scope."""


class Health(Struct, frozen=True, kw_only=True, rename="camel"):
    """The process and its parts; Java's names."""

    service: str
    status: str
    timestamp: str
    draining: bool
    role: str
    """The work of this process: all, accepting, consuming."""
    oldest_due_seconds: float | None
    """For how long the oldest due message of the database waits to be claimed; 0 = none waits."""
    parts: Mapping[str, str]
    database: PartHealth
    redis: PartHealth
    rocketmq: PartHealth
    workers: PartHealth
    """The processes of this service, where there are several: DOWN while one of them does not work."""
    providers: ProvidersHealth
    control: ControlHealth


class Component(Struct, frozen=True, omit_defaults=True):
    """One part, as Spring's actuator reports it."""

    status: str
    details: Mapping[str, int] = {}
    """How many things are paused, by scope; absent where nothing is."""


class ActuatorHealth(Struct, frozen=True, omit_defaults=True):
    """Spring's shape."""

    status: str
    components: Mapping[str, Component] = {}


class AppInfo(Struct, frozen=True):
    """What runs."""

    name: str
    version: str


class Info(Struct, frozen=True):
    """Spring's shape."""

    app: AppInfo
    simulated: bool
    """Whether an enabled provider is our own simulator."""


@get("/api/health", scope=PUBLIC, summary="The process and its parts; 200 while it lives")
async def get_health(api: ApiDependency) -> Health:
    """200 while the process lives; the body says what is wrong."""
    service, now = api.application.service, iso(api.config.now())
    problem, oldest_due_s = await asyncio.gather(service.database_problem(), service.oldest_due_s())
    up = problem is None
    database = ServiceState.UP if up else ServiceState.DOWN
    status = OUT_OF_SERVICE if service.out_of_service else database.value
    return Health(
        service=SERVICE,
        status=status,
        timestamp=now,
        draining=service.out_of_service,
        role=service.role.value,
        oldest_due_seconds=oldest_due_s if up else None,
        parts={name: part.kind for name, part in service.parts.items()},
        database=PartHealth(up, database.value, now, _kind(service.parts.get("database")), problem),
        redis=_part(service.parts.get("cache"), now),
        rocketmq=_part(service.parts.get("queue"), now),
        workers=_part(service.parts.get("workers"), now),
        providers=_providers(api.application.providers.all(), now),
        control=ControlHealth(
            sending=not api.application.pauses.shows_all, paused=api.application.pauses.latest.counts
        ),
    )


def _part(part: Backend | None, now: str) -> PartHealth:
    if part is None or not part.server:
        return PartHealth(None, "NOT_CONFIGURED", now, _kind(part))
    condition = part.condition()
    return PartHealth(condition.healthy, _WORDS[condition.healthy], now, part.kind, condition.reason)


def _kind(part: Backend | None) -> str | None:
    return part.kind if part is not None else None


def _providers(views: Sequence[ProviderView], now: str) -> ProvidersHealth:
    observed = [view.health.healthy for view in views if view.provider.enabled and view.health.healthy is not None]
    healthy = any(observed) if observed else None
    return ProvidersHealth(
        healthy=healthy,
        status=_WORDS[healthy],
        details={view.provider.code: view.health.healthy for view in views},
        stats=totals(views),
        check_time=now,
    )


_READINESS: Final = PLAIN | {
    "summary": "503 without a database that can be written, or while draining",
    "responses": answers({UNAVAILABLE: ActuatorHealth}),
}


@get("/actuator/health", scope=PUBLIC, **_READINESS)
async def get_actuator_health(api: ApiDependency) -> Response[ActuatorHealth]:
    """As readiness."""
    return await _readiness(api)


@get("/actuator/health/readiness", scope=PUBLIC, **_READINESS)
async def get_readiness(api: ApiDependency) -> Response[ActuatorHealth]:
    """503 when the store does not answer or the process drains."""
    return await _readiness(api)


async def _readiness(api: Api) -> Response[ActuatorHealth]:
    service = api.application.service
    database = await service.database()
    status = OUT_OF_SERVICE if service.out_of_service else database.value
    components = {"db": Component(database.value), "ping": Component("UP")}
    if (workers := service.parts.get("workers")) is not None:  # shown, not decisive: the others take the connections
        components["workers"] = Component(_WORDS[workers.condition().healthy])
    if paused := {scope: count for scope, count in api.application.pauses.latest.counts.items() if count}:
        components["control"] = Component("UP", paused)  # it works: that nothing is sent is what an operator wants
    ready = status == ServiceState.UP
    return Response(ActuatorHealth(status, components), status_code=OK if ready else UNAVAILABLE)


@get("/actuator/health/liveness", scope=PUBLIC, summary="The process answers", **PLAIN)
async def get_liveness() -> ActuatorHealth:
    """The process answers."""
    return ActuatorHealth("UP")


@get("/actuator/info", scope=PUBLIC, summary="Version", **PLAIN)
async def get_info(api: ApiDependency) -> Info:
    """Version, and whether anything is simulated."""
    providers = api.application.policy.providers.values()
    simulated = any(provider.simulated for provider in providers if provider.enabled)
    return Info(AppInfo(SERVICE, api.config.version), simulated)


@get("/actuator/prometheus", scope=Scope.METRICS, summary="Metrics", media_type=MediaType.TEXT, **PLAIN)
async def get_metrics(api: ApiDependency, request: Request[Any, Any, Any]) -> Response[bytes]:
    """The Prometheus exposition; where traces are recorded, OpenMetrics with exemplars for those who accept it."""
    if api.config.metrics is None:
        raise RuntimeError("the route exists only where there is a renderer")
    if api.config.metrics_with_traces is not None and accepts_openmetrics(request_header(request, b"accept")):
        body, content_type = api.config.metrics_with_traces()
    else:
        body, content_type = await api.config.metrics()
    return Response(body, headers={"content-type": content_type})
