"""Checks of RocketMQ: the name servers, the topics and groups at the brokers, and the proxy.

They make read-only calls of `Admin`, and one `QueryRoute` call to the gRPC service of the proxy. The client library is
not loaded: it writes its own log.
"""

import asyncio
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import grpc  # type: ignore[import-untyped]  # ships no types

from wework_message.adapters.http.checks import clear_text, reaching, secured
from wework_message.adapters.rocketmq.admin import Address, Admin, RefusedError
from wework_message.adapters.rocketmq.transport.channel_credentials import channel_credentials
from wework_message.adapters.tls import ClientTls, TlsFiles
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.checks import Check, Fault, Finding

_NAME: Final = "rocketmq"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The parts of a cluster that the checks examine."""

    admin: Admin
    """Calls its name servers and brokers, with the access key of the service."""
    proxy: Address | None
    """None: the transport connects to brokers directly."""
    topics: Sequence[str]
    """The topics that must exist, by their names at the brokers."""
    groups: Sequence[str]
    tls: TlsFiles | None = None
    """TLS to the proxy; None = clear text."""
    creates: bool = True
    """Whether the service creates missing topics and groups at its start (`rocketmq.create-topics`)."""


def rocketmq_checks(cluster: Cluster) -> tuple[Check, ...]:
    """The checks of a cluster."""
    servers = cluster.admin.name_servers
    checks: list[Check] = []
    first = None
    for number, address in enumerate(servers, 1):
        name = f"{_NAME}.name-server" + (f".{number}" if len(servers) > 1 else "")
        connection_checks = reaching(name, *address, setting="rocketmq.name-server")
        server = replace(cluster.admin, name_servers=[address])
        link = _link(name, address, connection_checks[-1].name, cluster.admin.tls, "rocketmq.tls.mode: verify")
        call = _answering(name, server, cluster.topics[0], after=link.name)
        checks += [*connection_checks, link, call]
        first = call.name if len(servers) == 1 else None
    checks += [
        Check(f"{_NAME}.topics", lambda: _topics(cluster), after=first, fault=Fault.SETTINGS),
        Check(f"{_NAME}.groups", lambda: _groups(cluster), after=f"{_NAME}.topics", fault=Fault.SETTINGS),
    ]
    return (*checks, *(_proxy_checks(cluster, cluster.proxy) if cluster.proxy is not None else ()))


def _proxy_checks(cluster: Cluster, proxy: Address) -> tuple[Check, ...]:
    connection_checks = reaching(f"{_NAME}.proxy", *proxy, setting="rocketmq.endpoints")
    ask = partial(_proxy, cluster, proxy)
    tls = None if cluster.tls is None else ClientTls(cluster.tls)
    link = _link(
        f"{_NAME}.proxy", proxy, connection_checks[-1].name, tls, "rocketmq.tls.mode: verify, or verify-endpoints"
    )
    return (
        *connection_checks,
        link,
        Check(f"{_NAME}.proxy.call", ask, after=link.name, advice="see the proxy's log"),
    )


def _link(name: str, address: Address, after: str, tls: ClientTls | None, setting: str) -> Check:
    if tls is None:
        return clear_text(name, address[0], after=after, setting=setting)
    return secured(name, *address, tls=tls)


def _answering(name: str, server: Admin, topic: str, *, after: str) -> Check:
    async def ask() -> Finding:
        try:
            with _translating():
                await server.has_route(topic)
        except RefusedError as refused:
            return Finding.failed(f"it answers with code {refused.code}", "see the name server's log")
        return Finding.ok("it answers for routes")

    return Check(f"{name}.call", ask, after=after, advice="see whether a name server listens there, and its log")


async def _topics(cluster: Cluster) -> Finding:
    with _translating():
        missing = [topic for topic in cluster.topics if not await cluster.admin.has_route(topic)]
    if not missing:
        return Finding.ok(f"{', '.join(cluster.topics)}: there")
    return _missing("topic", missing, cluster)


async def _groups(cluster: Cluster) -> Finding:
    try:
        with _translating():
            groups_by_broker = [await cluster.admin.groups(broker) for broker in await cluster.admin.masters()]
    except RefusedError as refused:
        raise UnavailableError("rocketmq", f"a broker refuses to list its groups ({refused})") from None
    missing = [group for group in cluster.groups if not all(group in groups for groups in groups_by_broker)]
    if not missing:
        return Finding.ok(f"{', '.join(cluster.groups)}: there")
    return _missing("group", missing, cluster)


@contextmanager
def _translating() -> Iterator[None]:
    """Raise `UnavailableError` where an answer is not one of a name server or broker."""
    try:
        yield
    except (OSError, ValueError, LookupError, struct.error) as error:
        raise UnavailableError("rocketmq", type(error).__name__) from None


def _missing(kind: str, names: Sequence[str], cluster: Cluster) -> Finding:
    text = f"no {kind} {', '.join(names)}"
    advice = "run: wework-message rocketmq init"
    if cluster.creates:
        return Finding.warning(text, f"the next start creates it, where the cluster allows that; or {advice}")
    return Finding.failed(text, f"{advice}; or set rocketmq.create-topics: true")


async def _proxy(cluster: Cluster, proxy: Address) -> Finding:
    """`QueryRoute` for one of our topics. A route or "no such topic" proves that a proxy answers."""
    host, port = proxy
    status = await asyncio.shield(asyncio.create_task(_query_route(f"{host}:{port}", cluster)))
    if status == _OK:
        return Finding.ok(f"it leads to {cluster.topics[0]}")
    if status == _TOPIC_NOT_FOUND:
        return Finding.warning(
            f"it answers, and knows no topic {cluster.topics[0]}", "a topic that was just created is known after 20 s"
        )
    return Finding.failed(f"it answers with status {status}", "see the proxy's log, and rocketmq.access-key")


_OK: Final = 20_000
_TOPIC_NOT_FOUND: Final = 40_402
_NOT_ENABLED: Final = "the broker runs without a proxy, or another service has this port"


async def _query_route(target: str, cluster: Cluster) -> int:
    options = [("grpc.enable_http_proxy", 0)]
    channel = (
        grpc.aio.secure_channel(target, channel_credentials(cluster.tls), options=options)
        if cluster.tls is not None
        else grpc.aio.insecure_channel(target, options=options)
    )
    async with channel:
        ask = channel.unary_unary("/apache.rocketmq.v2.MessagingService/QueryRoute")
        try:
            answer: bytes = await ask(
                _request(cluster.topics[0]), metadata=(("x-mq-client-id", "wework-message-doctor"),)
            )
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.aio.AioRpcError) else None
            if code is grpc.StatusCode.UNIMPLEMENTED:
                raise UnavailableError("rocketmq proxy", _NOT_ENABLED) from None
            raise UnavailableError("rocketmq proxy", code.name if code is not None else type(error).__name__) from None
    return _status(answer)


def _request(topic: str) -> bytes:
    """QueryRouteRequest{topic: Resource{name}}: fields 1 and 2, both length-delimited, for names below 128 bytes."""
    name = topic.encode()
    resource = b"\x12" + bytes([len(name)]) + name
    return b"\x0a" + bytes([len(resource)]) + resource


def _status(answer: bytes) -> int:
    """`code` (field 1) of the Status in field 1 of the answer; 0 if it is absent."""
    if answer[:1] != b"\x0a":
        return 0
    _, begin = _varint(answer, 1)
    return _varint(answer, begin + 1)[0] if answer[begin : begin + 1] == b"\x08" else 0


def _varint(data: bytes, begin: int) -> tuple[int, int]:
    """The number at `begin`, and the position after it."""
    number = 0
    for index, byte in enumerate(data[begin:]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 -- the last byte of a varint
            return number, begin + index + 1
    return 0, len(data)
