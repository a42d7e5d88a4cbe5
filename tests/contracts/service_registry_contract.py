"""What a process sees of the list of services, in any adapter."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import pytest

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.service_registry import ServiceInstance, ServiceRegistry

OURS = ServiceInstance("message-service", "10.0.0.7", 8082, metadata={"context-path": "/message"})


class RegistryServer(Protocol):
    """The server of the test."""

    is_away: bool

    def restart(self) -> None:
        """It is back, and its clients' connections are gone."""
        ...

    def listed(self) -> Sequence[ServiceInstance]:
        """What others find."""
        ...


class ServiceRegistryContract:
    """Subclasses have the fixtures `server` and `connect`, which gives another process's registry at it."""

    async def test_what_is_registered_is_listed_with_all_that_others_need(
        self, server: RegistryServer, connect: Callable[[], ServiceRegistry]
    ) -> None:
        registry = connect()
        instance = dataclasses.replace(OURS, group="blue", cluster="north", weight=2.5)
        assert not await registry.has(instance)
        await registry.register(instance)
        assert (await registry.has(instance), list(server.listed())) == (True, [instance])
        await registry.close()

    async def test_twice_is_no_error_and_the_later_one_counts(
        self, server: RegistryServer, connect: Callable[[], ServiceRegistry]
    ) -> None:
        registry = connect()
        await registry.register(OURS)
        await registry.register(newer := dataclasses.replace(OURS, weight=3.0))
        assert list(server.listed()) == [newer]
        await registry.close()

    async def test_an_instance_is_found_by_its_address(self, connect: Callable[[], ServiceRegistry]) -> None:
        registry = connect()
        await registry.register(OURS)
        assert await registry.has(dataclasses.replace(OURS, metadata={}))
        assert not await registry.has(dataclasses.replace(OURS, port=8083))
        assert not await registry.has(dataclasses.replace(OURS, host="10.0.0.8"))
        assert not await registry.has(dataclasses.replace(OURS, service="other"))
        assert not await registry.has(dataclasses.replace(OURS, group="other"))
        await registry.close()

    async def test_what_is_deregistered_is_gone_and_again_is_no_error(
        self, server: RegistryServer, connect: Callable[[], ServiceRegistry]
    ) -> None:
        registry = connect()
        await registry.register(OURS)
        await registry.deregister(OURS)
        await registry.deregister(OURS)
        assert (await registry.has(OURS), list(server.listed())) == (False, [])
        await registry.close()

    async def test_the_end_of_a_process_ends_what_it_registered_and_nothing_else(
        self, server: RegistryServer, connect: Callable[[], ServiceRegistry]
    ) -> None:
        first, second = connect(), connect()
        other = dataclasses.replace(OURS, host="10.0.0.8")
        await first.register(OURS)
        await second.register(other)
        await first.close()
        assert list(server.listed()) == [other]
        await second.close()
        await second.close()

    async def test_a_server_that_is_away_is_said_and_works_again_once_it_is_back(
        self, server: RegistryServer, connect: Callable[[], ServiceRegistry]
    ) -> None:
        registry = connect()
        await registry.register(OURS)
        server.is_away = True
        for call in (registry.register, registry.has, registry.deregister):
            with pytest.raises(UnavailableError):
                await call(OURS)
        server.restart()
        assert not await registry.has(OURS)
        await registry.register(OURS)
        assert list(server.listed()) == [OURS]
        await registry.close()
