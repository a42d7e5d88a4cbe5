"""The service as one process: bind, open, serve, drain (D-36, D-38 and D-39)."""

import asyncio
import contextlib
import dataclasses
import gc
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import uvloop
from prometheus_client import CONTENT_TYPE_LATEST

from wework_message import __version__
from wework_message.adapters.observability.health_log import HealthLog
from wework_message.adapters.observability.log_observer import LoggingObserver
from wework_message.adapters.observability.logs import LogHandle, configure
from wework_message.adapters.observability.metrics import Metrics
from wework_message.adapters.observability.observer import Observers
from wework_message.adapters.observability.repeated_lines import RepeatedLines
from wework_message.adapters.system import SystemClock
from wework_message.application.access.authentication import Authentication
from wework_message.application.api import Application
from wework_message.application.role import Role
from wework_message.application.waiting import ends_within
from wework_message.bootstrap.course import Course, stop_as_worker, stop_on_signal
from wework_message.bootstrap.folders import folder_warnings
from wework_message.bootstrap.frameworks import without_frameworks
from wework_message.bootstrap.leaving import Leaving
from wework_message.bootstrap.live import take_over
from wework_message.bootstrap.measuring import metrics_and_observer, process_metrics, sample, watch_pauses
from wework_message.bootstrap.nacos.running import in_nacos
from wework_message.bootstrap.own_url import own_url
from wework_message.bootstrap.policies import answers_of, limits_of, policy_of
from wework_message.bootstrap.privileges import root_warnings
from wework_message.bootstrap.process import DRAIN_S, Process, running
from wework_message.bootstrap.request_limits import with_limits
from wework_message.bootstrap.settings import Loaded, listens_openly, require_startable, role_warnings
from wework_message.bootstrap.settings.callbacks import networks_in
from wework_message.bootstrap.settings.jwt_check import token_verifier
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.bootstrap.settings.tracing import is_traced
from wework_message.bootstrap.sockets import (
    HttpServer,
    Listeners,
    Ports,
    allow_many_files,
    connection_limits,
    held_ports,
    listening,
)
from wework_message.bootstrap.tracing import tracing
from wework_message.bootstrap.workers.link import Link, Membership
from wework_message.bootstrap.workers.start import log_settings, supervised
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config, HttpExchange
from wework_message.entrypoints.rest.edge import Edge
from wework_message.entrypoints.rest.server.limits import ConnectionLimits

YOUNG_OBJECTS: Final = 10_000
"""New objects that start a run of the garbage collection."""

PART_ENDED: Final = 70
"""Exit code of a process whose HTTP server or one of its loops ended by itself: a defect, a supervisor should start it again."""


def serve(loaded: Loaded, role: Role = Role.ALL) -> int:
    """Work until SIGTERM or SIGINT; a second one ends the process at once. Raises `SettingsError` before it opens.

    With several workers it returns in each of them, and in their supervisor at the end.
    """
    require_startable(loaded.settings, loaded.profile, role)
    allow_many_files()
    if loaded.settings.server.workers == 1:
        return _run(loaded, role)
    with held_ports(loaded, role) as ports:
        outcome = supervised(loaded, ports)
        return outcome if isinstance(outcome, int) else _run(loaded, role, ports, outcome)


def _run(loaded: Loaded, role: Role, ports: Ports | None = None, membership: Membership | None = None) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(loaded, role, ports, membership))


async def _serve(loaded: Loaded, role: Role, ports: Ports | None, membership: Membership | None) -> int:
    course = Course()
    link = None if membership is None else await _joined(membership, course)
    if link is None:
        stop_on_signal(course)
    with listening(loaded, role, ports) as listeners:
        working = asyncio.create_task(_work(loaded, listeners, role, course, link), name="service")
        stop_requested = asyncio.create_task(course.stop.wait(), name="signal")
        await asyncio.wait({working, stop_requested}, return_when=asyncio.FIRST_COMPLETED)
        stop_requested.cancel()
        if not course.opened.is_set():
            working.cancel()  # whatever the start waits for; without effect on one that failed
        with contextlib.suppress(asyncio.CancelledError):
            await working
        if link is not None:
            await link.close()
    return 0 if course.stop.is_set() else PART_ENDED


