"""What a real broker delivers again, and what never: the intake on an application in memory."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from tests.support.guxing_app import running
from tests.support.in_memory_app import InMemoryApp
from tests.support.polling import until
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.adapters.rocketmq.transport.port import Delivery, Subscription
from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.ports.dead_letters import DeadLetterSource
from wework_message.entrypoints.intake.consumer import MAX_HANDLING_FAILURES, IntakeConsumer
from wework_message.entrypoints.wire.requests.body import Limits

LEASE_S = 10
REDELIVERED_S = 90.0

pytestmark = pytest.mark.timeout(180)


class Heard:
    """What the intake told, and every delivery it got."""

    def __init__(self, subscription: Subscription, *, acks: bool = True) -> None:
        self.results: Counter[str] = Counter()
        self.deliveries: Counter[bytes] = Counter()
        self._subscription = subscription
        self._acks = acks

    def intake(self, result: str, reason: str | None) -> None:
        self.results[result] += 1

    async def receive(self, limit: int) -> Sequence[Delivery]:
        found = await self._subscription.receive(limit)
        self.deliveries.update(one.body for one in found)
        return found

    async def ack(self, delivery: Delivery) -> None:
        if self._acks:
            await self._subscription.ack(delivery)


@pytest.fixture
async def behind() -> AsyncIterator[InMemoryApp]:
    async with running(dispatching=False) as whole:
        yield whole


@pytest.fixture
async def transport(rocketmq: RocketMq) -> AsyncIterator[GrpcTransport]:
    one = GrpcTransport(Target(rocketmq.endpoints))
    yield one
    await one.close()


def a_send(name: str) -> bytes:
    body = {"guid": "g", "conversationId": "S:1", "messageType": "TEXT", "content": "x", "clientMessageId": name}
    return json.dumps(body).encode()


def consumer_of(
    behind: InMemoryApp, heard: Heard, accept: Callable[[AcceptMessage], Awaitable[Accepted]]
) -> IntakeConsumer[Delivery]:
    return IntakeConsumer(
        heard, accept, behind.keep_dead_letter, behind.application.service.database_answers, heard, behind.clock,
        Limits(),
    )  # fmt: skip


async def test_what_is_stored_or_refused_never_comes_again_and_what_raises_does_until_it_is_poison(
    behind: InMemoryApp, transport: GrpcTransport, rocketmq: RocketMq
) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    heard = Heard(await transport.subscribe(topic, group, lease_s=LEASE_S))

    async def accept(command: AcceptMessage) -> Accepted:
        if command.key == "poison":
            raise LookupError("a defect")
        return await behind.application.accept(command)

    consumer = consumer_of(behind, heard, accept)
    task = asyncio.create_task(consumer.run())
    bodies = [a_send("fine"), b"no JSON", a_send("poison")]
    for body in bodies:
        await transport.publish(topic, body)

    async def poisoned() -> bool:
        return heard.results["dead"] == 2

    await until(poisoned, REDELIVERED_S)
    # By now the lease of the other two, which were taken no later, has ended more than once.
    assert heard.deliveries == {bodies[0]: 1, bodies[1]: 1, bodies[2]: MAX_HANDLING_FAILURES}
    assert heard.results == {"stored": 1, "dead": 2}
    letters = await behind.application.dead_letters.dead_letters(
        DEFAULT_TENANT, DeadLetterSource.INTAKE, limit=10, before=None
    )
    assert [letter.reason for letter in letters] == ["POISON", "INVALID_JSON"]
    await consumer.stop()
    await task


async def test_a_process_that_dies_between_commit_and_acknowledgement_doubles_nothing(
    behind: InMemoryApp, transport: GrpcTransport, rocketmq: RocketMq
) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    dying = Heard(await transport.subscribe(topic, group, lease_s=LEASE_S), acks=False)
    first = consumer_of(behind, dying, behind.application.accept)
    task = asyncio.create_task(first.run())
    names = [f"c-{number}" for number in range(20)]
    await asyncio.gather(*(transport.publish(topic, a_send(name)) for name in names))

    async def committed() -> bool:
        return behind.stored() == len(names)

    await until(committed, REDELIVERED_S)
    await first.stop()
    await task

    heir = Heard(await transport.subscribe(topic, group, lease_s=LEASE_S))
    second = consumer_of(behind, heir, behind.application.accept)
    task = asyncio.create_task(second.run())

    async def taken_again() -> bool:
        return heir.results["duplicate"] >= len(names)

    await until(taken_again, REDELIVERED_S)
    assert (behind.stored(), set(heir.results)) == (len(names), {"duplicate"})
    await second.stop()
    await task
