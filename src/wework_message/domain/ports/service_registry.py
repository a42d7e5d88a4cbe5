"""Where services are listed, for others to find them, such as Nacos."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """One running instance of a service, as others find it."""

    service: str
    host: str
    """Address that others reach it at."""
    port: int
    group: str = "DEFAULT_GROUP"
    cluster: str = "DEFAULT"
    weight: float = 1.0
    """Its share of the requests, 0 to 10,000."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class ServiceRegistry(Protocol):
    """Lists instances while the process that registered them is connected."""

    async def register(self, instance: ServiceInstance) -> None:
        """List `instance`; again is no error. Ends within seconds; raises `UnavailableError`."""
        ...

    async def has(self, instance: ServiceInstance) -> bool:
        """Whether others find an instance with this address. Ends within seconds; raises `UnavailableError`."""
        ...

    async def deregister(self, instance: ServiceInstance) -> None:
        """Take `instance` off the list; one that is not listed is no error. Ends within seconds; raises `UnavailableError`."""
        ...

    async def close(self) -> None:
        """Let go of the server, whatever state it is in; what is registered then ends. Ends within seconds."""
        ...
