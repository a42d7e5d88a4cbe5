import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.contracts.notifier_contract import HOUR_MS, NotifierContract, heard
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import a_message_id
from tests.support.polling import until
from tests.support.queues.notifiers import NotifierCounts, a_notifier
from tests.support.queues.shuffling import Shuffling
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.topics import ensure
from wework_message.adapters.rocketmq.transport.cluster_address import Target, addresses
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.adapters.rocketmq.wakeup.codec import encoded
from wework_message.adapters.rocketmq.wakeup.notifier import RocketmqNotifier, lanes
from wework_message.domain.message.scheduling import Urgency


@pytest.fixture
async def names(rocketmq: RocketMq) -> tuple[str, str]:
    """A new topic and group for each class."""
    topic, group = rocketmq.fresh_name("due"), rocketmq.fresh_name("dispatch")
    admin = Admin(addresses(rocketmq.name_server.address))
    await ensure(admin, [(lane.topic, lane.group) for lane in lanes(topic, group).values()])
    return topic, group


@pytest.fixture
async def transport(rocketmq: RocketMq) -> AsyncIterator[GrpcTransport]:
    transport = GrpcTransport(Target(rocketmq.endpoints))
    yield transport
    await transport.close()


class TestRocketmqNotifier(NotifierContract):
    @pytest.fixture
    async def notifier(self, transport: GrpcTransport, names: tuple[str, str]) -> AsyncIterator[RocketmqNotifier]:
        topic, group = names
        async with a_notifier(transport, topic=topic, group=group) as notifier:
            yield notifier


async def test_a_wakeup_goes_from_one_process_to_another(transport: GrpcTransport, names: tuple[str, str]) -> None:
    topic, group = names
    async with (
        a_notifier(transport, topic=topic, group=group, listens=False) as accepting,
        a_notifier(transport, topic=topic, group=group) as dispatching,
    ):
        message_ids = [a_message_id() for _ in range(250)]
        waiting = asyncio.create_task(heard(dispatching, message_ids))
        for message_id in message_ids:
            await accepting.notify([message_id])
        await waiting


@pytest.mark.timeout(240)  # ten seconds of publishing, on a machine that does nothing else
async def test_urgent_wakeups_do_not_wait_behind_a_backlog_of_others(
    transport: GrpcTransport, names: tuple[str, str]
) -> None:
    topic, group = names
    counts = NotifierCounts()
    async with (
        a_notifier(transport, topic=topic, group=group, listens=False) as accepting,
        a_notifier(transport, topic=topic, group=group, counts=counts) as dispatching,
    ):
        await connect_every_lane(accepting, dispatching)
        before = counts.received["ok"]
        bulk = lanes(topic, group)[Urgency.BULK]
        wakeups = 10_000
        await asyncio.gather(*(transport.publish(bulk.topic, encoded([a_message_id()])) for _ in range(wakeups)))
        urgent = a_message_id()
        await accepting.notify([urgent], Urgency.URGENT)
        while urgent not in (wakeup := await dispatching.wait(HOUR_MS)).message_ids:
            await dispatching.answered(wakeup)
        assert counts.received["ok"] - before < wakeups / 4


async def connect_every_lane(accepting: RocketmqNotifier, dispatching: RocketmqNotifier) -> None:
    """Both sides are connected in every lane."""
    for urgency in Urgency:
        message_id = a_message_id()
        await accepting.notify([message_id], urgency)
        await heard(dispatching, [message_id])


async def test_garbage_is_counted_acknowledged_and_delays_nothing(
    transport: GrpcTransport, names: tuple[str, str], rocketmq: RocketMq
) -> None:
    topic, group = names
    counts, admin = NotifierCounts(), Admin(addresses(rocketmq.name_server.address))
    async with a_notifier(transport, topic=topic, group=group, counts=counts) as notifier:
        for body in (b"<xml/>", b"\xff\xfe", b"{}"):
            await transport.publish(topic, body)
        message_id = a_message_id()
        await notifier.notify([message_id])
        await heard(notifier, [message_id])

        async def drained() -> bool:
            await notifier.answered(await notifier.wait(100))
            return counts.received["garbage"] == 3 and await admin.backlog(group, topic) == 0

        await until(drained, 60, every_s=0.1)


async def test_an_unanswered_wakeup_comes_again_when_its_lease_ends(
    transport: GrpcTransport, names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, group = names
    monkeypatch.setattr("wework_message.adapters.rocketmq.wakeup.consumer.LEASE_S", 10)
    async with a_notifier(transport, topic=topic, group=group) as notifier:
        message_id = a_message_id()
        await notifier.notify([message_id])
        while message_id not in (await notifier.wait(HOUR_MS)).message_ids:
            pass
        wakeup = await notifier.wait(HOUR_MS)
        assert wakeup.message_ids == {message_id}
        await notifier.answered(wakeup)


@pytest.mark.parametrize("seed", [1, 2])
async def test_repeated_and_reordered_wakeups_make_one_call_for_each_message(
    seed: int, transport: GrpcTransport, names: tuple[str, str]
) -> None:
    topic, group = names
    shuffling = Shuffling(transport, seed)
    counts = NotifierCounts()
    async with (
        a_notifier(shuffling, topic=topic, group=group, counts=counts) as notifier,
        InMemoryApp(notifier=notifier) as app,
    ):
        running = asyncio.create_task(app.dispatcher.run())
        accepted = [await app.accept_text(to=f"S:{number}") for number in range(1, 201)]

        async def all_called() -> bool:
            return len({call.message_id for call in app.gateway.calls}) == len(accepted)

        await until(all_called, 60)

        async def all_received() -> bool:
            return counts.received["ok"] >= shuffling.copies

        await until(all_received, 60)
        assert sorted(call.message_id for call in app.gateway.calls) == sorted(accepted)
        await app.dispatcher.stop(1)
        await running
