"""The backends of an end-to-end test: one suite runs on every meaningful combination of them (D-2)."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.processes.programs import ServiceProcesses, ServiceProgram, service_processes
from tests.support.processes.running_service import RunningService, running_service
from tests.support.servers.redis import Redis
from tests.support.servers.rocketmq import RocketMq

Settings = dict[str, str]


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """A folder, and the settings that name the servers. Without a database among them, the service uses a SQLite file there."""

    name: str
    folder: Path
    settings: Mapping[str, str]

    def service_processes(
        self, *options: str, provider_url: str | None = None, **settings: str
    ) -> AbstractContextManager[ServiceProcesses]:
        """See `processes.service_processes`."""
        return service_processes(self.folder, *options, provider_url=provider_url, **{**self.settings, **settings})

    @asynccontextmanager
    async def running_service(
        self, *options: str, provider_url: str | None = None, **settings: str
    ) -> AsyncIterator[RunningService]:
        """See `running_service.running_service`."""
        merged = {**self.settings, **settings}
        async with running_service(self.folder, *options, provider_url=provider_url, **merged) as running:
            yield running

    def second_service(self, provider_url: str, name: str) -> ServiceProgram:
        """Another service on the same servers, not yet started."""
        return ServiceProgram(self.folder, provider_url, name=name, port=None, **self.settings)


def on_mariadb(request: pytest.FixtureRequest) -> Settings:
    """The database as the Java service's settings name it."""
    database: EmptyDatabase = request.getfixturevalue("migrated")
    database.server.restore()
    return settings_of(database.target, "?useSSL=false")


def on_redis(request: pytest.FixtureRequest) -> Settings:
    """An empty Redis."""
    server: Redis = request.getfixturevalue("redis_server")
    server.restore()
    server.flush()
    return {"REDIS_URL": server.url}


def on_rocketmq(request: pytest.FixtureRequest) -> Settings:
    """The broker. Earlier tests may have left wake-ups there: they change nothing."""
    server: RocketMq = request.getfixturevalue("rocketmq")
    server.restore()
    return {"ROCKETMQ_NAME_SERVER": server.name_server.address, "ROCKETMQ_ENDPOINTS": server.endpoints}


COMBINATIONS: Final[Mapping[str, tuple[Callable[[pytest.FixtureRequest], Settings], ...]]] = {
    "embedded": (),
    "mariadb": (on_mariadb,),
    "production": (on_mariadb, on_redis, on_rocketmq),
}
"""The embedded default needs no server. `production` uses every server that production uses."""

ALL: Final = "WM_ALL_BACKENDS"
"""If this variable is 1, tests also run on MariaDB alone; what differs there from `production` has tests of its own."""


def backends() -> list[object]:
    """The parameters of the fixture `backend`."""
    left_out = () if os.environ.get(ALL) == "1" else ("mariadb",)
    marks: dict[object, list[pytest.MarkDecorator]] = {on_rocketmq: [pytest.mark.xdist_group("production")]}
    return [
        pytest.param(
            name, marks=[mark for server in servers for mark in (pytest.mark.services, *marks.get(server, []))]
        )
        for name, servers in COMBINATIONS.items()
        if name not in left_out
    ]


@pytest.fixture(params=backends())
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> BackendSettings:
    settings: Settings = {}
    for server in COMBINATIONS[request.param]:
        settings |= server(request)
    return BackendSettings(request.param, tmp_path, settings)
