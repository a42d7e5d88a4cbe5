"""What every connection to a cluster does. Subclasses provide `transport`, `topic`, `group` and `send_batch`.

All of it is at-least-once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.support.builders.messages import A_TRACE

from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError, Subscription, Transport
from wework_message.domain.trace import TraceContext

LEASE_S = 60
LIMIT_S = 60
"""A consumer that is new to a proxy is refused until its settings have arrived there."""


async def received(subscription: Subscription, count: int) -> list[Delivery]:
    deliveries: list[Delivery] = []
    async with asyncio.timeout(LIMIT_S):
        while len(deliveries) < count:
            deliveries += await subscription.receive(16)
    return deliveries


async def part_ids(subscription: Subscription, delivery: Delivery) -> list[str]:
    return list(await subscription.part_ids(delivery))


SendBatch = Callable[[str, Sequence[bytes]], object]
"""Sends a Java producer's batch to a topic."""


def bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    return sorted(delivery.body for delivery in deliveries)


class TransportContract:
    SHORT_LEASE_S: Any = 10

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

    async def test_a_trace_goes_along_with_what_is_published_and_comes_again_with_it(
        self, transport: Transport, topic: str, group: str
    ) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
        traces: dict[bytes, TraceContext | None] = {
            b"state": TraceContext(f"{A_TRACE} vendor=1,other=a b"), b"bare": A_TRACE, b"none": None
        }  # fmt: skip
        for body, trace in traces.items():
            await transport.publish(topic, body, trace=trace)
        deliveries = await received(subscription, len(traces))
        assert {delivery.body: delivery.trace for delivery in deliveries} == traces
        await asyncio.gather(*(subscription.ack(delivery) for delivery in deliveries))

    async def test_many_at_the_same_time_all_arrive(self, transport: Transport, topic: str, group: str) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
        sent = [b"%03d" % number for number in range(40)]
        await asyncio.gather(*(transport.publish(topic, body) for body in sent))
        deliveries = await received(subscription, len(sent))
        assert set(bodies(deliveries)) == set(sent)
        await asyncio.gather(*(subscription.ack(delivery) for delivery in deliveries))

    async def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(
        self, transport: Transport, topic: str, group: str
    ) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=self.SHORT_LEASE_S)
        await transport.publish(topic, b"done")
        (done,) = await received(subscription, 1)
        await subscription.ack(done)
        await transport.publish(topic, b"again")
        (first,) = await received(subscription, 1)
        (second,) = await received(subscription, 1)
        assert (first.body, second.body, second.message_id) == (b"again", b"again", first.message_id)
        assert second.attempt > first.attempt
        assert await part_ids(subscription, second) == await part_ids(subscription, first) == [first.part_id]
        await subscription.ack(second)
        await transport.publish(topic, b"last")
        assert bodies(await received(subscription, 1)) == [b"last"]

    async def test_the_parts_of_a_batch_differ_also_where_their_bodies_do_not(
        self, transport: Transport, topic: str, group: str, send_batch: SendBatch
    ) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=LEASE_S)
        send_batch(topic, [b"a", b"b", b"b", b"c"])
        deliveries = await received(subscription, 4)
        assert bodies(deliveries) == [b"a", b"b", b"b", b"c"]
        assert len({delivery.message_id for delivery in deliveries}) == 1
        answers = [await part_ids(subscription, delivery) for delivery in deliveries]
        assert answers == [[delivery.part_id] for delivery in deliveries]
        assert len({delivery.part_id for delivery in deliveries}) == 4
        await asyncio.gather(*(subscription.ack(delivery) for delivery in deliveries))

    async def test_what_is_acknowledged_of_a_batch_does_not_come_again_and_the_rest_is_what_it_was(
        self, transport: Transport, topic: str, group: str, send_batch: SendBatch
    ) -> None:
        subscription = await transport.subscribe(topic, group, lease_s=self.SHORT_LEASE_S)
        send_batch(topic, [b"a", b"b", b"b", b"c", b"d"])
        first = sorted(await received(subscription, 5), key=lambda delivery: delivery.body)
        await subscription.ack(first[0])
        await subscription.ack(first[1])
        second = sorted(await received(subscription, 3), key=lambda delivery: delivery.body)
        assert bodies(second) == [b"b", b"c", b"d"]
        twins = {first[1].part_id, first[2].part_id}
        assert first[2].part_id in set(await part_ids(subscription, second[0])) <= twins
        assert await part_ids(subscription, second[1]) == [first[3].part_id]
        await asyncio.gather(*(subscription.ack(delivery) for delivery in second[:2]))
        (third,) = await received(subscription, 1)
        assert third.body == b"d"
        assert await part_ids(subscription, third) == [first[4].part_id]
        await subscription.ack(third)

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
