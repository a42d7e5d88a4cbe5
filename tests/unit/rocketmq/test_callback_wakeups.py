import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.polling import until
from tests.support.queues.memory_transport import MemorySubscription, MemoryTransport

from wework_message.adapters.rocketmq.wakeup import callbacks
from wework_message.adapters.rocketmq.wakeup.callbacks import CallbackWakeupConsumer, CallbackWakeupPublisher
from wework_message.application.callbacks.projector import LocalInboxNotifier

TOPIC, GROUP, HOUR_S = "callbacks", "group", 3_600.0


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "RETRY_DELAY_S", 0.001)


@asynccontextmanager
async def running(*loops: CallbackWakeupPublisher | CallbackWakeupConsumer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    yield
    for loop in loops:
        await loop.stop()
    await asyncio.gather(*tasks)


async def a_consumer(transport: MemoryTransport, inbox_notifier: LocalInboxNotifier) -> CallbackWakeupConsumer:
    return CallbackWakeupConsumer(await transport.subscribe(TOPIC, GROUP, lease_s=10), inbox_notifier.notify)


async def test_a_wakeup_of_one_process_wakes_the_projector_of_another() -> None:
    transport, local, remote = MemoryTransport(wait_s=0.01), LocalInboxNotifier(), LocalInboxNotifier()
    wakeups = CallbackWakeupPublisher(transport, TOPIC, local.notify)
    async with running(wakeups, await a_consumer(transport, remote)):
        wakeups.notify()
        await remote.wait(HOUR_S)
        wakeups.notify()
        await remote.wait(HOUR_S)

        async def acknowledged() -> bool:
            return transport.lag(TOPIC, GROUP) == 0

        await until(acknowledged)
    assert not local._notified.is_set()


async def test_wakeups_of_many_commits_are_one_message() -> None:
    transport = MemoryTransport()
    wakeups = CallbackWakeupPublisher(transport, TOPIC, LocalInboxNotifier().notify)
    for _ in range(100):
        wakeups.notify()
    async with running(wakeups):

        async def published() -> bool:
            return len(transport.published) > 0

        await until(published)
    assert [topic for topic, _ in transport.published] == [TOPIC]


@pytest.mark.parametrize("error", [None, LookupError("a defect")])
async def test_where_the_broker_accepts_no_wakeup_the_local_projector_is_woken(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, local = MemoryTransport(), LocalInboxNotifier()
    transport.away = True
    if error is not None:

        async def broken(self: MemoryTransport, topic: str, body: bytes, **_: Any) -> None:
            raise error

        monkeypatch.setattr(MemoryTransport, "publish", broken)
    wakeups = CallbackWakeupPublisher(transport, TOPIC, local.notify)
    async with running(wakeups):
        for _ in range(2):
            wakeups.notify()
            await local.wait(HOUR_S)


async def test_a_queue_that_raises_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    transport, remote = MemoryTransport(wait_s=0.01), LocalInboxNotifier()
    receive, failures = MemorySubscription.receive, 2

    async def failing(self: MemorySubscription, limit: int) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise LookupError("a defect")
        return await receive(self, limit)

    monkeypatch.setattr(MemorySubscription, "receive", failing)
    consumer = await a_consumer(transport, remote)
    transport.put(TOPIC, b"callbacks")
    async with running(consumer):
        await remote.wait(HOUR_S)


async def test_an_acknowledgement_that_raises_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    transport, remote = MemoryTransport(wait_s=0.01), LocalInboxNotifier()
    consumer = await a_consumer(transport, remote)
    transport.put(TOPIC, b"callbacks")

    async def failing(self: MemorySubscription, delivery: Any) -> None:
        raise LookupError("a defect")

    monkeypatch.setattr(MemorySubscription, "ack", failing)
    async with running(consumer):
        await remote.wait(HOUR_S)
        transport.put(TOPIC, b"callbacks")
        await remote.wait(HOUR_S)


async def test_what_is_no_wakeup_is_not_acknowledged_and_wakes_nobody(caplog: pytest.LogCaptureFixture) -> None:
    transport, remote = MemoryTransport(wait_s=0.01), LocalInboxNotifier()
    consumer = await a_consumer(transport, remote)
    for body in (b'{"guid":"g","notify_type":11010,"data":{}}', b"callbacks", b""):
        transport.put(TOPIC, body)
    async with running(consumer):
        await remote.wait(HOUR_S)

        async def acknowledged() -> bool:
            return len(transport.acked) == 1

        await until(acknowledged)
        transport.put(TOPIC, b"callback")

        async def taken() -> bool:
            return transport.taken(TOPIC, GROUP) == 3

        await until(taken)
    assert (transport.lag(TOPIC, GROUP), remote._notified.is_set()) == (3, False)
    assert [record.message for record in caplog.records if "another service" in record.message] == [
        "messages of another service are on the topic of wake-ups for callbacks; they stay there"
    ]
