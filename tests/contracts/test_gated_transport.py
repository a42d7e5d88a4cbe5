import asyncio

import pytest
from tests.contracts.transport_contract import LEASE_S, SendBatch, TransportContract, received
from tests.support.queues.memory_transport import MemoryTransport

from wework_message.adapters.rocketmq.transport import gated as gate
from wework_message.adapters.rocketmq.transport.gated import GatedTransport
from wework_message.adapters.rocketmq.transport.port import PublishError


@pytest.fixture
def behind() -> MemoryTransport:
    return MemoryTransport(lease_scale=0.05, wait_s=0.01)


class TestGatedTransport(TransportContract):
    @pytest.fixture
    def transport(self, behind: MemoryTransport) -> GatedTransport:
        gated = GatedTransport(behind)
        gated.open()
        return gated

    @pytest.fixture
    def send_batch(self, behind: MemoryTransport) -> SendBatch:
        return behind.put_batch

    @pytest.fixture
    def topic(self) -> str:
        return "topic"

    @pytest.fixture
    def group(self) -> str:
        return "group"


async def test_before_it_is_open_no_topic_is_used(behind: MemoryTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "WAIT_S", 0.01)
    monkeypatch.setattr(gate, "POLL_INTERVAL_S", 0.01)
    gated = GatedTransport(behind)
    subscription = await gated.subscribe("topic", "group", lease_s=LEASE_S)
    with pytest.raises(PublishError):
        await gated.publish("topic", b"early")
    assert await subscription.receive(1) == ()
    assert (behind.published, behind.receives) == ([], 0)

    monkeypatch.setattr(gate, "WAIT_S", 3_600)
    publishing = asyncio.create_task(gated.publish("topic", b"waits"))
    await asyncio.sleep(0)
    gated.open()
    await publishing
    assert [delivery.body for delivery in await received(subscription, 1)] == [b"waits"]
