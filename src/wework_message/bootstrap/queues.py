"""The connection to the queue that the settings name."""

from wework_message.adapters.rocketmq.grpc_transport import GrpcTransport
from wework_message.adapters.rocketmq.target import Target, addresses, proxies
from wework_message.adapters.rocketmq.transport import Transport
from wework_message.bootstrap.settings.tree import RocketmqSettings

PROXY_PORT = 8081


def open_transport(settings: RocketmqSettings) -> Transport | None:
    """Nothing is connected before its first use; None without a name server."""
    if settings.name_server is None:
        return None
    endpoints = settings.endpoints or f"{addresses(settings.name_server)[0][0]}:{PROXY_PORT}"
    return GrpcTransport(Target(proxies(endpoints), tries=max(1, settings.producer.retry_times_when_send_failed)))
