"""Checks of RocketMQ: the name servers, the topics and groups at the brokers, and the proxy that we speak to.

Read-only calls of the remoting protocol (frame: length | header length, whose first byte 0 means JSON | header | body) and one
`QueryRoute` of the proxy's gRPC service. The client library is not loaded: it writes a log of its own.
"""

import asyncio
import json
import struct
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc  # type: ignore[import-untyped]  # ships no types

from wework_message.adapters.http.checks import reaching
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.checking import Check, Fault, Finding

ROUTE_OF_TOPIC: Final = 105
GROUPS: Final = 201
"""Codes of requests (RequestCode in the broker's source). The whole list of groups: asked for one group that it does not have
(352), a broker with `autoCreateSubscriptionGroup` makes it."""

TOPIC_NOT_EXIST: Final = 17
"""Code of an answer (ResponseCode)."""

_LARGEST: Final = 16 * 2**20
_PLACE: Final = "rocketmq"


@dataclass(frozen=True, slots=True)
class Cluster:
    """What of a cluster is looked at."""

    name_servers: Sequence[tuple[str, int]]
    proxy: tuple[str, int]
    topics: Sequence[str]
    """That must be there, as the brokers name them."""
    groups: Sequence[str]
    tls: bool = False
    """Of the proxy."""
    creates: bool = True
    """Whether the service creates at its start what is missing (`rocketmq.create-topics`)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A remoting answer."""

    code: int
    """0 = success."""
    body: bytes


def rocketmq_checks(cluster: Cluster) -> tuple[Check, ...]:
    """Everything about a cluster."""
    checks: list[Check] = []
    first = None
    for number, (host, port) in enumerate(cluster.name_servers, 1):
        name = f"{_PLACE}.name-server" + (f".{number}" if len(cluster.name_servers) > 1 else "")
        way = reaching(name, host, port, setting="rocketmq.name-server")
        call = _answering(name, host, port, cluster, after=way[-1].name)
        checks += [*way, call]
        first = call.name if len(cluster.name_servers) == 1 else None
    proxy = reaching(f"{_PLACE}.proxy", *cluster.proxy, setting="rocketmq.endpoints")
    return (
        *checks,
        Check(f"{_PLACE}.topics", lambda: _topics(cluster), after=first, fault=Fault.SETTINGS),
        Check(f"{_PLACE}.groups", lambda: _groups(cluster), after=f"{_PLACE}.topics", fault=Fault.SETTINGS),
        *proxy,
        Check(f"{_PLACE}.proxy.call", lambda: _proxy(cluster), after=proxy[-1].name, advice="see the proxy's log"),
    )


def _answering(name: str, host: str, port: int, cluster: Cluster, *, after: str) -> Check:
    async def ask() -> Finding:
        reply = await call(host, port, ROUTE_OF_TOPIC, {"topic": cluster.topics[0]})
        if reply.code in (0, TOPIC_NOT_EXIST):
            return Finding.ok("it answers for routes")
        return Finding.failed(f"it answers with code {reply.code}", "see the name server's log")

    return Check(f"{name}.call", ask, after=after, advice="see whether a name server listens there, and its log")


async def _topics(cluster: Cluster) -> Finding:
    missing = [topic for topic in cluster.topics if await _route(cluster, topic) is None]
    if not missing:
        return Finding.ok(f"{', '.join(cluster.topics)}: there")
    return _missing("topic", missing, cluster)


async def _groups(cluster: Cluster) -> Finding:
    brokers = await _brokers(cluster)
    if not brokers:
        return Finding.skipped("no broker is known, since no topic of ours is there")
    known = [await _groups_at(host, port) for host, port in brokers]
    missing = [group for group in cluster.groups if not all(group in one for one in known)]
    if not missing:
        return Finding.ok(f"{', '.join(cluster.groups)}: there")
    return _missing("group", missing, cluster)


