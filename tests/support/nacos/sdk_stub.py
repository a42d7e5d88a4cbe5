"""The classes of Nacos's SDK as far as we use them, on a server in memory."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from wework_message.domain.ports.service_registry import ServiceInstance

Listener = Callable[[str, str, str, str], Awaitable[None]]
_Key = tuple[str, str, str, int]


class StubNacosError(Exception):
    """As the SDK's: its text may have anything."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.error_code = -401


@dataclass
class StubServer:
    """A server."""

    is_away: bool = False
    instances: dict[_Key, tuple[ServiceInstance, object]] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    clients: list["StubClient"] = field(default_factory=list)
    opened: int = 0
    answer: object = None
    """In the place of every configuration."""

    def restart(self) -> None:
        self.is_away = False
        self.instances.clear()
        for client in self.clients:
            client.is_connected = False

    def listed(self) -> list[ServiceInstance]:
        return [instance for instance, _ in self.instances.values()]

    def publish(self, data_id: str, text: str, group: str = "DEFAULT_GROUP") -> None:
        self.texts[group, data_id] = text
        for client in self.clients:
            for key, listener in client.listeners:
                if key == (group, data_id):
                    # What listens returns without waiting.
                    with_ended(listener("", group, data_id, text))

    async def open(self) -> "StubClient":
        """What the adapters call."""
        self.opened += 1
        if self.is_away:
            raise StubNacosError("failed to connect, accessToken=hunter2")
        client = StubClient(self)
        self.clients.append(client)
        return client

    async def close(self, client: "StubClient") -> None:
        """As above."""
        self.clients.remove(client)
        client.listeners.clear()
        for key in [key for key, (_, owner) in self.instances.items() if owner is client]:
            del self.instances[key]


def with_ended(coroutine: Awaitable[None]) -> None:
    """Run what does not wait."""
    steps = coroutine.__await__()
    for _ in steps:
        raise AssertionError("a listener waits")


class StubClient:
    """One client of the SDK, of services and configurations."""

    def __init__(self, server: StubServer) -> None:
        self.server = server
        self.is_connected = True
        self.listeners: list[tuple[tuple[str, str], Listener]] = []
        self.grpc_client_proxy = SimpleNamespace(do_subscribe=self._do_subscribe)

    async def server_health(self) -> bool:
        return self.is_connected

    async def register_instance(self, param: Any) -> bool:
        self._require()
        instance = ServiceInstance(
            param.service_name, param.ip, param.port, param.group_name, param.cluster_name, param.weight, param.metadata
        )
        self.server.instances[param.group_name, param.service_name, param.ip, param.port] = (instance, self)
        return True

    async def deregister_instance(self, param: Any) -> bool:
        self._require()
        self.server.instances.pop((param.group_name, param.service_name, param.ip, param.port), None)
        return True

    async def add_listener(self, data_id: str, group: str, listener: Listener) -> None:
        self.listeners.append(((group, data_id), listener))

    async def get_config(self, param: Any) -> object:
        self._require()
        return self.server.answer or self.server.texts.get((param.group, param.data_id), "")

    async def _do_subscribe(self, service: str, group: str, cluster: str) -> object:
        self._require()
        hosts = [
            SimpleNamespace(ip=instance.host, port=instance.port)
            for instance in self.server.listed()
            if (instance.service, instance.group, instance.cluster) == (service, group, cluster)
        ]
        return SimpleNamespace(hosts=hosts) if hosts else None

    def _require(self) -> None:
        if self.server.is_away:
            raise StubNacosError("Client not connected, request=accessToken:hunter2")
