import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contracts.transport_contract import received
from tests.support.polling import until
from tests.support.processes.tcp_proxy import TcpProxy, tcp_proxy
from tests.support.servers.ports import free_port
from tests.support.servers.rocketmq import RocketMq, official_client

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.topics import Created, LayoutError, ensure
from wework_message.adapters.rocketmq.transport.cluster_address import Target, addresses
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport


@pytest.fixture
def admin(rocketmq: RocketMq) -> Admin:
    return Admin(addresses(rocketmq.name_server.address))


@pytest.fixture
async def transport(rocketmq: RocketMq) -> AsyncIterator[GrpcTransport]:
    transport = GrpcTransport(Target(rocketmq.endpoints))
    yield transport
    await transport.close()


def fresh(rocketmq: RocketMq) -> tuple[str, str]:
    """A topic and a group that do not exist yet."""
    return rocketmq.fresh_name("made"), rocketmq.fresh_name("makers")


async def test_missing_topics_and_groups_are_created_once(
    rocketmq: RocketMq, admin: Admin, transport: GrpcTransport
) -> None:
    required = [fresh(rocketmq), fresh(rocketmq)]
    assert not await admin.has_route(required[0][0])
    assert await ensure(admin, required) == Created(tuple(t for t, _ in required), tuple(g for _, g in required))
    assert await ensure(admin, required) == Created((), ())
    topic, group = required[0]
    subscription = await transport.subscribe(topic, group, lease_s=30)
    await transport.publish(topic, b"there")
    assert [delivery.body for delivery in await received(subscription, 1)] == [b"there"]


@pytest.mark.parametrize("mixed", [True, False])
async def test_producers_of_others_may_send_messages_of_every_type_where_the_broker_allows_it(
    rocketmq: RocketMq, admin: Admin, transport: GrpcTransport, tmp_path: Path, mixed: bool
) -> None:
    topic, group = fresh(rocketmq)
    rocketmq.allow_mixed(allowed=mixed)
    try:
        await ensure(admin, [(topic, group)])
    finally:
        rocketmq.allow_mixed(allowed=True)
    offered = await asyncio.to_thread(
        official_client, rocketmq, tmp_path, topic, group, "offer", "plain", "delayed", "ordered"
    )
    assert offered == (["plain", "delayed", "ordered"] if mixed else ["plain"])
    subscription = await transport.subscribe(topic, group, lease_s=30)
    assert {delivery.body.decode() for delivery in await received(subscription, len(offered))} == {*offered}


async def test_the_backlog_is_known_with_no_consumer_online(
    rocketmq: RocketMq, admin: Admin, transport: GrpcTransport
) -> None:
    topic, group = fresh(rocketmq)
    await ensure(admin, [(topic, group)])
    assert await admin.backlog(group, topic) == 0
    for number in range(7):
        await transport.publish(topic, b"%d" % number)
    assert await admin.backlog(group, topic) == 7

    subscription = await transport.subscribe(topic, group, lease_s=30)
    for delivery in await received(subscription, 7):
        await subscription.ack(delivery)

    async def empty() -> bool:
        return await admin.backlog(group, topic) == 0

    await until(empty, 60)


async def test_a_name_server_that_is_away_is_skipped(rocketmq: RocketMq) -> None:
    admin = Admin([("127.0.0.1", free_port()), *addresses(rocketmq.name_server.address)])
    assert await admin.failure() is None
    assert await admin.masters()


async def test_without_an_answer_the_call_ends_and_the_error_contains_no_address(rocketmq: RocketMq) -> None:
    port = free_port()
    admin = Admin([("127.0.0.1", port)])
    assert await admin.failure() is not None
    with pytest.raises(LayoutError) as refused:
        await ensure(admin, [fresh(rocketmq)])
    assert str(port) not in str(refused.value)


async def test_a_server_that_is_no_name_server_does_not_count_as_one(rocketmq: RocketMq) -> None:
    def leads_to() -> int:
        return int(rocketmq.broker.metrics_port)

    async with tcp_proxy(leads_to) as other:
        assert isinstance(other, TcpProxy)
        await other.open()
        assert await Admin([("127.0.0.1", other.port)]).failure() is not None
