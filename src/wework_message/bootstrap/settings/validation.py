"""What may start: the profile's demands (decision 35), the network (decision 38), backends that do not exist yet (59)."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from wework_message.application.role import Role
from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import (
    InvalidSettingError,
    MissingBackendError,
    MissingSettingError,
    SettingsError,
    StartRefusedError,
)
from wework_message.bootstrap.settings.model import SIMULATOR, DatasourceSettings, RocketmqSettings, Section, Settings
from wework_message.bootstrap.settings.rocketmq import queue_problems
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX
from wework_message.bootstrap.settings.secrets import Secret, SecretUrl

OPERATING_PORT: Final = 8083
"""Where `consume` answers operators unless `management.server.port` says otherwise."""

LOOPBACK: Final = "127.0.0.1"
MYSQL_PORT: Final = 3306
_HOST_PORT: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:,/\[\]]+))(?::(?P<port>\d{1,5}))?")
_REDIS_URL: Final = re.compile(r"rediss?://([^/?#\s]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s:,/?#@\[\]]+)(:\d{1,5})?(/\d*)?")
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - decision 38: only with a profile that says it is a deployment, and with a warning
_CHECKED_APART: Final = frozenset({"producer", "topics.intake", "topics.callbacks"})
_LOCAL_HOSTS: Final = frozenset({LOOPBACK, "localhost", "::1"})


def is_embedded(profile: str) -> bool:
    """Whether `profile` (comma-separated, empty = none) may use SQLite and the simulator without being told to."""
    return all(name == "dev" for name in profile.split(",") if name)


def listen_host(settings: Settings, profile: str) -> str:
    """The address to listen on: `server.host`, else loopback, else everywhere where a deployment's profile is active."""
    return settings.server.host or (LOOPBACK if is_embedded(profile) else EVERYWHERE)


def listens_openly(settings: Settings, profile: str) -> bool:
    """Whether others than this machine can reach a service that asks nobody who they are."""
    return settings.security.mode == "open" and listen_host(settings, profile) not in _LOCAL_HOSTS


def simulated_providers(settings: Settings, profile: str) -> tuple[str, ...]:
    """Keys of the enabled providers that the built-in simulator stands in for.

    `api-base-url: simulator` asks for it in any profile; null does with the embedded profile only.
    """
    stand_ins = (SIMULATOR, None) if is_embedded(profile) else (SIMULATOR,)
    return tuple(
        key
        for key, provider in settings.app.wework.providers.items()
        if provider.enabled and provider.api_base_url in stand_ins
    )


def sqlite_path(url: SecretUrl | None) -> Path:
    """The file of a ``sqlite:///`` URL, relative to the working directory unless it has four slashes.

    Raises `InvalidSettingError` where there is no file: in memory nothing would be durable.
    """
    text = url.reveal() if url else ""
    path = text.removeprefix("sqlite:///")
    if not text.startswith("sqlite:///") or path in {"", ":memory:"} or "?" in path:
        raise InvalidSettingError("datasource.url", "must be sqlite:///relative/file or sqlite:////absolute/file")
    return Path(path)


@dataclass(frozen=True, slots=True)
class MysqlAddress:
    """Where a MySQL or MariaDB database is, and who asks."""

    host: str
    port: int
    database: str
    username: str
    password: Secret


def mysql_address(source: DatasourceSettings) -> MysqlAddress:
    """What a ``mysql://`` URL and the settings beside it say; a user or password in the URL goes first.

    Raises `InvalidSettingError` where host or database are missing, or the port is none.
    """
    text = source.url.reveal().partition("://")[2].partition("?")[0] if source.url else ""
    userinfo, _, place = text.rpartition("@")
    user, _, password = userinfo.partition(":")
    address, _, database = place.partition("/")
    match = _HOST_PORT.fullmatch(address)
    if match is None or not database or "/" in database or int(match["port"] or 1) not in range(1, 65_536):
        raise InvalidSettingError(
            "datasource.url", "must be mysql://host:port/database, with one host and one database"
        )
    secret = Secret(unquote(password)) if password else source.password
    return MysqlAddress(
        (match["v6"] or match["host"]), int(match["port"] or MYSQL_PORT), unquote(database),
        unquote(user) or source.username or "", secret or Secret(""),
    )  # fmt: skip


def operating_port(settings: Settings, role: Role) -> int | None:
    """Where health and metrics are served apart from the API; None = only with it. 0 = any free port."""
    port = settings.management.server.port
    return OPERATING_PORT if port is None and not role.accepts else port


def role_warnings(settings: Settings, role: Role) -> tuple[str, ...]:
    """What whoever splits the roles should know."""
    url = settings.datasource.url
    if not role.split or url is None or url.scheme != "sqlite":
        return ()
    return (
        "datasource.url is a SQLite file: processes of other machines cannot share it, and its writers wait for each other",
    )


