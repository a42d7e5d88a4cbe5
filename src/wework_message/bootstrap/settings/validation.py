"""Whether the service may start: the profile's demands (D-35), the network (D-38), extras that are not installed (D-59)."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

from wework_message.application.role import Role
from wework_message.bootstrap.protocols import UnusableProtocolError, require_protocol, simulated_protocols
from wework_message.bootstrap.settings.access_check import access_problems, token_required
from wework_message.bootstrap.settings.compat import compat_problems
from wework_message.bootstrap.settings.database import database_kind, driver_problems, login_problems, missing_extra
from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import (
    InvalidSettingError,
    MissingBackendError,
    MissingSettingError,
    SettingsError,
    StartRefusedError,
)
from wework_message.bootstrap.settings.jwt_check import jwt_problems
from wework_message.bootstrap.settings.links import link_problems
from wework_message.bootstrap.settings.media_check import media_problems
from wework_message.bootstrap.settings.model import (
    RocketmqSettings,
    Settings,
)
from wework_message.bootstrap.settings.nacos import nacos_problems
from wework_message.bootstrap.settings.providers import ProviderSettings
from wework_message.bootstrap.settings.rocketmq import queue_problems
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX
from wework_message.bootstrap.settings.secrets import SIMULATOR
from wework_message.bootstrap.settings.section import Section
from wework_message.bootstrap.settings.tracing import tracing_problems

OPERATING_PORT: Final = 8083
"""The port of `consume` for health and metrics unless `management.server.port` is set."""

LOOPBACK: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - D-38: only with a profile that says it is a deployment, and with a warning
KUBERNETES: Final = "k8s"
KUBERNETES_DRAIN_DELAY_S: Final = 10
"""Endpoints are gone from the nodes' tables within a second or two, from the balancers of clouds within ten."""
REGISTERED_DRAIN_DELAY_S: Final = 2
"""Nacos tells its clients of a deregistration half a second later."""
_CHECKED_APART: Final = frozenset({"producer", "topics.intake", "topics.callbacks"})
_LOCAL_HOSTS: Final = frozenset({LOOPBACK, "localhost", "::1"})


def is_embedded(profile: str) -> bool:
    """Whether `profile` (comma-separated, empty = none) uses SQLite and the simulator by default."""
    return all(name == "dev" for name in profile.split(",") if name)


def listen_host(settings: Settings, profile: str) -> str:
    """The address to listen on: `server.host`, else loopback, else everywhere where a deployment's profile is active."""
    return settings.server.host or (LOOPBACK if is_embedded(profile) else EVERYWHERE)


def drain_delay_s(settings: Settings, profile: str) -> int:
    """For how long requests are taken after SIGTERM. Kubernetes tells the process and its balancers at the same moment (ADR 80)."""
    if settings.server.drain_delay_seconds is not None:
        return settings.server.drain_delay_seconds
    if KUBERNETES in profile.split(","):
        return KUBERNETES_DRAIN_DELAY_S
    return REGISTERED_DRAIN_DELAY_S if settings.nacos.registers else 0


def listens_openly(settings: Settings, profile: str) -> bool:
    """Whether other machines can reach a service that does not authenticate."""
    return settings.security.mode == "open" and listen_host(settings, profile) not in _LOCAL_HOSTS


def simulated_providers(settings: Settings, profile: str) -> tuple[str, ...]:
    """Keys of the enabled providers that are replaced by the built-in simulator.

    `api-base-url: simulator` asks for it in any profile; null does with the embedded profile only.
    """
    return tuple(
        key
        for key, provider in settings.app.wework.providers.items()
        if provider.enabled
        and (is_embedded(profile) if provider.api_base_url is None else provider.api_base_url.is_simulator)
    )


def operating_port(settings: Settings, role: Role) -> int | None:
    """The port of health and metrics apart from the API; None = only with the API. 0 = any free port."""
    port = settings.management.server.port
    return OPERATING_PORT if port is None and not role.accepts else port


def role_warnings(settings: Settings, role: Role) -> tuple[str, ...]:
    """Warnings for processes with split roles."""
    kind = database_kind(settings.datasource)
    return (kind.split_warning,) if role.split and kind is not None and kind.split_warning is not None else ()


def _worker_problems(settings: Settings, profile: str) -> Iterator[SettingsError]:
    """Why these settings allow one worker only."""
    if settings.server.workers == 1:
        return
    key = "server.workers"
    kind = database_kind(settings.datasource)
    if kind is not None and kind.one_process is not None:
        yield InvalidSettingError(
            key, f"must be 1 on {kind.title}: {kind.one_process} ({variables_of(key)}, --workers)"
        )
    if sys.platform != "linux":
        yield InvalidSettingError(
            key, "must be 1 on this system: only Linux spreads connections over the sockets of one port (SO_REUSEPORT)"
        )
    for name in simulated_providers(settings, profile):
        yield InvalidSettingError(key, f"must be 1 with a simulated provider ({name}): each worker would have its own")