async def _joined(membership: Membership, course: Course) -> Link:
    """The link to the supervisor, whose death ends this process too."""
    stop_as_worker(course)
    link = Link(membership, course.end)
    await link.connect()
    return link


async def _work(loaded: Loaded, listeners: Listeners, role: Role, course: Course, link: Link | None) -> None:
    async with service(loaded, listeners, role, link) as parts:
        course.opened.set()
        stop_requested = asyncio.create_task(course.stop.wait(), name="signal")
        await asyncio.wait({stop_requested, *parts}, return_when=asyncio.FIRST_COMPLETED)
        stop_requested.cancel()
        course.last_timer.start()


@asynccontextmanager
async def service(
    loaded: Loaded, listeners: Listeners, role: Role, link: Link | None = None
) -> AsyncIterator[Sequence["asyncio.Task[None]"]]:
    """A whole process on bound sockets; yields the tasks of its servers and loops, which end only by a defect. Leaving it drains."""
    async with AsyncExitStack() as stack:
        settings = loaded.settings
        logs = configure(log_settings(loaded, None if link is None else link.membership))
        stack.callback(logs.close)
        config = _config(loaded, operating=listeners.api is None)
        policy = policy_of(loaded)
        traced = is_traced(settings.management.tracing, settings.management.otlp)
        metrics, counts = metrics_and_observer(config, policy, traced=traced)
        tracer = await stack.enter_async_context(tracing(settings.management, metrics.spans_dropped.inc))
        metrics.security_open.set(int(role.accepts and listens_openly(settings, loaded.profile)))
        repeated = RepeatedLines()
        await sample(stack, repeated, "repeated lines")
        observers = Observers(counts, LoggingObserver(logs, repeated))
        url = own_url(loaded, listeners.port) if role.accepts else None
        process = await stack.enter_async_context(
            running(loaded, observers, process_metrics(metrics), role=role, own_url=url, workers=link, tracer=tracer)
        )
        counts.watch_health(process.board, tuple(policy.providers))
        metrics.backends.watch_servers(process.application.service.parts)
        metrics.before_render(lambda: metrics.paused(process.application.pauses.latest.counts))
        await watch_pauses(stack, metrics)
        await sample(stack, HealthLog(logs.facts, process.board, tuple(policy.providers)), "health log")
        limits = connection_limits(settings.server.limits)
        config = _with_metrics(config, metrics, observers, link)
        if traced:
            alone = metrics.render_with_traces if link is None else None
            config = dataclasses.replace(config, tracer=tracer, metrics_with_traces=alone)
        if policy.asks_for_keys:
            tokens = token_verifier(settings.security.jwt, SystemClock())
            config = dataclasses.replace(config, credentials=Authentication(process.application.key_directory, tokens))
        if role.accepts:
            config = with_limits(config, loaded.settings, process.shared, metrics)
        servers, leaving = await _open_http(stack, config, limits, listeners, process, loaded.drain_delay_s, link)
        if link is not None:
            link.opened(metrics.snapshot)
        take_settings = partial(
            take_over, role=role, process=process, limits=config.request_limits if role.accepts else None, logs=logs
        )
        nacos = in_nacos(loaded, take_settings, metrics.backends.watch_servers, _listed(listeners, role, link))
        nacos_tasks = await stack.enter_async_context(nacos)
        _log_start(logs, loaded, listeners, role)
        _freeze_memory()
        stack.callback(_begin_to_leave, leaving, logs, loaded.drain_delay_s)  # first: Nacos may take seconds to answer
        yield [*(server.task for server in servers), *process.tasks, *nacos_tasks]


def _listed(listeners: Listeners, role: Role, link: Link | None) -> Listeners | None:
    """What this process registers: of several workers the first one does, for all."""
    return listeners if role.accepts and (link is None or link.membership.number == 1) else None


