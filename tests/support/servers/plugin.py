"""A pytest plugin: the servers as fixtures of the session, repaired before each test.

Where a server is not installed, its tests are skipped, or fail if it is required. A test that uses one of the fixtures,
directly or through others, is marked ``services``; a test that uses only `request.getfixturevalue` sets the mark itself.
"""

import os
import signal
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import pytest
from tests.support.servers.mariadb import Database, MariaDb
from tests.support.servers.prometheus import Prometheus
from tests.support.servers.redis import Redis
from tests.support.servers.rocketmq import RocketMq
from tests.support.servers.s3proxy import S3Proxy

REQUIRED: Final = "WM_REQUIRE_SERVERS"
"""If this variable is 1, a missing server is a failure."""

ROCKETMQ: Final = "rocketmq"
"""Fixture, and xdist group of its tests: two JVMs of 500 MB are enough, however many workers run."""

S3PROXY: Final = "s3proxy"
"""Likewise."""

_FIXTURES: Final = ("mariadb", "redis_server", "prometheus", ROCKETMQ, S3PROXY)
_WHY: Final = "not installed here: "
_HOW: Final = "scripts/install-services installs them (apt-get and Maven); then `make integration` runs those tests"
_running: Final = pytest.StashKey[dict[str, MariaDb | Redis | Prometheus | RocketMq | S3Proxy]]()

_S = TypeVar("_S", MariaDb, Redis, Prometheus, RocketMq, S3Proxy)


@pytest.fixture(scope="session")
def mariadb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    yield from _started(MariaDb, "mariadb", request.config, tmp_path_factory)


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    yield from _started(Redis, "redis_server", request.config, tmp_path_factory)


@pytest.fixture(scope="session")
def prometheus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    yield from _started(Prometheus, "prometheus", request.config, tmp_path_factory)


@pytest.fixture(scope="session")
def rocketmq(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RocketMq]:
    yield from _started(RocketMq, "rocketmq", request.config, tmp_path_factory)


@pytest.fixture(scope="session")
def s3proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Proxy]:
    yield from _started(S3Proxy, S3PROXY, request.config, tmp_path_factory)


@pytest.fixture
def mariadb_database(mariadb: MariaDb) -> Iterator[Database]:
    with mariadb.fresh_database() as database:
        yield database


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    redis_server.flush()
    return redis_server.url


def _started(kind: type[_S], name: str, config: pytest.Config, folders: pytest.TempPathFactory) -> Iterator[_S]:
    require(name, kind.missing())
    # Logs stay where pytest keeps the folders of its last sessions; data does not.
    with TemporaryDirectory(prefix="wm-") as data:
        server = kind(Path(data), folders.mktemp(name, numbered=False))
        running = config.stash.setdefault(_running, {})
        try:
            server.start()
            running[name] = server
            yield server
        finally:
            running.pop(name, None)
            server.close()


def require(name: str, missing: str | None) -> None:
    """Skip the test unless `missing`, why it cannot have this here, is None; fail it where all must be here."""
    if missing is None:
        return
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{name} {_WHY}{missing}, and {REQUIRED}=1; {_HOW}", pytrace=False)
    pytest.skip(f"{name} {_WHY}{missing}")


def pytest_configure() -> None:
    """SIGTERM (`timeout`, an editor, a CI that gives up) ends the tests as Ctrl-C does, and so the servers too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if fixtures := _server_fixtures(item):
            item.add_marker("services")
        for of_jars in (ROCKETMQ, S3PROXY):
            if of_jars in fixtures:
                item.add_marker(pytest.mark.xdist_group(of_jars))
                break


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run side by side where xdist does not keep its groups: each worker would start a broker of its own."""
    if session.config.getoption("loadgroup", default=False) and any(
        item.get_closest_marker("xdist_group") and "@" not in item.nodeid.rpartition("]")[2] for item in session.items
    ):
        raise RuntimeError("pytest-xdist ignores its groups with this version of pytest")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Repair what the test before has broken."""
    running = item.config.stash.get(_running, {})
    for name in _server_fixtures(item):
        if name in running:
            running[name].restore()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        running = item.config.stash.get(_running, {})
        servers = [running[name] for name in _server_fixtures(item) if name in running]
        report.sections += [(f"log of {server.title}", server.tail()) for server in servers]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [
        str(report.longrepr[2])
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple)
    ]
    without = Counter(reason.removeprefix("Skipped: ") for reason in reasons if _WHY in reason)
    if without:
        terminalreporter.section("tests skipped for want of a server")
        for reason, tests in without.items():
            terminalreporter.line(f"{tests} without {reason}")
        terminalreporter.line(_HOW)


def _server_fixtures(item: pytest.Item) -> list[str]:
    return [name for name in _FIXTURES if name in getattr(item, "fixturenames", ())]
