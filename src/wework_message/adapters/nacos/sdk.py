"""Clients of the SDK that write no file, no log, and leave no task behind."""

import asyncio
import contextlib
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its models are of a former pydantic
    from v2.nacos import (  # type: ignore[import-untyped]  # ships no types
        ClientConfig,
        ConfigParam,
        DeregisterInstanceParam,
        NacosConfigService,
        NacosNamingService,
        RegisterInstanceParam,
    )
    from v2.nacos.transport.auth_client import AuthClient  # type: ignore[import-untyped]  # as above
    from v2.nacos.transport.nacos_server_connector import NacosServerConnector  # type: ignore[import-untyped]  # as above

from wework_message.domain.errors import UnavailableError

__all__ = [
    "GRPC_OFFSET", "ConfigParam", "DeregisterInstanceParam", "NacosServer", "RegisterInstanceParam", "close_configuration",
    "close_naming", "open_configuration", "open_naming",
]  # fmt: skip

GRPC_OFFSET: Final = 1_000
"""From Nacos's port to that of gRPC."""

CONNECT_MS: Final = 2_000
HTTP_S: Final = 3
"""The SDK calls it ms, and takes it for seconds."""

_SILENT: Final = logging.CRITICAL + 1


@dataclass(frozen=True, slots=True)
class NacosServer:
    """Where Nacos is, and who asks."""

    addresses: str
    """``host:port``, with commas between."""
    namespace: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class _Naming(NacosNamingService):  # type: ignore[misc]  # a class without types
    def init_log(self, client_config: ClientConfig, module: str) -> None:  # noqa: ARG002 -- the SDK's signature
        self.logger = _silent(module)


class _Configuration(NacosConfigService):  # type: ignore[misc]  # as above
    def init_log(self, client_config: ClientConfig, module: str) -> None:  # noqa: ARG002 -- the SDK's signature
        self.logger = _silent(module)


class _NoFiles:
    """In the place of the SDK's cache, which writes configurations in clear for everybody to read, and answers from it."""

    async def write_config_to_cache(self, *_: str) -> None:
        """Nothing is written."""

    async def get_config_cache(self, *_: str) -> tuple[str, str]:
        """Nothing is there."""
        return "", ""

    async def get_fail_over_config_cache(self, *_: str) -> tuple[str, str]:
        """Nothing is there."""
        return "", ""


class _NoServices:
    """In the place of the SDK's cache of other services, which is files too: the list is asked for each time."""

    async def process_service(self, _service: object) -> None:
        """Nothing is kept."""


def _silent(module: str) -> logging.Logger:
    """The SDK logs tokens, contents and requests, to a file in the home folder."""
    logger = logging.getLogger(module)
    logger.setLevel(_SILENT)
    logger.propagate = False
    return logger


def _config(server: NacosServer, namespace: str) -> ClientConfig:
    config = ClientConfig(server_addresses=server.addresses, namespace_id=namespace)
    config.timeout_ms = HTTP_S
    config.grpc_config.grpc_timeout = CONNECT_MS
    config.load_cache_at_start = False
    config.disable_use_config_cache = True
    return config


def _log_in(
    config: ClientConfig, server: NacosServer, connector: NacosServerConnector, client: NacosNamingService
) -> None:
    """With the first request; the SDK begins at once, in a task whose failure nobody would see."""
    if server.username and server.password:
        config.username, config.password = server.username, server.password
        connector.auth_client = AuthClient(client.logger, config, connector.get_server_list, client.http_agent)


async def _require_one(server: NacosServer) -> None:
    """Raise `UnavailableError` unless one of the servers takes connections: where none does, the SDK would try for 6 s."""
    places = [address.rpartition(":") for address in server.addresses.split(",")]
    tries = [asyncio.create_task(_try(host, int(port) + GRPC_OFFSET)) for host, _, port in places]
    try:
        for done in asyncio.as_completed(tries):
            with contextlib.suppress(OSError):
                await done
                return
    finally:
        await _ended(tries)
    raise UnavailableError("nacos", "no server takes connections at its gRPC port, which is 1000 above its own")


async def _try(host: str, port: int) -> None:
    async with asyncio.timeout(CONNECT_MS / 1_000):
        _, writer = await asyncio.open_connection(host, port)
    writer.close()
    await writer.wait_closed()


async def open_naming(server: NacosServer) -> NacosNamingService:
    """A client of the list of services, connected or about to be. Raises `UnavailableError`, and what the SDK raises."""
    await _require_one(server)
    config = _config(server, server.namespace)
    client = _Naming(config)
    proxy = client.grpc_client_proxy
    client.service_info_holder = proxy.service_info_cache = _NoServices()
    _log_in(config, server, proxy.nacos_server_connector, client)
    try:
        await proxy.start()
    except BaseException:
        await close_naming(client)
        raise
    return client


async def close_naming(client: NacosNamingService) -> None:
    """Its tasks as well: the SDK leaves one behind that only looks every 30 s whether it should end."""
    proxy = client.grpc_client_proxy
    await _ended([proxy.redo_service._listen_task])  # noqa: SLF001 -- the SDK has no other way
    if proxy.rpc_client is not None:
        await proxy.rpc_client.shutdown()


async def open_configuration(server: NacosServer) -> NacosConfigService:
    """A client of the configurations, connected or about to be. Raises `UnavailableError`, and what the SDK raises."""
    await _require_one(server)
    config = _config(server, "" if server.namespace == "public" else server.namespace)
    client = _Configuration(config)
    proxy = client.grpc_client_proxy
    client.config_info_cache = proxy.config_info_cache = _NoFiles()
    proxy.config_subscribe_manager.config_info_cache = client.config_info_cache
    _log_in(config, server, proxy.nacos_server_connector, client)
    try:
        await proxy.start()
    except BaseException:
        await close_configuration(client)
        raise
    return client


async def close_configuration(client: NacosConfigService) -> None:
    """Its tasks as well, without the 5 s that the SDK would wait for one of them."""
    proxy = client.grpc_client_proxy
    proxy.stop_event.set()
    await _ended([proxy.listen_task])
    await proxy.rpc_client_manager.shutdown_all_clients()


async def _ended(tasks: "Sequence[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
