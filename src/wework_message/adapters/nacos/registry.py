"""The list of services of Nacos."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from wework_message.adapters.nacos.reopened import Reopened
from wework_message.adapters.nacos.sdk import (
    DeregisterInstanceParam,
    NacosServer,
    RegisterInstanceParam,
    close_naming,
    open_naming,
)
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.service_registry import ServiceInstance


class NacosServiceRegistry:
    """Ephemeral instances, which end with the connection: the SDK keeps it with a sign of life every 5 s."""

    def __init__(
        self,
        open_client: Callable[[], Awaitable[Any]],
        close_client: Callable[[Any], Awaitable[None]] = close_naming,
    ) -> None:
        """Nothing is connected before the first call."""
        self._client = Reopened(open_client, close_client)

    @classmethod
    def at(cls, server: NacosServer) -> "NacosServiceRegistry":
        """That of this server."""
        return cls(partial(open_naming, server))

    async def register(self, instance: ServiceInstance) -> None:
        param = RegisterInstanceParam(
            service_name=instance.service,
            group_name=instance.group,
            cluster_name=instance.cluster,
            ip=instance.host,
            port=instance.port,
            weight=instance.weight,
            metadata=dict(instance.metadata),
            ephemeral=True,
        )
        if not await self._client.ask(lambda client: client.register_instance(param)):
            raise UnavailableError("nacos", "the instance was not taken")

    async def has(self, instance: ServiceInstance) -> bool:
        # Not by `list_instances`, which answers from what it heard last; this asks the server each time.
        service = await self._client.ask(
            lambda client: client.grpc_client_proxy.do_subscribe(instance.service, instance.group, instance.cluster)
        )
        hosts = [] if service is None else service.hosts
        return any((host.ip, host.port) == (instance.host, instance.port) for host in hosts)

    async def deregister(self, instance: ServiceInstance) -> None:
        param = DeregisterInstanceParam(
            service_name=instance.service,
            group_name=instance.group,
            cluster_name=instance.cluster,
            ip=instance.host,
            port=instance.port,
            ephemeral=True,
        )
        await self._client.ask(lambda client: client.deregister_instance(param))

    async def close(self) -> None:
        await self._client.close()