async def _open_http(
    stack: AsyncExitStack,
    config: Config,
    limits: ConnectionLimits,
    listeners: Listeners,
    process: Process,
    delay_s: float,
    link: Link | None,
) -> tuple[Sequence[HttpServer], Leaving]:
    """The API takes requests until open calls have settled; health and metrics are served until the drain is done."""
    operating, api = None, None
    if listeners.operating is not None:
        only = dataclasses.replace(config, operating=True)
        operating = HttpServer(_app(process.application, only), only, listeners.operating, limits)
    if listeners.api is not None:
        api = HttpServer(_app(process.application, config), config, listeners.api, limits)

    leaving = Leaving(process, api, delay_s, link.others_listen if link is not None else lambda: False)

    async def close() -> None:
        # A server that ended by a defect must not cut the drain short; its error is raised below.
        await asyncio.gather(leaving(), return_exceptions=True)
        await asyncio.gather(process.drain(), return_exceptions=True)
        if operating is not None:
            await ends_within(operating.close(), 1, "the server of health and metrics")
        if api is not None and api.task.done():
            await api.task

    stack.push_async_callback(close)
    servers = [server for server in (api, operating) if server is not None]
    for server in servers:
        await server.opened()
    return servers, leaving


def _begin_to_leave(leaving: Leaving, logs: LogHandle, delay_s: float) -> None:
    leaving.begin()
    logs.facts.info(
        "service.stopping", text="no call begins, those under way settle", acceptsForS=delay_s, callsForS=DRAIN_S
    )


def _app(application: Application, config: Config) -> Edge:
    with without_frameworks():
        return create_app(application, config)


def _freeze_memory() -> None:
    """Exempt everything loaded so far from garbage collection, whose full runs stopped the loop for 50 ms.

    The little garbage of a start is kept with it: to find it would cost a twentieth of the start. What requests in flight hold
    is more than Python's threshold: each run would look at it, and find it in use.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def _config(loaded: Loaded, *, operating: bool) -> Config:
    return Config(
        version=__version__,
        context_path=loaded.settings.server.context_path,
        webhook_path=loaded.settings.server.webhook_path,
        allowed_hosts=(
            loaded.listen_host,
            socket.gethostname(),
            *comma_separated(loaded.settings.security.allowed_hosts),
            *_public_host(loaded.settings.app.media.public_url),
        ),
        allowed_origins=comma_separated(loaded.settings.security.allowed_origins),
        trusted_proxies=networks_in(loaded.settings.app.callbacks.trusted_proxies),
        limits=limits_of(loaded),
        answers=answers_of(loaded.settings.app.compat),
        unique_intake_keys=loaded.settings.rocketmq.intake.unique_keys,
        open_metrics=loaded.settings.security.metrics == "open",
        max_media_bytes=loaded.settings.app.media.max_bytes,
        operating=operating,
    )


def _public_host(url: str | None) -> tuple[str, ...]:
    """The name by which providers reach this service."""
    host = None if url is None else urlsplit(url).hostname
    return () if host is None else (host,)


def _with_metrics(config: Config, metrics: Metrics, observers: Observers, link: Link | None) -> Config:
    async def render() -> tuple[bytes, str]:
        return metrics.render() if link is None else (await link.scrape(), CONTENT_TYPE_LATEST)

    def observe(exchange: HttpExchange) -> None:
        observers.http_request(*exchange)

    return dataclasses.replace(config, metrics=render, observe=observe)


def _log_start(logs: LogHandle, loaded: Loaded, listeners: Listeners, role: Role) -> None:
    settings = loaded.settings
    for warning in (*loaded.warnings, *role_warnings(settings, role), *root_warnings(), *folder_warnings(settings)):
        logs.facts.warning("service.warning", text=warning)
    operating = listeners.operating.getsockname()[1] if listeners.operating is not None else None
    more = {} if operating is None else {"managementPort": operating}
    logs.facts.info(
        "service.started", text="serving" if role.accepts else "consuming", port=listeners.port, role=role.value,
        profile=loaded.profile, **more,
    )  # fmt: skip
