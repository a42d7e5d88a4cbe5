"""``doctor``: collects the checks of each adapter that the settings use, and runs them. Nothing is written."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.util import find_spec
from typing import Final

from wework_message.adapters.http.checks import reaching_url
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.doctor.access_check import access_check
from wework_message.adapters.sql.doctor.arrivals import arrival_check
from wework_message.adapters.sql.doctor.invariant_checks import invariant_checks
from wework_message.adapters.sql.doctor.media_check import bytes_check, media_check
from wework_message.adapters.sql.doctor.pause_check import pause_check
from wework_message.adapters.sql.doctor.placement_check import placement_check
from wework_message.adapters.sql.doctor.secrets_check import secrets_check
from wework_message.adapters.sql.doctor.siblings import sibling_check
from wework_message.adapters.sql.doctor.stream_check import stream_check
from wework_message.adapters.system import SystemClock
from wework_message.adapters.tls import ClientTls
from wework_message.application.queries.diagnosis import Diagnosis, diagnose
from wework_message.bootstrap.databases import backend_for
from wework_message.bootstrap.gateways import connection_of, protocol
from wework_message.bootstrap.media import media_checks, stored_size
from wework_message.bootstrap.nacos.examining import nacos_checks
from wework_message.bootstrap.policies import limits_of
from wework_message.bootstrap.privileges import root_warnings
from wework_message.bootstrap.protocols import find_protocol
from wework_message.bootstrap.settings import (
    Loaded,
    ProviderSettings,
    database_kind,
    database_source,
    listens_openly,
    simulated_providers,
    start_problems,
)
from wework_message.bootstrap.settings.access_check import token_required
from wework_message.bootstrap.settings.encryption import cipher_of
from wework_message.bootstrap.settings.horizon import horizon_of
from wework_message.bootstrap.settings.model import RocketmqSettings
from wework_message.bootstrap.settings.tls import tls_files
from wework_message.bootstrap.spool import spool_check
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.checks import Check, Fault, Finding

_PREFIX: Final = "app.wework.providers"


async def examine(loaded: Loaded, *, deadline_s: float) -> Diagnosis:
    """Run all checks; `deadline_s` is the limit of each."""
    async with AsyncExitStack() as stack:
        checks = [_user(), *_settings(loaded), *_providers(loaded), *await stack.enter_async_context(_database(loaded))]
        checks += [spool_check(loaded.settings.app.spool), *media_checks(loaded)]
        checks += [*_redis(loaded), *_rocketmq(loaded.settings.rocketmq), *nacos_checks(loaded)]
        return await diagnose(checks, deadline_s=deadline_s)


def _user() -> Check:
    async def user() -> Finding:
        if warnings := root_warnings():
            return Finding.warning("; ".join(warnings), "start it as the user of the service, and the doctor as well")
        return Finding.ok("the process does not run as root")

    return Check("process.user", user)


def _settings(loaded: Loaded) -> Iterator[Check]:
    async def start() -> Finding:
        problems = start_problems(loaded.settings, loaded.profile)
        if problems:
            return Finding.failed("; ".join(map(str, problems)), "see every setting with: wework-message config check")
        if loaded.warnings:
            return Finding.warning(
                "; ".join(loaded.warnings), "see docs/configuration.md, if that is not what you want"
            )
        return Finding.ok(f"profile {loaded.profile or 'none (embedded)'}: the service would start")

    yield Check("settings.start", start, fault=Fault.SETTINGS)


def _providers(loaded: Loaded) -> Iterator[Check]:
    simulated = simulated_providers(loaded.settings, loaded.profile)
    for key, provider in loaded.settings.app.wework.providers.items():
        name = f"provider.{key}"
        if not provider.enabled:
            yield _skipped(f"{name}.call", "it is disabled")
        elif key in simulated:
            yield _skipped(f"{name}.call", "the built-in simulator stands in: it starts with the service")
        elif provider.api_base_url is None:
            yield _skipped(f"{name}.call", f"{_PREFIX}.{key}.api-base-url is not set")
        else:
            yield from _provider(name, f"{_PREFIX}.{key}.api-base-url", provider, provider.api_base_url.reveal())


def _provider(name: str, setting: str, provider: ProviderSettings, url: str) -> Iterator[Check]:
    async def call() -> Finding:
        async with protocol(provider.protocol).open(connection_of(provider, url, 1)) as gateway:
            answered = await gateway.probe()
        if answered:
            return Finding.ok("it answers a read-only call")
        return Finding.failed("no answer in the provider's form", f"see whether {setting} is its API, and its log")

    reachability = reaching_url(name, url, setting=setting)
    yield from reachability
    yield Check(f"{name}.call", call, after=reachability[-1].name, advice="see the provider's log")
    if (provider_protocol := find_protocol(provider.protocol)) is not None:
        yield from provider_protocol.checks(name)


def _without_echoes(loaded: Loaded) -> Sequence[str]:
    """Codes of the providers whose protocol has no echoes."""
    providers = loaded.settings.app.wework.providers.values()
    protocols = {name: find_protocol(name) for name in {provider.protocol for provider in providers}}
    return [
        provider.code
        for provider in providers
        if (protocol := protocols[provider.protocol]) is not None and not protocol.has_echoes
    ]


def _enabled(loaded: Loaded) -> Sequence[str]:
    return [provider.code for provider in loaded.settings.app.wework.providers.values() if provider.enabled]


def _pulled(loaded: Loaded) -> Sequence[str]:
    providers = loaded.settings.app.wework.providers.values()
    return [provider.code for provider in providers if provider.enabled and provider.settle.pulls]


@asynccontextmanager
async def _database(loaded: Loaded) -> AsyncIterator[Sequence[Check]]:
    source = loaded.settings.datasource
    horizon_ms = horizon_of(loaded.settings)
    kind = database_kind(source)
    if kind is None:
        yield [_skipped("database.call", "datasource.url is not set")]
    elif kind.driver is not None and not kind.driver.installed:
        yield [_skipped("database.call", f"the extra {kind.driver.extra} is not installed")]
    else:
        async with backend_for(source).examining(
            database_source(source), auto_migrate=source.auto_migrate, accept_data_loss=source.accept_data_loss
        ) as database:
            yield [
                *database.checks,
                *invariant_checks(database.run, database.dialect, SystemClock()),
                arrival_check(database.run, horizon_ms=horizon_ms, without_echoes=_without_echoes(loaded)),
                sibling_check(database.run, _enabled(loaded)),
                pause_check(database.run),
                media_check(database.run, SystemClock()),
                bytes_check(database.run, partial(stored_size, loaded.settings.app.media)),
                placement_check(database.run, SystemClock()),
                _access(loaded, database.run),
                _secrets(loaded, database.run),
                stream_check(database.run, _pulled(loaded)),
                *_intake(loaded, database.run),
            ]


def _access(loaded: Loaded, run: Run) -> Check:
    providers = loaded.settings.app.wework.providers
    callbacks = loaded.settings.app.callbacks
    urls = {
        f"{_PREFIX}.{key}.callback-url": provider.callback_url.reveal()
        for key, provider in providers.items()
        if provider.enabled and provider.callback_url is not None
    }
    return access_check(
        run,
        SystemClock(),
        required=token_required(loaded.settings),
        others=bool(callbacks.allow_networks) or callbacks.relay_secret is not None,
        host=loaded.listen_host if listens_openly(loaded.settings, loaded.profile) else None,
        callback_urls=urls,
    )


def _secrets(loaded: Loaded, run: Run) -> Check:
    security = loaded.settings.security
    return secrets_check(run, cipher_of(security.secrets), keys_mode=security.mode == "keys")


def _intake(loaded: Loaded, run: Run) -> Sequence[Check]:
    """With the native client, names of parts have offsets that no call gives."""
    source = loaded.settings.rocketmq
    topic = source.topics.intake
    if topic is None or source.name_server is None or source.transport == "native" or find_spec("grpc") is None:
        return ()
    from wework_message.bootstrap.intake_check import intake_check  # noqa: PLC0415 -- the client is an extra
    from wework_message.bootstrap.queues import admin_of, intake_group  # noqa: PLC0415 -- as above

    try:
        admin = admin_of(source)
    except ValueError:  # rocketmq.address says so
        return ()
    return (
        intake_check(
            run, admin, topic, intake_group(source), namespace=source.namespace or "", limits=limits_of(loaded),
            tenant_id=TenantId(source.intake.tenant), unique_keys=source.intake.unique_keys,
        ),
    )  # fmt: skip


def _redis(loaded: Loaded) -> Sequence[Check]:
    if loaded.settings.redis.url is None:
        return [_skipped("redis.call", "redis.url is not set: cache and limiter are in the memory of each process")]
    if find_spec("redis") is None:
        return [_skipped("redis.call", "the extra redis is not installed")]
    from wework_message.adapters.redis.checks import redis_checks  # noqa: PLC0415 -- the client is an extra

    return redis_checks(loaded.settings.redis.url.reveal(), ClientTls(tls_files(loaded.settings.redis.tls)))


def _rocketmq(source: RocketmqSettings) -> Sequence[Check]:
    if source.name_server is None:
        return [_skipped("rocketmq.proxy.call", "rocketmq.name-server is not set: the queue is in the process")]
    if find_spec("grpc") is None:
        return [_skipped("rocketmq.proxy.call", "the extra rocketmq is not installed")]
    from wework_message.adapters.rocketmq.checks import Cluster, rocketmq_checks  # noqa: PLC0415 -- gRPC is an extra
    from wework_message.bootstrap.queues import admin_of, proxies_of, required_topics  # noqa: PLC0415 -- as above

    try:
        admin, proxies = admin_of(source), proxies_of(source)
    except ValueError as error:
        return [_failed("rocketmq.address", str(error), "correct rocketmq.name-server and rocketmq.endpoints")]
    topics, groups = zip(*required_topics(source), strict=True)
    return rocketmq_checks(
        Cluster(
            admin,
            next(iter(proxies), None),
            topics,
            groups,
            tls=None if source.tls.mode == "off" else tls_files(source.tls),
            creates=source.create_topics,
        )
    )


def _skipped(name: str, why: str) -> Check:
    async def finding() -> Finding:
        return Finding.skipped(why)

    return Check(name, finding)


def _failed(name: str, why: str, advice: str) -> Check:
    async def finding() -> Finding:
        return Finding.failed(why, advice)

    return Check(name, finding, fault=Fault.SETTINGS)
