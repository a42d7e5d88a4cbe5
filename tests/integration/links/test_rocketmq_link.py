"""TLS to the proxy, the name server and the broker of a cluster of RocketMQ that speak it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.authority import Authority
from tests.support.certificates import server_context
from tests.support.checks import examined, verdicts
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.checks import Cluster, rocketmq_checks
from wework_message.adapters.rocketmq.cluster_watch import ClusterWatch
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.rocketmq.transport.cluster_address import Target, addresses
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError
from wework_message.adapters.tls import ClientTls, TlsFiles, refusal


@contextlib.asynccontextmanager
async def connected(endpoints: str, ca_file: Path) -> AsyncIterator[GrpcTransport]:
    transport = GrpcTransport(Target(endpoints, tls=TlsFiles(ca_file=ca_file), request_timeout_s=3, tries=1))
    try:
        yield transport
    finally:
        await transport.close()


def admin_of(rocketmq: RocketMq, ca_file: Path | None = None) -> Admin:
    return Admin(
        addresses(rocketmq.name_server.address), tls=None if ca_file is None else ClientTls(TlsFiles(ca_file=ca_file))
    )


async def test_messages_go_and_come_in_tls(rocketmq: RocketMq) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    async with connected(rocketmq.endpoints, rocketmq.authority.ca_file) as transport:
        subscription = await transport.subscribe(topic, group, lease_s=30)
        await transport.publish(topic, b"body", keys=["k"])
        deliveries: list[Delivery] = []
        while not deliveries:
            deliveries = list(await subscription.receive(8))
        assert [delivery.body for delivery in deliveries] == [b"body"]
        await subscription.ack(deliveries[0])


async def test_a_proxy_of_an_unknown_authority_gets_nothing(rocketmq: RocketMq, tmp_path: Path) -> None:
    topic, stranger = rocketmq.fresh_topic(), Authority(tmp_path).ca_file
    async with connected(rocketmq.endpoints, stranger) as transport:
        with pytest.raises(PublishError):
            await transport.publish(topic, b"body")
    assert await admin_of(rocketmq).backlog(rocketmq.fresh_group(), topic) == 0


async def test_name_servers_and_brokers_are_asked_in_tls(rocketmq: RocketMq, tmp_path: Path) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    admin = admin_of(rocketmq, rocketmq.authority.ca_file)
    assert await admin.failure() is None
    assert await admin.has_route(topic)
    assert await admin.backlog(group, topic) == 0
    stranger = admin_of(rocketmq, Authority(tmp_path).ca_file)
    assert refusal(await stranger.failure()) == "the issuer of its certificate is not trusted"


class Shown:
    """A server that shows a certificate, or speaks no TLS, and counts what it hears after the handshake."""

    def __init__(self) -> None:
        self.heard = bytearray()

    @contextlib.asynccontextmanager
    async def listening(self, certificate: tuple[Path, Path] | None) -> AsyncIterator[int]:
        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.heard.extend(await reader.read(65_536))
            writer.transport.abort()

        context = None if certificate is None else server_context(*certificate)
        async with await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context) as server:
            yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("names", "expired", "offers", "reason"),
    [
        (("other.example.com",), False, True, "its certificate is for another host"),
        (("127.0.0.1",), True, True, "its certificate has expired"),
        (("127.0.0.1",), False, False, "it does not speak TLS"),
    ],
    ids=["another-host", "expired", "no-tls"],
)
async def test_a_proxy_that_is_not_ours_gets_no_message_and_the_reason_is_logged_once(
    rocketmq: RocketMq, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    names: tuple[str, ...], reason: str, *, expired: bool, offers: bool,
) -> None:  # fmt: skip
    authority, shown = Authority(tmp_path), Shown()
    certificate = authority.issue(names, expired=expired)
    async with shown.listening(certificate if offers else None) as port:
        async with connected(f"127.0.0.1:{port}", authority.ca_file) as transport:
            with pytest.raises(PublishError):
                await transport.publish("orders", b"hunter2")
        assert b"hunter2" not in shown.heard
        assert b"orders" not in shown.heard
        watch = ClusterWatch(
            admin_of(rocketmq), [("127.0.0.1", port)], (), [], QueueMetrics(), creates=False,
            tried=lambda: None, tls=ClientTls(TlsFiles(ca_file=authority.ca_file)),
        )  # fmt: skip
        if offers:
            with caplog.at_level(logging.WARNING):
                await watch.poll()
                await watch.poll()
            assert watch.condition().reason == f"proxy: TLS: {reason}"
            assert [record.getMessage() for record in caplog.records if "refused" in record.getMessage()] == [
                f"RocketMQ is refused: proxy: TLS: {reason}; messages go on without"
            ]


async def test_the_doctor_says_of_each_link_how_it_is(rocketmq: RocketMq, tmp_path: Path) -> None:
    ca_file, topic, group = rocketmq.authority.ca_file, rocketmq.fresh_topic(), rocketmq.fresh_group()
    cluster = Cluster(
        admin_of(rocketmq, ca_file), addresses(rocketmq.endpoints)[0], [topic], [group], tls=TlsFiles(ca_file=ca_file)
    )
    by_name = await examined(rocketmq_checks(cluster), deadline_s=10)
    assert set(verdicts(by_name).values()) == {"ok"}
    for link in ("rocketmq.name-server.tls", "rocketmq.proxy.tls"):
        assert "the certificate is valid for" in by_name[link].finding.text
    stranger = replace(cluster, tls=TlsFiles(ca_file=Authority(tmp_path).ca_file))
    refused = verdicts(await examined(rocketmq_checks(stranger), deadline_s=10))
    assert (refused["rocketmq.proxy.tls"], refused["rocketmq.proxy.call"]) == ("failed", "skipped")
    clear = await examined(rocketmq_checks(replace(cluster, admin=admin_of(rocketmq), tls=None)), deadline_s=10)
    assert clear["rocketmq.name-server.tls"].finding.text == "clear text, within this machine"
