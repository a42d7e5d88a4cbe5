"""Checks of Nacos for the doctor. It holds nothing that a message needs, so what it lacks is a warning."""

from collections.abc import Sequence

from wework_message.adapters.http.checks import reaching
from wework_message.adapters.nacos.configuration import NacosSharedConfiguration
from wework_message.adapters.nacos.registry import NacosServiceRegistry
from wework_message.adapters.nacos.sdk import GRPC_OFFSET, NacosServer
from wework_message.domain.ports.checks import Check, Finding
from wework_message.domain.ports.service_registry import ServiceInstance
from wework_message.domain.ports.shared_configuration import DocumentName


def configuration_checks(server: NacosServer, names: Sequence[DocumentName], copy: str) -> tuple[Check, ...]:
    """Whether it answers with configurations; `copy` says in words which copy there is."""
    reachability = _reaching("nacos.config", server)

    async def read() -> Finding:
        configuration = NacosSharedConfiguration.at(server, names)
        try:
            documents = await configuration.read()
        finally:
            await configuration.close()
        if not documents:
            listed = ", ".join(map(str, names))
            return Finding.warning(f"it has none of {listed}; {copy}", "publish one, or turn nacos.config off")
        return Finding.ok(f"it has {', '.join(str(document.name) for document in documents)}; {copy}")

    advice = f"without it a start uses the copy ({copy}); see its log, nacos.username and nacos.password"
    return (*reachability, Check("nacos.config.call", read, after=reachability[-1].name, advice=advice))


def registration_checks(server: NacosServer, instance: ServiceInstance) -> tuple[Check, ...]:
    """Whether it answers, and others find the service there."""
    reachability = _reaching("nacos.discovery", server)

    async def look() -> Finding:
        registry = NacosServiceRegistry.at(server)
        try:
            is_there = await registry.has(instance)
        finally:
            await registry.close()
        where = f"{instance.service} at {instance.host}:{instance.port} (group {instance.group})"
        if is_there:
            return Finding.ok(f"{where} is registered")
        return Finding.warning(f"{where} is not registered", "it is while `wework-message serve` runs; see its log")

    advice = "see its log, nacos.username and nacos.password"
    return (*reachability, Check("nacos.discovery.call", look, after=reachability[-1].name, advice=advice))


def _reaching(name: str, server: NacosServer) -> tuple[Check, ...]:
    """The first server, at the port of gRPC."""
    host, _, port = server.addresses.partition(",")[0].partition(":")
    return reaching(name, host, int(port) + GRPC_OFFSET, setting="nacos.server-addr")