async def _groups_at(host: str, port: int) -> Container[str]:
    reply = await call(host, port, GROUPS, {})
    if reply.code:
        raise UnavailableError("rocketmq", f"{host}:{port} refuses to list its groups ({reply.code})")
    try:
        groups: Container[str] = json.loads(reply.body)["subscriptionGroupTable"]
    except (ValueError, KeyError) as error:
        raise UnavailableError("rocketmq", f"{host}:{port}: {type(error).__name__}") from None
    return groups


def _missing(kind: str, names: Sequence[str], cluster: Cluster) -> Finding:
    text = f"no {kind} {', '.join(names)}"
    advice = "run: wework-message rocketmq init"
    if cluster.creates:
        return Finding.warning(text, f"the next start creates it, where the cluster allows that; or {advice}")
    return Finding.failed(text, f"{advice}; or set rocketmq.create-topics: true")


async def _brokers(cluster: Cluster) -> Sequence[tuple[str, int]]:
    """Masters that have our topics, by the first name server that answers."""
    for topic in cluster.topics:
        route = await _route(cluster, topic)
        if route is not None:
            masters = [broker["brokerAddrs"].get("0") for broker in route.get("brokerDatas", ())]
            return [_address(master) for master in masters if master]
    return ()


async def _route(cluster: Cluster, topic: str) -> Mapping[str, Any] | None:
    last: UnavailableError | None = None
    for host, port in cluster.name_servers:
        try:
            reply = await call(host, port, ROUTE_OF_TOPIC, {"topic": topic, "acceptStandardJsonOnly": "true"})
        except UnavailableError as error:
            last = error
            continue
        route: Mapping[str, Any] | None = json.loads(reply.body) if reply.code == 0 else None
        return route
    raise last or UnavailableError("rocketmq", "no name server is configured")


async def _proxy(cluster: Cluster) -> Finding:
    """`QueryRoute` for a topic of ours: a route, or "no such topic", is an answer of a proxy."""
    host, port = cluster.proxy
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
    credentials = grpc.ssl_channel_credentials()
    opened = (
        grpc.aio.secure_channel(target, credentials, options=options)
        if cluster.tls
        else grpc.aio.insecure_channel(target, options=options)
    )
    async with opened as channel:
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
    """QueryRouteRequest{topic: Resource{name}} by hand: fields 1 and 2, both length-delimited, names below 128 bytes."""
    name = topic.encode()
    resource = b"\x12" + bytes([len(name)]) + name
    return b"\x0a" + bytes([len(resource)]) + resource


def _status(answer: bytes) -> int:
    """`code` (field 1) of the Status in field 1 of the answer; 0 where there is none."""
    if answer[:1] != b"\x0a":
        return 0
    _, begin = _varint(answer, 1)
    return _varint(answer, begin + 1)[0] if answer[begin : begin + 1] == b"\x08" else 0


def _varint(data: bytes, begin: int) -> tuple[int, int]:
    """The number that begins there, and where the next thing begins."""
    number = 0
    for place, byte in enumerate(data[begin:]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 -- the last byte of a varint
            return number, begin + place + 1
    return 0, len(data)


async def call(host: str, port: int, code: int, fields: Mapping[str, str]) -> Reply:
    """One remoting request on a connection of its own. Raises `UnavailableError`."""
    header = json.dumps(
        {"code": code, "language": "PYTHON", "version": 475, "opaque": 1, "flag": 0, "extFields": dict(fields)}
    ).encode()
    try:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(struct.pack(">ii", 4 + len(header), len(header)) + header)
            total, head = struct.unpack(">ii", await reader.readexactly(8))
            if not 0 <= total - 4 <= _LARGEST or not 0 <= head <= total - 4:
                raise UnavailableError("rocketmq", "what answers is no name server and no broker")
            rest = await reader.readexactly(total - 4)
        finally:
            writer.transport.abort()
        return Reply(int(json.loads(rest[:head])["code"]), rest[head:])
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise UnavailableError("rocketmq", f"{host}:{port}: {type(error).__name__}") from None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
