"""One instance stays on the list of services, whatever becomes of the server."""

import asyncio
import logging

import pytest
from tests.contracts.service_registry_contract import OURS
from tests.support.polling import until_true

from wework_message.adapters.memory.service_registry import MemoryRegistryServer, MemoryServiceRegistry
from wework_message.application.discovery import keep_registered
from wework_message.application.discovery.keep_registered import KeepRegistered
from wework_message.application.queries.service import Condition
from wework_message.domain.ports.service_registry import ServiceInstance


@pytest.fixture
def server() -> MemoryRegistryServer:
    return MemoryRegistryServer()


@pytest.fixture
def keeping(server: MemoryRegistryServer) -> KeepRegistered:
    return KeepRegistered(MemoryServiceRegistry(server), OURS)


async def test_it_registers_once(keeping: KeepRegistered, server: MemoryRegistryServer) -> None:
    assert (keeping.registered, keeping.condition()) == (False, Condition())
    await keeping.round()
    (first,) = server.listed()
    await keeping.round()
    assert (first, keeping.registered, server.listed() == [first]) == (OURS, True, True)


async def test_a_server_that_was_restarted_knows_it_again(
    keeping: KeepRegistered, server: MemoryRegistryServer
) -> None:
    await keeping.round()
    server.restart()
    await keeping.round()
    assert server.listed() == [OURS]


async def test_an_outage_is_one_warning_and_ends_by_itself(
    keeping: KeepRegistered, server: MemoryRegistryServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(2):
        server.is_away = True
        for _ in range(3):
            await keeping.round()
            assert (keeping.registered, keeping.condition().healthy) == (False, False)
        server.restart()
        await keeping.round()
        assert keeping.condition() == Condition(healthy=True)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING", "INFO"]
    assert (server.listed(), keeping.registered) == ([OURS], True)


async def test_the_end_takes_it_off_and_it_does_not_come_back(
    keeping: KeepRegistered, server: MemoryRegistryServer
) -> None:
    running = asyncio.create_task(keeping.run())
    await until_true(lambda: keeping.registered)
    await keeping.stop()
    await running
    assert (server.listed(), keeping.registered) == ([], False)
    await keeping.round()
    assert server.listed() == []


async def test_the_end_does_not_ask_a_server_that_is_away(server: MemoryRegistryServer) -> None:
    received: list[ServiceInstance] = []

    class Watched(MemoryServiceRegistry):
        async def deregister(self, instance: ServiceInstance) -> None:
            received.append(instance)

    keeping = KeepRegistered(Watched(server), OURS)
    server.is_away = True
    await keeping.round()
    await keeping.stop()
    assert received == []


async def test_a_server_that_goes_away_with_the_end_costs_a_warning(
    keeping: KeepRegistered, server: MemoryRegistryServer, caplog: pytest.LogCaptureFixture
) -> None:
    await keeping.round()
    server.is_away = True
    await keeping.stop()
    assert "not deregistered: registry: is away" in caplog.text


async def test_a_server_that_does_not_answer_does_not_hold_the_end_up(
    server: MemoryRegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_registered, "WITHDRAW_S", 0.0)

    class Silent(MemoryServiceRegistry):
        async def deregister(self, instance: ServiceInstance) -> None:
            await asyncio.Event().wait()

    keeping = KeepRegistered(Silent(server), OURS)
    await keeping.round()
    await keeping.stop()
    assert server.listed() == []  # the connection has ended


async def test_a_defect_does_not_end_it(
    server: MemoryRegistryServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keep_registered, "ROUND_S", 0.0)
    failures = [RuntimeError("a defect")]

    class Failing(MemoryServiceRegistry):
        async def has(self, instance: ServiceInstance) -> bool:
            if failures:
                raise failures.pop()
            return await super().has(instance)

    keeping = KeepRegistered(Failing(server), OURS)
    running = asyncio.create_task(keeping.run())
    await until_true(lambda: keeping.registered)
    await keeping.stop()
    await running
    assert "the registration could not be looked at" in caplog.text
