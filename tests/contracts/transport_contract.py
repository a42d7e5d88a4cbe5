"""What every connection to a cluster does. Subclasses provide `transport`, `topic` and `group`; all of it is at-least-once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError, Subscription, Transport

LEASE_S = 60
LIMIT_S = 60
"""A consumer that is new to a proxy is refused until its settings have arrived there."""


async def received(subscription: Subscription, count: int) -> list[Delivery]:
    deliveries: list[Delivery] = []
    async with asyncio.timeout(LIMIT_S):
        while len(deliveries) < count:
            deliveries += await subscription.receive(16)
    return deliveries


def bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    return sorted(delivery.body for delivery in deliveries)


class TransportContract:
    @pytest.fixture
    def short_lease_s(self) -> float:
        """The shortest lease: long enough to acknowledge what was received."""
        return 10

    async def test_what_was_published_is_received_with_its_keys(
        self, transport: Transport, topic: str, group: str
    ) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
        await transport.publish(topic, b'{"\xe5\xa5\xbd":1}', keys=["one", "two"])
        (delivery,) = await received(subscription, 1)
        assert (delivery.topic, delivery.body, set(delivery.keys)) == (topic, b'{"\xe5\xa5\xbd":1}', {"one", "two"})
        assert delivery.attempt == 1
        assert delivery.message_id
        await subscription.ack(delivery)

    async def test_many_at_the_same_time_all_arrive(self, transport: Transport, topic: str, group: str) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
        sent = [b"%03d" % number for number in range(40)]
        await asyncio.gather(*(transport.publish(topic, body) for body in sent))
        deliveries = await received(subscription, len(sent))
        assert set(bodies(deliveries)) == set(sent)
        await asyncio.gather(*(subscription.ack(delivery) for delivery in deliveries))

    async def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(
        self, transport: Transport, topic: str, group: str, short_lease_s: Any
    ) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=short_lease_s)
        await transport.publish(topic, b"done")
        (done,) = await received(subscription, 1)
        await subscription.ack(done)
        await transport.publish(topic, b"again")
        (first,) = await received(subscription, 1)
        (second,) = await received(subscription, 1)
        assert (first.body, second.body, second.message_id) == (b"again", b"again", first.message_id)
        assert second.attempt > first.attempt
        await subscription.ack(second)
        await transport.publish(topic, b"last")
        assert bodies(await received(subscription, 1)) == [b"last"]

    async def test_a_receive_that_was_cancelled_loses_nothing(
        self, transport: Transport, topic: str, group: str
    ) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
        receiving = asyncio.create_task(received(subscription, 1))
        await asyncio.sleep(0)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
        await transport.publish(topic, b"late")
        (delivery,) = await received(subscription, 1)
        assert (delivery.body, delivery.attempt) == (b"late", 1)

    async def test_closed_twice_it_publishes_no_more(self, transport: Transport, topic: str, group: str) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
        await subscription.close()
        await subscription.close()
        assert await subscription.receive(1) == ()
        await transport.close()
        await transport.close()
        with pytest.raises(PublishError):
            await transport.publish(topic, b"too late")
