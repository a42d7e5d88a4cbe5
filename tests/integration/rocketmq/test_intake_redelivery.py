"""The intake on an application in memory: what a real broker delivers again, and what it does not."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from tests.support.apps.guxing_app import running
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.polling import until
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.adapters.rocketmq.transport.port import Delivery, Subscription
from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.errors import DrainingError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.ports.dead_letters import DeadLetterSource
from wework_message.entrypoints.intake.consumer import MAX_HANDLING_FAILURES, IntakeConsumer
from wework_message.entrypoints.wire.requests.body import Limits

LEASE_S = 10
REDELIVERED_S = 90.0

pytestmark = pytest.mark.timeout(180)


class RecordingSubscription:
    """Counts the results of the intake, and every delivery."""

    def __init__(self, subscription: Subscription, *, max_acks: float = math.inf) -> None:
        self.results: Counter[str] = Counter()
        self.deliveries: Counter[bytes] = Counter()
        self._subscription = subscription
        self._max_acks = max_acks

    def intake(self, result: str, reason: str | None) -> None:
        if result not in ("received", "left"):
            self.results[result] += 1

    async def receive(self, limit: int) -> Sequence[Delivery]:
        deliveries = await self._subscription.receive(limit)
        self.deliveries.update(delivery.body for delivery in deliveries)
        return deliveries

    async def part_ids(self, delivery: Delivery) -> Sequence[str]:
        return await self._subscription.part_ids(delivery)

    async def ack(self, delivery: Delivery) -> None:
        if self._max_acks > 0:
            self._max_acks -= 1
            await self._subscription.ack(delivery)


@pytest.fixture
async def app() -> AsyncIterator[InMemoryApp]:
    async with running(dispatching=False) as app:
        yield app


@pytest.fixture
async def transport(rocketmq: RocketMq) -> AsyncIterator[GrpcTransport]:
    transport = GrpcTransport(Target(rocketmq.endpoints), rocketmq.part_search().find)
    yield transport
    await transport.close()


A_SEND = {"guid": "g", "conversationId": "S:1", "messageType": "TEXT", "content": "x"}


def a_send(client_id: str) -> bytes:
    return json.dumps(A_SEND | {"clientMessageId": client_id}).encode()


def consumer_of(
    app: InMemoryApp, recording: RecordingSubscription, accept: Callable[[AcceptMessage], Awaitable[Accepted]]
) -> IntakeConsumer[Delivery]:
    return IntakeConsumer(
        recording, accept, app.keep_dead_letter, app.application.service.database_answers, recording, app.clock,
        Limits(),
    )  # fmt: skip


async def test_what_raises_is_delivered_again_until_it_is_poison_and_everything_else_once(
    app: InMemoryApp, transport: GrpcTransport, rocketmq: RocketMq
) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    recording = RecordingSubscription(await transport.subscribe(topic, group, lease_s=LEASE_S))

    async def accept(command: AcceptMessage) -> Accepted:
        if command.key == "poison":
            raise LookupError("a defect")
        return await app.application.accept(command)

    consumer = consumer_of(app, recording, accept)
    task = asyncio.create_task(consumer.run())
    bodies = [a_send("fine"), b"no JSON", a_send("poison")]
    for body in bodies:
        await transport.publish(topic, body)

    async def poisoned() -> bool:
        return recording.results["dead"] == 2

    await until(poisoned, REDELIVERED_S)
    # By now the lease of the other two, which were taken no later, has ended more than once.
    assert recording.deliveries == {bodies[0]: 1, bodies[1]: 1, bodies[2]: MAX_HANDLING_FAILURES}
    assert recording.results == {"stored": 1, "dead": 2}
    letters = await app.application.dead_letters.dead_letters(
        DEFAULT_TENANT, DeadLetterSource.INTAKE, limit=10, before=None
    )
    assert [letter.reason for letter in letters] == ["POISON", "INVALID_JSON"]
    await consumer.stop()
    await task


@pytest.mark.parametrize("texts", [[str(number) for number in range(40)], ["same"] * 40], ids=["different", "equal"])
async def test_a_batch_of_which_a_process_stored_a_part_and_acknowledged_less_is_stored_once(
    app: InMemoryApp, transport: GrpcTransport, rocketmq: RocketMq, texts: list[str]
) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    room = 15

    async def accept(command: AcceptMessage) -> Accepted:
        nonlocal room
        if room == 0:
            raise DrainingError
        room -= 1
        return await app.application.accept(command)

    dying = RecordingSubscription(await transport.subscribe(topic, group, lease_s=LEASE_S), max_acks=7)
    first = consumer_of(app, dying, accept)
    task = asyncio.create_task(first.run())
    bodies = [json.dumps(A_SEND | {"content": text}).encode() for text in texts]
    await asyncio.to_thread(rocketmq.send_batch, topic, bodies)

    async def took_all() -> bool:
        return dying.deliveries.total() >= len(bodies) and dying.results["stored"] == 15

    await until(took_all, REDELIVERED_S)
    await first.stop()
    await task

    successor = RecordingSubscription(await transport.subscribe(topic, group, lease_s=LEASE_S))
    second = consumer_of(app, successor, app.application.accept)
    task = asyncio.create_task(second.run())

    async def settled() -> bool:
        return successor.results.total() >= len(bodies) - 7

    await until(settled, REDELIVERED_S)
    assert (app.stored(), successor.results) == (len(bodies), {"duplicate": 8, "stored": 25})
    await second.stop()
    await task


async def test_a_process_that_dies_between_commit_and_acknowledgement_repeats_nothing(
    app: InMemoryApp, transport: GrpcTransport, rocketmq: RocketMq
) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    dying = RecordingSubscription(await transport.subscribe(topic, group, lease_s=LEASE_S), max_acks=0)
    first = consumer_of(app, dying, app.application.accept)
    task = asyncio.create_task(first.run())
    client_ids = [f"c-{number}" for number in range(20)]
    await asyncio.gather(*(transport.publish(topic, a_send(client_id)) for client_id in client_ids))

    async def committed() -> bool:
        return app.stored() == len(client_ids)

    await until(committed, REDELIVERED_S)
    await first.stop()
    await task

    successor = RecordingSubscription(await transport.subscribe(topic, group, lease_s=LEASE_S))
    second = consumer_of(app, successor, app.application.accept)
    task = asyncio.create_task(second.run())

    async def is_redelivered() -> bool:
        return successor.results["duplicate"] >= len(client_ids)

    await until(is_redelivered, REDELIVERED_S)
    assert (app.stored(), set(successor.results)) == (len(client_ids), {"duplicate"})
    await second.stop()
    await task
