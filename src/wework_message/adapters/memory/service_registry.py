"""A list of services in memory."""

from collections.abc import Sequence

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.service_registry import ServiceInstance


class MemoryRegistryServer:
    """What several processes see."""

    def __init__(self) -> None:
        """Empty, and there."""
        self.is_away = False
        self.instances: dict[tuple[str, str, str, int], ServiceInstance] = {}

    def restart(self) -> None:
        """It is back, and has forgotten what was registered: its clients' connections are gone."""
        self.is_away = False
        self.instances.clear()

    def listed(self) -> Sequence[ServiceInstance]:
        """What others find."""
        return list(self.instances.values())


class MemoryServiceRegistry:
    """One process's way to it."""

    def __init__(self, server: MemoryRegistryServer) -> None:
        """Nothing is registered yet."""
        self._server = server
        self._own: set[tuple[str, str, str, int]] = set()

    async def register(self, instance: ServiceInstance) -> None:
        self._require_server().instances[_key(instance)] = instance
        self._own.add(_key(instance))

    async def has(self, instance: ServiceInstance) -> bool:
        return _key(instance) in self._require_server().instances

    async def deregister(self, instance: ServiceInstance) -> None:
        self._require_server().instances.pop(_key(instance), None)
        self._own.discard(_key(instance))

    async def close(self) -> None:
        for key in self._own:
            self._server.instances.pop(key, None)
        self._own.clear()

    def _require_server(self) -> MemoryRegistryServer:
        if self._server.is_away:
            raise UnavailableError("registry", "is away")
        return self._server


def _key(instance: ServiceInstance) -> tuple[str, str, str, int]:
    return instance.group, instance.service, instance.host, instance.port
