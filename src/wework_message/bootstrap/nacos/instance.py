"""What the service is registered as."""

import contextlib
import socket
from typing import Final

from wework_message import __version__
from wework_message.bootstrap.settings import Loaded
from wework_message.bootstrap.settings.nacos import addresses_of
from wework_message.domain.ports.service_registry import ServiceInstance

_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- compared, not bound
_LOOPBACK: Final = "127.0.0.1"


def instance_of(loaded: Loaded, port: int, management_port: int | None = None) -> ServiceInstance:
    """This service, which listens on `port`. May resolve the name of Nacos, which can take a while."""
    nacos = loaded.settings.nacos
    discovery = nacos.discovery
    return ServiceInstance(
        service=nacos.service,
        host=discovery.ip or _host(loaded),
        port=discovery.port or port,
        group=discovery.group,
        cluster=discovery.cluster_name,
        weight=discovery.weight,
        metadata=_metadata(loaded, management_port) | dict(discovery.metadata),
    )


def _metadata(loaded: Loaded, management_port: int | None) -> dict[str, str]:
    """What Spring Cloud Alibaba says of a service, and clients of it look for."""
    context_path = loaded.settings.server.context_path
    metadata = {
        "preserved.register.source": "SPRING_CLOUD",
        "context-path": context_path,
        "management.context-path": f"{context_path}/actuator",
        "version": __version__,
    }
    return metadata if management_port is None else {**metadata, "management.port": str(management_port)}


def _host(loaded: Loaded) -> str:
    if loaded.listen_host not in _EVERYWHERE:
        return loaded.listen_host
    return _way_to(addresses_of(loaded.settings.nacos, loaded.settings.nacos.discovery).partition(",")[0])


def _way_to(address: str) -> str:
    """The address of this machine on the way to `address`. Nothing is sent."""
    host, _, port = address.partition(":")
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((host, int(port)))
        return str(way.getsockname()[0])
    return _LOOPBACK