def start_problems(settings: Settings, profile: str, role: Role = Role.ALL) -> tuple[SettingsError, ...]:
    """Everything that stops the start with these settings; empty = it may start."""
    problems: list[SettingsError] = []
    for name, provider in settings.app.wework.providers.items():
        key = f"{PROVIDER_PREFIX}{name}.api-base-url"
        simulated = name in simulated_providers(settings, profile)
        if provider.enabled and provider.api_base_url is None and not simulated:
            problems.append(
                MissingSettingError(
                    key, variables_of(key), _needed(profile, f" ({SIMULATOR} = the built-in simulator)")
                )
            )
        if simulated and role.split:
            problems.append(
                InvalidSettingError(
                    key, f"must be a URL: each process would have a simulator of its own ({variables_of(key)})"
                )
            )
        if simulated and provider.protocol != "guxing":
            problems.append(InvalidSettingError(key, "must be a URL: the simulator speaks the protocol guxing only"))
    problems += _datasource_problems(settings, profile)
    problems += _redis_problems(settings)
    if role.accepts and (port := operating_port(settings, role)) and port == settings.server.port:
        problems.append(InvalidSettingError("management.server.port", "must differ from server.port, or be null"))
    problems += queue_problems(settings.rocketmq)
    return (*problems, *_topic_problems(settings), *_missing_backends(settings))


def require_startable(settings: Settings, profile: str, role: Role = Role.ALL) -> None:
    """Raise what `start_problems` finds: the one error, or a `StartRefusedError` of all of them."""
    problems = start_problems(settings, profile, role)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise StartRefusedError(problems)


def refuse_missing_backends(settings: Settings) -> None:
    """Stop at the first setting that asks for what is not there, or does nothing (decision 59: nothing is ignored silently)."""
    for problem in _missing_backends(settings):
        raise problem


def _missing_backends(settings: Settings) -> list[MissingBackendError]:
    problems = _missing_drivers(settings)
    if settings.rocketmq.name_server is not None:
        return problems
    # The producer's keys are the Java service's and alone ask for nothing.
    keys = [key for key in _differences(settings.rocketmq, RocketmqSettings()) if key not in _CHECKED_APART]
    reason = "does nothing without rocketmq.name-server; it is set by a file or by"
    named = [f"rocketmq.{key}" for key in keys]
    return [*problems, *(MissingBackendError(key, f"{reason} {variables_of(key)}") for key in named)]


def _topic_problems(settings: Settings) -> list[SettingsError]:
    """The two topics that are off unless set."""
    topics = settings.rocketmq.topics
    given = {
        f"rocketmq.topics.{name}": topic
        for name, topic in (("intake", topics.intake), ("callbacks", topics.callbacks))
        if topic is not None
    }
    if settings.rocketmq.name_server is None:
        text = "needs rocketmq.name-server; it is set by a file or by {}"
        return [MissingBackendError(key, text.format(variables_of(key))) for key in given]
    problems: list[SettingsError] = [
        InvalidSettingError(key, "must differ from the other topics")
        for key, topic in given.items()
        if [topics.due, *given.values()].count(topic) > 1
    ]
    if topics.intake is not None and not settings.app.message.async_.enabled:
        problems.append(
            InvalidSettingError("rocketmq.topics.intake", "needs app.message.async.enabled: what it brings is sent so")
        )
    return problems


def _missing_drivers(settings: Settings) -> list[MissingBackendError]:
    mysql = settings.datasource.url is not None and settings.datasource.url.scheme == "mysql"
    return [
        MissingBackendError(key, f"{name} needs the extra {extra}: pip install 'wework-message[{extra}]'")
        for wanted, module, key, name, extra in (
            (mysql, "asyncmy", "datasource.url", "MySQL", "mysql"),
            (settings.redis.url is not None, "redis", "redis.url", "Redis", "redis"),
        )
        if wanted and find_spec(module) is None
    ]


def _datasource_problems(settings: Settings, profile: str) -> list[SettingsError]:
    source = settings.datasource
    if source.url is None:
        return [MissingSettingError("datasource.url", variables_of("datasource.url"), _needed(profile))]
    if source.url.scheme != "mysql":
        return []
    userinfo, at, _ = source.url.reveal().partition("://")[2].rpartition("@")
    user, colon, _ = userinfo.partition(":") if at else ("", "", "")
    return [
        MissingSettingError(key, variables_of(key), "MySQL needs a user and a password")
        for key, given in (
            ("datasource.username", user or source.username),
            ("datasource.password", colon or source.password),
        )
        if not given
    ]


def _redis_problems(settings: Settings) -> list[SettingsError]:
    """Options of the URL would undo our time limits, or the check of the server's certificate."""
    text = settings.redis.url.reveal() if settings.redis.url else ""
    if not text or _REDIS_URL.fullmatch(text):
        return []
    return [InvalidSettingError("redis.url", "must be redis://[user:password@]host[:port][/database], or rediss://")]


def _needed(profile: str, otherwise: str = "") -> str:
    return f"profile {profile} has no default for it{otherwise}"


def _differences(section: Section, usual: Section) -> list[str]:
    """Keys of `section`, one level of sections flattened, whose values differ from `usual`; `producer` as a whole."""
    keys: list[str] = []
    for name, key in zip(section.__struct_fields__, section.__struct_encode_fields__, strict=True):
        value, default = getattr(section, name), getattr(usual, name)
        if value == default:
            continue
        inner = isinstance(value, Section) and isinstance(default, Section) and key != "producer"
        keys += [f"{key}.{below}" for below in _differences(value, default)] if inner else [key]
    return keys
