"""Settings, service and migration behind the commands that read the settings."""

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from wework_message.application.maintenance.recover import Recover, Recovered
from wework_message.application.maintenance.verify_statuses import Verified, VerifyStatuses
from wework_message.application.queries.diagnosis import Diagnosis
from wework_message.application.role import Role
from wework_message.bootstrap.folders import folder_warnings
from wework_message.bootstrap.privileges import root_warnings
from wework_message.bootstrap.secret_commands import SecretCommands
from wework_message.bootstrap.settings import (
    Loaded,
    check_document,
    database_kind,
    database_source,
    load,
    operating_port,
    render_check,
    role_warnings,
    simulated_providers,
    start_problems,
)
from wework_message.bootstrap.settings.nacos import NacosSettings
from wework_message.bootstrap.settings.shared_start import SharedRead
from wework_message.bootstrap.start_failures import as_failure
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.services import Access, CreatedTopics, Provider, Services, SettingsSource, Startup

Result = TypeVar("Result")


def services() -> Services:
    """What the commands call."""
    return Services(startup)


def startup(source: SettingsSource) -> Startup:
    """Read the settings; raises `CommandFailedError` (`CONFIGURATION`) where they cannot be read."""
    with as_failure():
        loaded = load(dict(os.environ), config_file=source.config, nacos=_nacos, command_line=command_line(source))
        return _startup(loaded, source.role)


def _nacos(settings: NacosSettings, profiles: Sequence[str]) -> SharedRead:
    from wework_message.bootstrap.nacos.start import read_at_start  # noqa: PLC0415 -- most have no Nacos

    return read_at_start(settings, profiles)


def command_line(source: SettingsSource) -> list[str]:
    """``key=value`` of every setting that the command line gives."""
    options = {
        "spring.profiles.active": source.profile,
        "server.host": source.host,
        "server.port" if source.role.accepts else "management.server.port": source.port,
        "server.workers": source.workers,
    }
    return [*source.properties, *(f"{key}={value}" for key, value in options.items() if value is not None)]


def _startup(loaded: Loaded, role: Role) -> Startup:
    settings = loaded.settings
    host = loaded.listen_host
    port = settings.server.port if role.accepts else operating_port(settings, role)
    root = f"http://{f'[{host}]' if ':' in host else host}:{port}{settings.server.context_path}"
    simulated = simulated_providers(settings, loaded.profile)
    return Startup(
        profile=loaded.profile,
        files=loaded.files,
        url=root,
        docs_url=f"{root}/swagger-ui.html" if role.accepts else None,
        workers=settings.server.workers,
        parts={
            "database": _database(loaded),
            "queue": _queue(loaded),
            "cache": _cache(loaded),
        },
        providers=tuple(
            Provider(provider.code, provider.name, None if key in simulated else str(provider.api_base_url))
            for key, provider in settings.app.wework.providers.items()
            if provider.enabled
        ),
        warnings=(*loaded.warnings, *role_warnings(settings, role), *root_warnings(), *folder_warnings(settings)),
        problems=tuple(str(problem) for problem in start_problems(settings, loaded.profile, role)),
        text=render_check(loaded),
        document=check_document(loaded),
        serve=lambda: _serve(loaded, role),
        migrate=lambda: _migrate(loaded),
        create_topics=lambda: _create_topics(loaded),
        examine=lambda deadline_s: _examine(loaded, deadline_s),
        recover=lambda command: _recover(loaded, command),
        verify_statuses=lambda command: _verify_statuses(loaded, command),
        secrets=SecretCommands(loaded, partial(as_failure, loaded)),
        with_access=partial(_with_access, loaded),
    )


def _database(loaded: Loaded) -> str:
    datasource = loaded.settings.datasource
    kind = database_kind(datasource)
    return "none" if kind is None else kind.shown(database_source(datasource))


def _cache(loaded: Loaded) -> str:
    url = loaded.settings.redis.url
    return "in memory" if url is None else str(url)


def _queue(loaded: Loaded) -> str:
    name_server = loaded.settings.rocketmq.name_server
    return "in this process" if name_server is None else f"RocketMQ {name_server}"


def _serve(loaded: Loaded, role: Role) -> int:
    gc.disable()  # imports make a hundred thousand objects that stay: to look through them is a tenth of a start
    try:
        from wework_message.bootstrap.server import serve  # noqa: PLC0415 - `--help` needs no server, no database
    finally:
        gc.freeze()
        gc.enable()
    with as_failure(loaded):
        return serve(loaded, role)


def _migrate(loaded: Loaded) -> str:
    from wework_message.bootstrap.database_commands import migrate  # noqa: PLC0415 - `--help` needs no database

    with as_failure(loaded):
        return asyncio.run(migrate(loaded))


def _create_topics(loaded: Loaded) -> CreatedTopics:
    from wework_message.adapters.rocketmq.topics import LayoutError  # noqa: PLC0415 - `--help` needs no queue
    from wework_message.bootstrap.queues import init_topics  # noqa: PLC0415 - as above

    if loaded.settings.rocketmq.name_server is None:
        text = "rocketmq.name-server is not set: there is no cluster"
        raise CommandFailedError(ExitCode.CONFIGURATION, text, document={"errors": [text]})
    try:
        topics, groups = asyncio.run(init_topics(loaded.settings.rocketmq))
    except LayoutError as error:
        raise CommandFailedError(ExitCode.TRY_AGAIN, str(error), document={"errors": [str(error)]}) from None
    return CreatedTopics(tuple(topics), tuple(groups))


def _examine(loaded: Loaded, deadline_s: float) -> Diagnosis:
    from wework_message.bootstrap.doctor import examine  # noqa: PLC0415 - `--help` needs no server, no database

    return asyncio.run(examine(loaded, deadline_s=deadline_s))


def _recover(loaded: Loaded, command: Recover) -> Recovered:
    from wework_message.bootstrap.database_commands import recover  # noqa: PLC0415 - `--help` needs no database

    with as_failure(loaded):
        return asyncio.run(recover(loaded, command))


def _verify_statuses(loaded: Loaded, command: VerifyStatuses) -> Verified:
    from wework_message.bootstrap.database_commands import verify_statuses  # noqa: PLC0415 - `--help` needs no database

    with as_failure(loaded):
        return asyncio.run(verify_statuses(loaded, command))


def _with_access(loaded: Loaded, work: Callable[[Access], Awaitable[Result]]) -> Result:
    from wework_message.bootstrap.database_commands import with_access  # noqa: PLC0415 - `--help` needs no database

    with as_failure(loaded):
        return asyncio.run(with_access(loaded, work))
