"""What a process does with Nacos: what it registers, in which order, and what the doctor says."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.nacos.sdk_stub import StubServer
from tests.support.polling import until_true
from tests.support.servers.ports import free_port

from wework_message.adapters.nacos import sdk
from wework_message.adapters.nacos.checks import configuration_checks, registration_checks
from wework_message.adapters.nacos.configuration import NacosSharedConfiguration
from wework_message.adapters.nacos.registry import NacosServiceRegistry
from wework_message.adapters.nacos.sdk import NacosServer
from wework_message.adapters.observability.backend_metrics import PARTS
from wework_message.application.queries.diagnosis import diagnose
from wework_message.application.queries.service import Backend
from wework_message.bootstrap.nacos.examining import nacos_checks
from wework_message.bootstrap.nacos.instance import instance_of
from wework_message.bootstrap.nacos.running import in_nacos
from wework_message.bootstrap.nacos.servers import configuration_server, registration_server
from wework_message.bootstrap.settings import Loaded, load
from wework_message.bootstrap.sockets import Listeners
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.service_registry import ServiceInstance
from wework_message.domain.ports.shared_configuration import DocumentName

Start = Callable[..., Loaded]
OURS = ServiceInstance("message-service", "10.0.0.7", 8082)


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def started(nacos: str, **environ: str) -> Loaded:
        (tmp_path / "application.yml").write_text(f"nacos: {{{nacos}}}")
        return load(environ, config_dir=tmp_path)

    return started


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    with socket.socket() as api, socket.socket() as operating:
        for listener in (api, operating):
            listener.bind(("127.0.0.1", 0))
        yield Listeners(api, operating)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> StubServer:
    server = StubServer()

    async def opened(_server: NacosServer) -> Any:
        return await server.open()

    monkeypatch.setattr(NacosServiceRegistry, "at", lambda _: NacosServiceRegistry(server.open, server.close))
    monkeypatch.setattr(
        NacosSharedConfiguration, "at", lambda _, names: NacosSharedConfiguration(names, server.open, server.close)
    )
    return server


# -- what is registered --------------------------------------------------------------------------------------------


def test_an_instance_says_what_clients_of_spring_cloud_look_for(start: Start) -> None:
    instance = instance_of(start("server-addr: n, discovery: {metadata: {version: '9', team: blue}}"), 8082)
    assert (instance.service, instance.host, instance.port, instance.group) == (
        "message-service", "127.0.0.1", 8082, "DEFAULT_GROUP",
    )  # fmt: skip
    assert instance.metadata == {
        "preserved.register.source": "SPRING_CLOUD", "context-path": "/message",
        "management.context-path": "/message/actuator", "version": "9", "team": "blue",
    }  # fmt: skip


def test_settings_are_stronger_than_what_it_finds(start: Start) -> None:
    keys = "service: gateway, ip: 10.1.2.3, port: 80, group: G, cluster-name: C, weight: 2"
    instance = instance_of(start(f"server-addr: n, discovery: {{{keys}}}"), 8082, 8083)
    assert (instance.service, instance.host, instance.port) == ("gateway", "10.1.2.3", 80)
    assert (instance.group, instance.cluster, instance.weight) == ("G", "C", 2.0)
    assert instance.metadata["management.port"] == "8083"


def test_where_it_listens_everywhere_its_address_is_that_on_the_way_to_nacos(start: Start) -> None:
    assert instance_of(start("server-addr: 127.0.0.1", SERVER_HOST="0.0.0.0"), 1).host == "127.0.0.1"  # noqa: S104 -- as users set it
    nowhere = start("server-addr: nowhere.invalid", SERVER_HOST="0.0.0.0")  # noqa: S104 -- as above
    assert instance_of(nowhere, 1).host == "127.0.0.1"
    assert instance_of(start("server-addr: n", SERVER_HOST="10.9.9.9"), 1).host == "10.9.9.9"


def test_each_section_may_have_a_server_of_its_own(start: Start) -> None:
    nacos = start(
        "server-addr: a, username: u, password: p, config: {namespace: N},"
        "discovery: {server-addr: b, username: v, password: q, namespace: M}"
    ).settings.nacos
    assert configuration_server(nacos) == NacosServer("a:8848", "N", "u", "p")
    assert registration_server(nacos) == NacosServer("b:8848", "M", "v", "q")
    assert "q" not in repr(registration_server(nacos)).replace("username='v'", "")


# -- in a process --------------------------------------------------------------------------------------------------


async def test_a_process_registers_follows_and_takes_itself_off(
    start: Start, stub: StubServer, listeners: Listeners, tmp_path: Path
) -> None:
    applied: list[Loaded] = []
    loaded = start(f"server-addr: n, config: {{file-extension: yaml, copy: '{tmp_path}/copy.json'}}")
    watched: dict[str, Backend] = {}
    async with in_nacos(loaded, applied.append, watched.update, listeners) as tasks:
        assert len(tasks) == 2
        assert sorted(watched) == sorted(name for name in PARTS if name.startswith("nacos"))
        await until_true(lambda: all(part.condition().healthy for part in watched.values()))
        await until_true(lambda: stub.listed() != [] and len(stub.clients) == 2)
        stub.publish("message-service.yaml", "app.message.limits.rate-limit-per-minute: 7")
        await until_true(lambda: applied != [])
        (instance,) = stub.listed()
        assert instance.port == listeners.port
        assert instance.metadata["management.port"] == str(listeners.operating.getsockname()[1])  # type: ignore[union-attr]  # it has one
        assert applied[0].settings.app.message.limits.rate_limit_per_minute == 7
    assert (stub.listed(), stub.clients) == ([], [])


async def test_only_what_is_turned_on_runs(start: Start, stub: StubServer, listeners: Listeners) -> None:
    def nothing(_: object) -> None:
        raise AssertionError

    async with in_nacos(start(""), nothing, nothing, listeners) as tasks:
        assert tasks == []
    off = "server-addr: n, discovery: {enabled: false}, config: {refresh-enabled: false}"
    async with in_nacos(start(off), nothing, nothing, listeners) as tasks:
        assert tasks == []
    async with in_nacos(start("server-addr: n, config: {enabled: false}"), nothing, nothing, None) as tasks:
        assert tasks == []  # another worker registers
    assert stub.opened == 0


# -- the SDK's own classes -----------------------------------------------------------------------------------------


async def test_the_sdk_writes_nothing_and_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ignored(_server: NacosServer) -> None:
        """Nobody listens, which the SDK has to find out by itself."""

    monkeypatch.setattr(sdk, "_require_one", ignored)
    monkeypatch.setattr(sdk, "CONNECT_MS", 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    server = NacosServer(f"127.0.0.1:{free_port() - 1_000}", username="u", password="hunter2")
    before = asyncio.all_tasks()
    naming = await sdk.open_naming(server)
    configuration = await sdk.open_configuration(server)
    assert (await naming.server_health(), await configuration.server_health()) == (False, False)
    await sdk.close_naming(naming)
    await sdk.close_configuration(configuration)
    await until_true(lambda: asyncio.all_tasks() <= before)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 -- not a call of a path in a coroutine
    for name in ("naming", "config"):
        logger = logging.getLogger(name)
        assert (logger.handlers, logger.isEnabledFor(logging.CRITICAL), logger.propagate) == ([], False, False)


async def test_no_server_that_listens_is_said_at_once() -> None:
    server = NacosServer(f"127.0.0.1:{free_port() - 1_000},127.0.0.1:{free_port() - 1_000}")
    for opening in (sdk.open_naming, sdk.open_configuration):
        with pytest.raises(UnavailableError, match="gRPC port, which is 1000 above its own"):
            await opening(server)


# -- the doctor ----------------------------------------------------------------------------------------------------


async def verdicts(checks: Any) -> dict[str, tuple[str, str]]:
    diagnosis = await diagnose(checks, deadline_s=10)
    return {examined.name: (examined.finding.verdict.value, examined.finding.text) for examined in diagnosis.examined}


async def test_the_doctor_says_what_is_there(stub: StubServer) -> None:
    names = [DocumentName("a.yaml", "DEFAULT_GROUP"), DocumentName("b.yaml", "G")]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = NacosServer(f"127.0.0.1:{listener.getsockname()[1] - 1_000}")
        checks = [*configuration_checks(server, names, "no copy"), *registration_checks(server, OURS)]
        empty = await verdicts(checks)
        assert empty["nacos.config.call"] == ("warning", "it has none of a.yaml, b.yaml@G; no copy")
        assert empty["nacos.discovery.call"][0] == "warning"
        stub.publish("b.yaml", "x: 1", group="G")
        registry = NacosServiceRegistry(stub.open, stub.close)
        await registry.register(OURS)
        full = await verdicts(checks)
        assert full["nacos.config.call"] == ("ok", "it has b.yaml@G; no copy")
        assert full["nacos.discovery.call"] == (
            "ok", "message-service at 10.0.0.7:8082 (group DEFAULT_GROUP) is registered",
        )  # fmt: skip
        await registry.close()
    assert stub.clients == []


async def test_the_doctor_says_that_it_is_away_or_not_used(start: Start) -> None:
    (unused,) = (await verdicts(nacos_checks(start("")))).values()
    assert unused[0] == "skipped"
    away = await verdicts(nacos_checks(start(f"server-addr: '127.0.0.1:{free_port() - 1_000}'")))
    assert {name: verdict for name, (verdict, _) in away.items()} == {
        "nacos.config.dns": "ok", "nacos.config.tcp": "failed", "nacos.config.call": "skipped",
        "nacos.discovery.dns": "ok", "nacos.discovery.tcp": "failed", "nacos.discovery.call": "skipped",
    }  # fmt: skip