def start_problems(settings: Settings, profile: str, role: Role = Role.ALL) -> tuple[SettingsError, ...]:
    """Everything that stops the start with these settings; empty = it may start."""
    problems: list[SettingsError] = []
    for name, provider in settings.app.wework.providers.items():
        key = f"{PROVIDER_PREFIX}{name}.api-base-url"
        simulated = name in simulated_providers(settings, profile)
        if provider.enabled and provider.api_base_url is None and not simulated:
            problems.append(
                MissingSettingError(
                    key, variables_of(key), _reason(profile, f" ({SIMULATOR} = the built-in simulator)")
                )
            )
        if simulated and role.split:
            problems.append(
                InvalidSettingError(
                    key, f"must be a URL: each process would have a simulator of its own ({variables_of(key)})"
                )
            )
        problems += _protocol_problems(f"{PROVIDER_PREFIX}{name}", provider, simulated=simulated)
    problems += _datasource_problems(settings, profile)
    problems += _worker_problems(settings, profile)
    problems += link_problems(settings)
    problems += access_problems(
        settings.app.callbacks,
        required=token_required(settings),
        simulated=bool(simulated_providers(settings, profile)),
    )
    problems += media_problems(settings.app.media)
    problems += jwt_problems(settings.security)
    problems += nacos_problems(settings.nacos)
    if role.accepts and (port := operating_port(settings, role)) and port == settings.server.port:
        problems.append(InvalidSettingError("management.server.port", "must differ from server.port, or be null"))
    problems += tracing_problems(settings.management.tracing, settings.management.otlp)
    problems += queue_problems(settings.rocketmq)
    problems += compat_problems(settings.app.compat)
    return (*problems, *_topic_problems(settings), *_missing_backends(settings))


def _protocol_problems(prefix: str, provider: ProviderSettings, *, simulated: bool) -> Iterator[SettingsError]:
    if simulated and provider.protocol not in simulated_protocols():
        protocols = " or ".join(simulated_protocols())
        yield InvalidSettingError(
            f"{prefix}.api-base-url", f"must be a URL: the simulator speaks the protocol {protocols} only"
        )
        return
    try:
        require_protocol(provider.protocol)
    except UnusableProtocolError as error:
        yield InvalidSettingError(f"{prefix}.protocol", str(error))


def require_startable(settings: Settings, profile: str, role: Role = Role.ALL) -> None:
    """Raise what `start_problems` finds: the one error, or a `StartRefusedError` of all of them."""
    problems = start_problems(settings, profile, role)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise StartRefusedError(problems)


def refuse_missing_backends(settings: Settings) -> None:
    """Raise for the first setting that needs an extra that is not installed, or has no effect (D-59: nothing is ignored silently)."""
    for problem in _missing_backends(settings):
        raise problem


def _missing_backends(settings: Settings) -> list[MissingBackendError]:
    problems = _missing_drivers(settings)
    if settings.rocketmq.name_server is not None:
        return problems
    # The producer's keys are the Java service's and have no effect on their own.
    keys = [key for key in _differences(settings.rocketmq, RocketmqSettings()) if key not in _CHECKED_APART]
    reason = "does nothing without rocketmq.name-server; it is set by a file or by"
    paths = [f"rocketmq.{key}" for key in keys]
    return [*problems, *(MissingBackendError(key, f"{reason} {variables_of(key)}") for key in paths)]


def _topic_problems(settings: Settings) -> list[SettingsError]:
    """Problems of the two topics that are off by default."""
    topics = settings.rocketmq.topics
    set_topics = {
        f"rocketmq.topics.{name}": topic
        for name, topic in (("intake", topics.intake), ("callbacks", topics.callbacks))
        if topic is not None
    }
    if settings.rocketmq.name_server is None:
        text = "needs rocketmq.name-server; it is set by a file or by {}"
        return [MissingBackendError(key, text.format(variables_of(key))) for key in set_topics]
    problems: list[SettingsError] = [
        InvalidSettingError(key, "must differ from the other topics")
        for key, topic in set_topics.items()
        if [topics.due, *set_topics.values()].count(topic) > 1
    ]
    if topics.intake is not None and not settings.app.message.async_.enabled:
        problems.append(
            InvalidSettingError("rocketmq.topics.intake", "needs app.message.async.enabled: what it brings is sent so")
        )
    return problems


def _missing_drivers(settings: Settings) -> list[MissingBackendError]:
    problems = driver_problems(settings.datasource)
    if settings.redis.url is not None and find_spec("redis") is None:
        problems.append(missing_extra("redis.url", "Redis", "redis"))
    return problems


def _datasource_problems(settings: Settings, profile: str) -> list[SettingsError]:
    if settings.datasource.url is None:
        return [MissingSettingError("datasource.url", variables_of("datasource.url"), _reason(profile))]
    return login_problems(settings.datasource)


def _reason(profile: str, otherwise: str = "") -> str:
    return f"profile {profile} has no default for it{otherwise}"


def _differences(section: Section, usual: Section) -> list[str]:
    """Keys of `section`, one level of sections flattened, whose values differ from `usual`; `producer` as a whole."""
    keys: list[str] = []
    for name, key in zip(section.__struct_fields__, section.__struct_encode_fields__, strict=True):
        value, default = getattr(section, name), getattr(usual, name)
        if value == default:
            continue
        is_section = isinstance(value, Section) and isinstance(default, Section) and key != "producer"
        keys += [f"{key}.{below}" for below in _differences(value, default)] if is_section else [key]
    return keys
