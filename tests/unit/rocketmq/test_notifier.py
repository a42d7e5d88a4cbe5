import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.contracts.notifier_contract import HOUR_MS, NotifierContract, heard
from tests.support.builders.messages import A_TRACE, a_message_id
from tests.support.polling import until
from tests.support.queues.memory_transport import MemorySubscription, MemoryTransport
from tests.support.queues.notifiers import NotifierCounts, a_notifier
from tests.support.traces import CLIENT, LONG_S, Recorder

from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError
from wework_message.adapters.rocketmq.wakeup import consumer as wakeup_consumer
from wework_message.adapters.rocketmq.wakeup.codec import IDS_PER_WAKEUP, decoded, encoded
from wework_message.adapters.rocketmq.wakeup.consumer import MAX_DELIVERIES
from wework_message.domain.ids import MessageId
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.ports.notifier import Notifier
from wework_message.domain.trace import TraceContext, parts_of, trace_id_of

LEASE_S = 30


class SlowTransport(MemoryTransport):
    """A publish waits for `gate`, then succeeds or fails as `failing` says."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Semaphore(0)
        self.failing = False
        self.begun = 0

    async def publish(
        self, topic: str, body: bytes, *, keys: Sequence[str] = (), trace: TraceContext | None = None
    ) -> None:
        self.begun += 1
        await self.gate.acquire()
        if self.failing:
            raise PublishError("away")
        await super().publish(topic, body, keys=keys)


class RaisingTransport(MemoryTransport):
    """Its first publish raises."""

    def __init__(self) -> None:
        super().__init__()
        self.defects = 1

    async def publish(
        self, topic: str, body: bytes, *, keys: Sequence[str] = (), trace: TraceContext | None = None
    ) -> None:
        if self.defects:
            self.defects -= 1
            raise RuntimeError("a defect")
        await super().publish(topic, body, keys=keys)


class TestRocketmqNotifier(NotifierContract):
    @pytest.fixture(
        params=[{}, {"copies": 3}, {"copies": 2, "seed": 7}], ids=["once", "thrice", "doubled in any order"]
    )
    async def notifier(self, request: pytest.FixtureRequest) -> AsyncIterator[Notifier]:
        async with a_notifier(MemoryTransport(**request.param)) as notifier:
            yield notifier


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_becomes_due_while_a_publish_is_under_way_goes_with_the_next_wakeup() -> None:
    transport = SlowTransport()
    async with a_notifier(transport) as notifier:
        first, *others = [a_message_id() for _ in range(251)]
        await notifier.notify([first])
        await settle()
        for message_id in others:
            await notifier.notify([message_id])
        transport.gate.release()
        for _ in range(4):
            transport.gate.release()
        await settle()
        assert [len(decoded(body)) for _, body in transport.published] == [1, IDS_PER_WAKEUP, IDS_PER_WAKEUP, 50]
        assert frozenset().union(*(decoded(body) for _, body in transport.published)) == {first, *others}


async def test_each_class_has_a_topic_and_a_publish_of_its_own() -> None:
    transport = SlowTransport()
    async with a_notifier(transport) as notifier:
        for urgency in Urgency:
            await notifier.notify([a_message_id()], urgency)
        await settle()
        assert transport.begun == 3
        for _ in range(3):
            transport.gate.release()
        await settle()
        assert {topic for topic, _ in transport.published} == {"due", "due-urgent", "due-bulk"}


async def test_notify_never_waits_for_the_broker_and_a_failed_publish_polls_the_table() -> None:
    transport, counts = SlowTransport(), NotifierCounts()
    transport.failing = True
    async with a_notifier(transport, counts=counts) as notifier:
        await notifier.notify([a_message_id()])
        await settle()
        await notifier.notify([a_message_id()])
        transport.gate.release()
        assert (await notifier.wait(HOUR_MS)).message_ids == frozenset()
        assert counts.published == {"failed": 1}

        # While it is away, a wake-up polls the table at once, without waiting for one more failure.
        await notifier.notify([a_message_id()])
        assert (await notifier.wait(HOUR_MS)).message_ids == frozenset()
        assert transport.begun == 1


async def test_a_broker_that_came_back_is_published_to_again() -> None:
    transport, counts = MemoryTransport(), NotifierCounts()
    transport.away = True
    async with a_notifier(transport, counts=counts) as notifier:
        await notifier.notify([a_message_id()])
        await notifier.wait(HOUR_MS)
        transport.away = False

        async def published() -> bool:
            await notifier.notify([a_message_id()])
            return counts.published["ok"] > 0

        await until(published)


async def test_a_publish_that_raises_polls_the_table_and_stops_no_later_wakeup(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    transport, counts = RaisingTransport(), NotifierCounts()
    monkeypatch.setattr("wework_message.adapters.rocketmq.wakeup.publisher.RETRY_DELAY_S", 0.0)
    async with a_notifier(transport, counts=counts) as notifier:
        await notifier.notify([a_message_id()])
        assert (await notifier.wait(HOUR_MS)).message_ids == frozenset()
        assert [record.getMessage() for record in caplog.records] == ["a ring could not be published"]
        message_id = a_message_id()
        await notifier.notify([message_id])
        await heard(notifier, [message_id])
        assert counts.published == {"failed": 1, "ok": 1}


async def test_a_receive_that_raises_does_not_end_the_consumer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    transport = MemoryTransport()
    monkeypatch.setattr("wework_message.adapters.rocketmq.wakeup.consumer.RETRY_DELAY_S", 0.0)
    take, raised = transport.take, iter([LookupError("a defect")] * len(Urgency))

    def raising(*arguments: Any) -> Any:
        for error in raised:
            raise error
        return take(*arguments)

    monkeypatch.setattr(transport, "take", raising)
    async with a_notifier(transport) as notifier:
        message_id = a_message_id()
        await notifier.wait(20)
        await notifier.notify([message_id])
        await heard(notifier, [message_id])
        assert {record.getMessage() for record in caplog.records} == {"rings could not be received"}


async def test_an_answered_wakeup_is_acknowledged_and_any_other_comes_again() -> None:
    transport = MemoryTransport()
    message_id = a_message_id()
    async with a_notifier(transport) as notifier:
        await settle()
        await notifier.notify([message_id])
        assert (await notifier.wait(HOUR_MS)).message_ids == {message_id}
        await settle()
        assert transport.acked == []
        transport.expire("due", "dispatch")
        wakeup = await notifier.wait(HOUR_MS)
        assert wakeup.message_ids == {message_id}
        await notifier.answered(wakeup)
        await settle()
        assert transport.lag("due", "dispatch") == 0


async def test_without_a_waiter_nothing_is_received() -> None:
    transport = MemoryTransport(wait_s=0.005)
    async with a_notifier(transport) as notifier:
        await settle()
        assert transport.receives == 0
        await notifier.wait(20)
        before = transport.receives  # including those under way
        assert before > 0
        await notifier.notify([a_message_id()])
        await settle()
        assert len(transport.published) == 1
        assert transport.receives == before


async def test_a_process_that_does_not_dispatch_publishes_and_receives_nothing() -> None:
    transport = MemoryTransport(wait_s=0.001)
    await transport.subscribe("due", "dispatch", lease_s=LEASE_S)
    async with a_notifier(transport, listens=False) as notifier:
        await notifier.notify([a_message_id()])
        await notifier.wait(5)
        assert (len(transport.published), transport.receives) == (1, 0)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"{}", b"[]", b'{"v":2,"ids":["a"]}', b'{"v":1,"ids":[]}', b'{"v":1,"ids":[7]}',
     b'{"v":1,"ids":["%s"]}' % (b"x" * 65), b'{"v":1,"ids":["a"],"more":1}', b"<xml/>"],
)  # fmt: skip
async def test_what_is_no_wakeup_is_counted_and_acknowledged(body: bytes) -> None:
    transport, counts = MemoryTransport(), NotifierCounts()
    async with a_notifier(transport, counts=counts) as notifier:
        await settle()
        transport.put("due", body)
        message_id = a_message_id()
        await notifier.notify([message_id])
        await heard(notifier, [message_id])
        await settle()
        assert counts.received == {"garbage": 1, "ok": 1}
        assert transport.lag("due", "dispatch") == 0


async def test_a_wakeup_that_comes_too_often_is_dropped() -> None:
    transport, counts = MemoryTransport(), NotifierCounts()
    async with a_notifier(transport, counts=counts) as notifier:
        await settle()
        await notifier.notify([a_message_id()])
        for _ in range(MAX_DELIVERIES):
            assert (await notifier.wait(HOUR_MS)).message_ids
            transport.expire("due", "dispatch")
        await notifier.wait(300)
        assert counts.received == {"ok": MAX_DELIVERIES, "given_up": 1}
        assert transport.lag("due", "dispatch") == 0


def test_a_wakeup_of_a_hundred_ids_is_small() -> None:
    message_ids = [a_message_id() for _ in range(IDS_PER_WAKEUP)]
    body = encoded(message_ids)
    assert decoded(body) == set(message_ids)
    assert len(body) < 8_000


async def test_close_publishes_the_last_wakeups_and_ends_every_task() -> None:
    transport = MemoryTransport()
    before = asyncio.all_tasks()
    async with a_notifier(transport) as notifier:
        message_ids: list[MessageId] = [a_message_id() for _ in range(3)]
        await notifier.notify(message_ids)
    await notifier.close()
    assert [decoded(body) for _, body in transport.published] == [set(message_ids)]
    assert asyncio.all_tasks() == before


async def test_a_defect_while_publishing_polls_the_table_and_stops_no_later_publish(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    transport, counts = MemoryTransport(), NotifierCounts()

    async def broken(self: MemoryTransport, topic: str, body: bytes, **_: object) -> None:
        raise LookupError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryTransport, "publish", broken)
        async with a_notifier(transport, counts=counts) as notifier:
            await notifier.notify([a_message_id()])
            assert (await notifier.wait(HOUR_MS)).message_ids == frozenset()
            patch.undo()

            async def published() -> bool:
                await notifier.notify([a_message_id()])
                return counts.published["ok"] > 0

            await until(published)
    assert "a ring could not be published" in caplog.text


async def test_a_defect_while_receiving_does_not_end_the_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup_consumer, "RETRY_DELAY_S", 0.001)
    transport = MemoryTransport()
    receive, failures = MemorySubscription.receive, 3

    async def failing(self: MemorySubscription, limit: int) -> Sequence[Delivery]:
        nonlocal failures
        if failures:
            failures -= 1
            raise LookupError("a defect")
        return await receive(self, limit)

    monkeypatch.setattr(MemorySubscription, "receive", failing)
    async with a_notifier(transport) as notifier:
        await settle()  # a later subscription would miss the wake-up
        message_id = a_message_id()
        await notifier.notify([message_id])
        assert (await notifier.wait(HOUR_MS)).message_ids == {message_id}
        assert not failures


async def test_a_wakeup_leads_from_the_messages_to_who_claims_them() -> None:
    recorder = Recorder(0.0, {})
    try:
        async with a_notifier(MemoryTransport(), tracer=recorder.tracer) as notifier:
            await settle()  # it subscribes
            await notifier.notify([a_message_id(), a_message_id()], traces=[A_TRACE])
            wakeup = await notifier.wait(HOUR_MS)
            await notifier.answered(wakeup)
        spans = {span.name: span for span in recorder.spans()}
    finally:
        recorder.tracing.close(LONG_S)
    assert spans["send due"].near == {CLIENT}
    assert spans["send due"].attributes["wework_message.message_count"] == 2
    assert spans["receive due"].near == {spans["send due"].id}
    assert [(trace_id_of(trace), parts_of(trace).span_id) for trace in wakeup.traces] == [spans["receive due"].id]
