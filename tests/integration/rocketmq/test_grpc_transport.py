import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contracts.transport_contract import LEASE_S, SendBatch, TransportContract, received
from tests.support.polling import until
from tests.support.servers.ports import free_port
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.adapters.rocketmq.transport.port import PublishError, Subscription


@pytest.fixture
async def transport(rocketmq: RocketMq) -> AsyncIterator[GrpcTransport]:
    transport = GrpcTransport(Target(rocketmq.endpoints), rocketmq.part_search().find)
    yield transport
    await transport.close()


@pytest.fixture
def topic(rocketmq: RocketMq) -> str:
    return rocketmq.fresh_topic()


@pytest.fixture
def group(rocketmq: RocketMq) -> str:
    return rocketmq.fresh_group()


@pytest.fixture
def send_batch(rocketmq: RocketMq) -> SendBatch:
    return rocketmq.send_batch


class TestGrpcTransport(TransportContract):
    pass


async def test_a_restarted_broker_is_used_again_and_its_absence_is_logged_once(
    transport: GrpcTransport, rocketmq: RocketMq, topic: str, group: str, caplog: pytest.LogCaptureFixture
) -> None:
    subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
    await transport.publish(topic, b"before")
    (before,) = await received(subscription, 1)
    await subscription.ack(before)
    caplog.set_level(logging.INFO)

    rocketmq.kill9()
    receiving = asyncio.create_task(until_received(subscription, b"after"))
    for _ in range(3):
        with pytest.raises(PublishError):
            await transport.publish(topic, b"lost")

    async def is_noticed() -> bool:
        return transport.receiving.healthy is False

    await until(is_noticed, 60)
    assert sorted(logged(caplog)) == ["away: publishing", "away: receiving"]
    await asyncio.to_thread(rocketmq.start)

    async with asyncio.timeout(60):
        while transport.publishing.healthy is not True:
            await asyncio.gather(transport.publish(topic, b"after"), return_exceptions=True)
    await receiving  # among others: a broker also forgets its last acknowledgements
    for use in ("publishing", "receiving"):
        assert [text for text in logged(caplog) if text.endswith(use)][-1] == f"back: {use}"


async def until_received(subscription: Subscription, body: bytes) -> None:
    async with asyncio.timeout(60):
        while body not in [delivery.body for delivery in await subscription.receive(16)]:
            pass


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    texts = [record.getMessage().partition(" failed")[0] for record in caplog.records]
    return [text.removeprefix("RocketMQ is ") for text in texts]


async def test_a_cancelled_publish_continues(transport: GrpcTransport, topic: str, group: str) -> None:
    subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
    publishing = asyncio.create_task(transport.publish(topic, b"going"))
    await asyncio.sleep(0)
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    assert (await received(subscription, 1))[0].body == b"going"


async def test_without_a_proxy_publishing_fails_and_closing_ends(topic: str, group: str) -> None:
    transport = GrpcTransport(Target(f"127.0.0.1:{free_port()}", tries=1))
    subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
    with pytest.raises(PublishError):
        await transport.publish(topic, b"x")
    assert await subscription.receive(1) == ()
    assert transport.receiving.healthy is False
    await transport.close()


def test_its_import_closes_no_log_and_writes_nothing_below_home(tmp_path: Path) -> None:
    program = (
        "import logging, sys\n"
        "logging.basicConfig(filename='log', filemode='w', level=logging.INFO)\n"
        "logging.info('before')\n"
        "from wework_message.adapters.rocketmq.transport.client import load_client\n"
        "load_client()\n"
        "logging.info('after')\n"
        "logging.getLogger('rocketmq-python-client').error('an address')\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {"HOME": str(home)}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environment)
    assert (tmp_path / "log").read_text().split() == ["INFO:root:before", "INFO:root:after"]
    assert list(home.iterdir()) == []
