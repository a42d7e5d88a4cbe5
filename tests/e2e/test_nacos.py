"""The service with a real server that speaks Nacos's protocols; skipped where none is installed (tests/support/servers/rnacos.py)."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.processes.programs import ServiceProgram
from tests.support.servers.rnacos import HOW, PASSWORD, USER, Rnacos, program

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nacos,
    pytest.mark.skipif(program() is None, reason=f"r-nacos is not installed here: {HOW}"),
]

OWN = "message-service.yaml"
BODY = {"guid": "g-1", "conversationId": "S:1", "messageType": "TEXT", "content": "hello"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Rnacos]:
    (tmp_path / "nacos").mkdir()
    server = Rnacos(tmp_path / "nacos", tmp_path)
    server.start()
    yield server
    server.close()
    print(server.tail())  # noqa: T201 - pytest shows it where a test failed, only then


Serve = Callable[..., ServiceProgram]


@pytest.fixture
def serve(tmp_path: Path, server: Rnacos) -> Iterator[Serve]:
    """Starts a service in the folder of the test; each call makes another process of the same service."""
    services: list[ServiceProgram] = []

    def started(**settings: str) -> ServiceProgram:
        usual = {
            "SPRING_CLOUD_NACOS_SERVER_ADDR": server.address,
            "SPRING_CLOUD_NACOS_CONFIG_FILE_EXTENSION": "yaml",
        }
        every: dict[str, Any] = usual | settings
        service = ServiceProgram(tmp_path, "simulator", name=f"service-{len(services)}", **every)
        services.append(service)
        service.start()
        return service

    yield started
    for service in services:
        service.close()


def async_status(service: ServiceProgram) -> int:
    return httpx.post(f"{service.url}/api/messages/send/async", json=BODY, trust_env=False).status_code


def test_a_service_is_listed_while_it_works_and_known_again_after_a_restart_of_nacos(
    serve: Serve, server: Rnacos
) -> None:
    service = serve(SPRING_CLOUD_NACOS_DISCOVERY_METADATA="team: blue")
    service.until(lambda: server.instances() != [])
    (instance,) = server.instances()
    assert (instance["ip"], instance["port"], instance["healthy"]) == ("127.0.0.1", service.port, True)
    assert instance["metadata"].items() >= {
        "preserved.register.source": "SPRING_CLOUD", "context-path": "/message",
        "management.context-path": "/message/actuator", "team": "blue",
    }.items()  # fmt: skip
    server.kill9()
    server.start()
    service.until(lambda: server.instances() != [])
    service.terminate()
    service.until(lambda: server.instances() == [])  # while the process still runs
    assert service.exit_code() == 0
    assert not service.has_written(PASSWORD)


def test_a_change_counts_at_once_and_a_wrong_one_not_at_all(serve: Serve, server: Rnacos, tmp_path: Path) -> None:
    server.publish(OWN, "app: {message: {limits: {rate-limit-per-minute: 77}}}")
    service = serve()
    assert async_status(service) == 202
    server.publish(OWN, "app: {message: {async: {enabled: false}, limits: {max-batch-size: 7}}}\n")
    service.until(lambda: async_status(service) == 503)
    service.until(lambda: service.has_written("need a restart: app.message.limits.max-batch-size"))
    server.publish(OWN, "app: {message: {async: {enabled: true}, nonsense: 1}}")
    service.until(lambda: service.has_written("the configuration of Nacos is refused"))
    assert async_status(service) == 503
    server.publish(OWN, "app: {message: {async: {enabled: true}}}")
    service.until(lambda: async_status(service) == 202)
    # The SDK's own caches would be folders of these names, in clear for everybody to read.
    assert not {"config", "naming"} & {path.name for path in tmp_path.iterdir()}


def test_a_start_without_nacos_has_the_copy_and_goes_on_with_what_nacos_says_later(
    serve: Serve, server: Rnacos, tmp_path: Path
) -> None:
    server.publish(OWN, "app: {message: {async: {enabled: false}}}")
    first = serve()
    assert (async_status(first), first.stop()) == (503, 0)
    copy = tmp_path / "var/nacos/configuration.json"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    server.stop()
    second = serve()
    assert async_status(second) == 503
    assert second.has_written("started with the copy of what Nacos said")
    server.start()
    server.publish(OWN, "app: {message: {async: {enabled: true}}}")
    second.until(lambda: async_status(second) == 202)
    second.until(lambda: server.instances() != [])
    assert second.stop() == 0


def test_nacos_may_ask_for_user_and_password(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "guarded").mkdir()
    guarded = Rnacos(tmp_path / "guarded", tmp_path / "guarded", auth=True)
    guarded.start()
    try:
        guarded.publish(OWN, "app: {message: {async: {enabled: false}}}")
        secret = tmp_path / "password"
        secret.write_text(PASSWORD)
        service = serve(
            SPRING_CLOUD_NACOS_SERVER_ADDR=guarded.address, SPRING_CLOUD_NACOS_USERNAME=USER,
            SPRING_CLOUD_NACOS_PASSWORD_FILE=str(secret),
        )  # fmt: skip
        assert async_status(service) == 503
        service.until(lambda: service.has_written("registered as message-service"))
        assert service.stop() == 0
        assert not service.has_written(PASSWORD)
        stranger = serve(SPRING_CLOUD_NACOS_SERVER_ADDR=guarded.address)
        assert async_status(stranger) == 503
        assert stranger.has_written("does not answer (nacos: NacosException")
    finally:
        guarded.close()
