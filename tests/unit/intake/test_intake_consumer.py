import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.apps.guxing_app import running
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import A_TRACE
from tests.support.polling import until
from tests.support.queues.memory_transport import MemorySubscription, MemoryTransport
from tests.support.traces import CLIENT, LONG_S, Recorder

from wework_message.adapters.rocketmq.transport.port import Delivery
from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.errors import DrainingError
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.message.options import is_idempotency_key
from wework_message.domain.ports.dead_letters import DeadLetter, DeadLetterSource, DeadLetterView
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.tracer import Tracer
from wework_message.entrypoints.intake import consumer as consuming
from wework_message.entrypoints.intake.consumer import IntakeConsumer
from wework_message.entrypoints.intake.translating import by_key, by_part, replay_of
from wework_message.entrypoints.wire.requests.body import Limits

TOPIC, GROUP = "async-message-send", "intake"

Accept = Callable[[AcceptMessage], Awaitable[Accepted]]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "RETRY_DELAY_S", 0.002)


def a_send(**changes: Any) -> bytes:
    fields = {"guid": "guid-a", "conversationId": "S:1001", "messageType": "TEXT", "content": "hello"}
    return json.dumps(fields | changes).encode()


class Intake:
    """One topic's consumer on the application in memory."""

    def __init__(
        self, behind: InMemoryApp, transport: MemoryTransport, *, unique_keys: bool = False, tracer: Tracer = NO_TRACER
    ) -> None:
        self.behind = behind
        self.tracer = tracer
        self.transport = transport
        self.unique_keys = unique_keys
        self.results: Counter[str] = Counter()
        self.ways: Counter[str] = Counter()
        """Received and left."""
        self.reasons: list[str | None] = []
        self.consumers: list[tuple[IntakeConsumer[Delivery], asyncio.Task[None]]] = []

    def intake(self, result: str, reason: str | None) -> None:
        if result in ("received", "left"):
            self.ways[result] += 1
            return
        self.results[result] += 1
        self.reasons += [reason] if reason is not None else []

    async def start(
        self, accept: Accept | None = None, keep: Callable[[DeadLetter], Awaitable[bool]] | None = None
    ) -> IntakeConsumer[Delivery]:
        application = self.behind.application
        consumer = IntakeConsumer(
            await self.transport.subscribe(TOPIC, GROUP, lease_s=60), accept or application.accept,
            keep or self.behind.keep_dead_letter, application.service.database_answers, self, self.behind.clock, Limits(),
            unique_keys=self.unique_keys, topic=TOPIC, tracer=self.tracer,
        )  # fmt: skip
        self.consumers.append((consumer, asyncio.create_task(consumer.run())))
        return consumer

    async def stop(self) -> None:
        for consumer, _ in self.consumers:
            await consumer.stop()
        await asyncio.gather(*(task for _, task in self.consumers))
        self.consumers = []

    def put(self, body: bytes, *keys: str, message_id: str | None = None) -> str:
        return self.transport.put(TOPIC, body, keys, message_id)

    async def done(self) -> None:
        """Until nothing is left in the topic."""

        async def empty() -> bool:
            return self.transport.lag(TOPIC, GROUP) == 0

        await until(empty)

    async def redeliver_until(self, enough: Callable[[], bool]) -> None:
        """Leases end at once, again and again."""

        async def look() -> bool:
            self.transport.expire(TOPIC, GROUP)
            return enough()

        await until(look)

    async def settled(self, count: int) -> None:
        """Until so many deliveries were stored or refused."""

        async def enough() -> bool:
            return self.results.total() == count

        await until(enough)

    async def take_and_leave(self) -> None:
        """Another consumer takes what is there, and dies."""
        subscription = await self.transport.subscribe(TOPIC, GROUP, lease_s=60)
        assert await subscription.receive(100)
        self.transport.expire(TOPIC, GROUP)

    async def letters(self) -> list[DeadLetterView]:
        reader = self.behind.application.dead_letters
        return list(await reader.dead_letters(DEFAULT_TENANT, DeadLetterSource.INTAKE, limit=100, before=None))


@asynccontextmanager
async def an_intake(
    *, unique_keys: bool = False, tracer: Tracer = NO_TRACER, **transport: Any
) -> AsyncIterator[Intake]:
    async with running(dispatching=False, tracer=tracer) as behind:
        intake = Intake(behind, MemoryTransport(wait_s=0.01, **transport), unique_keys=unique_keys, tracer=tracer)
        await intake.transport.subscribe(TOPIC, GROUP, lease_s=60)
        try:
            yield intake
        finally:
            await intake.stop()


async def test_a_queued_send_is_stored_and_then_acknowledged() -> None:
    async with an_intake() as intake:
        await intake.start()
        intake.put(a_send())
        await intake.done()
        assert intake.behind.stored() == 1
        (message,) = intake.behind.database.messages.committed_rows()
        assert (message.options.client_message_id, message.mode, message.guid) == (None, "ASYNC", "guid-a")
        assert intake.results == {"stored": 1}


async def test_nothing_is_acknowledged_before_it_is_stored() -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    async with an_intake() as intake:

        async def accept(command: AcceptMessage) -> Accepted:
            reached.set()
            await go_on.wait()
            return await intake.behind.application.accept(command)

        await intake.start(accept)
        intake.put(a_send())
        await reached.wait()
        assert intake.transport.acked == []
        go_on.set()
        await intake.done()
        assert (intake.behind.stored(), len(intake.transport.acked)) == (1, 1)


async def test_repetitions_of_one_delivery_are_one_message() -> None:
    async with an_intake(copies=50, seed=3) as intake:
        await intake.start()
        await intake.start()
        intake.put(a_send())
        await intake.done()
        assert intake.behind.stored() == 1
        assert intake.results == {"stored": 1, "duplicate": 49}


LONG = "好" * 300


@pytest.mark.parametrize(
    ("first", "second", "stored"),
    [
        ((a_send(clientMessageId="c"), "k", "1"), (a_send(clientMessageId="c"), "l", "2"), 1),
        ((a_send(clientMessageId="c"), "k", "1"), (a_send(clientMessageId="d"), "k", "1"), 2),
        ((a_send(), "k", "1"), (a_send(), "k", "2"), 2),
        ((a_send(), "k", "1"), (a_send(content="other"), "k", "1"), 2),
        ((a_send(), "", "1"), (a_send(), "", "1"), 2),
        ((a_send(), "", "y" * 300), (a_send(), "", "y" * 300), 2),
    ],
)
async def test_only_the_clients_id_makes_two_parts_one_message(
    first: tuple[bytes, str, str], second: tuple[bytes, str, str], stored: int
) -> None:
    async with an_intake() as intake:
        await intake.start()
        for body, key, message_id in (first, second):
            intake.put(body, key, message_id=message_id)
            await intake.done()
        assert (intake.behind.stored(), len(intake.transport.acked)) == (stored, 2)
        assert await intake.letters() == []


@pytest.mark.parametrize(
    ("first", "second", "stored"),
    [
        ((a_send(), "k"), (a_send(), "k"), 1),
        ((a_send(), "k"), (a_send(), "l"), 2),
        ((a_send(), ""), (a_send(), ""), 2),
        ((a_send(), LONG + "a"), (a_send(), LONG + "a"), 1),
        ((a_send(), LONG + "a"), (a_send(), LONG + "b"), 2),
        ((a_send(clientMessageId="c"), "k"), (a_send(clientMessageId="d"), "k"), 2),
    ],
)
async def test_keys_make_one_message_where_they_are_said_to_be_unique(
    first: tuple[bytes, str], second: tuple[bytes, str], stored: int
) -> None:
    async with an_intake(unique_keys=True) as intake:
        await intake.start()
        for body, key in (first, second):
            intake.put(body, key)
            await intake.done()
        assert (intake.behind.stored(), len(intake.transport.acked)) == (stored, 2)
        assert await intake.letters() == []


async def test_of_several_unique_keys_it_is_always_the_same_one() -> None:
    async with an_intake(unique_keys=True) as intake:
        await intake.start()
        intake.put(a_send(), "b", "a")
        await intake.done()
        intake.put(a_send(), "a", "b")
        await intake.done()
        assert intake.results == {"stored": 1, "duplicate": 1}


@pytest.mark.parametrize("contents", [[str(number) for number in range(10)], ["same"] * 10])
async def test_every_part_of_a_batch_is_a_message(contents: list[str]) -> None:
    async with an_intake() as intake:
        await intake.start()
        intake.transport.put_batch(TOPIC, [a_send(content=content) for content in contents], keys=["k"] * 10)
        await intake.done()
        assert (intake.behind.stored(), len(intake.transport.acked)) == (10, 10)
        assert (intake.results, await intake.letters()) == ({"stored": 10}, [])


@pytest.mark.parametrize("redelivers", ["same", "copies"])
@pytest.mark.parametrize("contents", [[str(number) for number in range(10)], ["same"] * 10])
async def test_parts_that_come_again_after_lost_acknowledgements_are_duplicates(
    contents: list[str], redelivers: str
) -> None:
    async with an_intake(redelivers=redelivers) as intake:
        intake.transport.loses_acks = True
        await intake.start()
        intake.transport.put_batch(TOPIC, [a_send(content=content) for content in contents])
        for round_number in (1, 2):
            await intake.settled(10 * round_number)
            intake.transport.loses_acks = round_number == 1
            intake.transport.expire(TOPIC, GROUP)
        await intake.done()
        assert (intake.behind.stored(), intake.results) == (10, {"stored": 10, "duplicate": 20})
        assert await intake.letters() == []


async def test_equal_parts_of_which_some_were_stored_before_a_crash_are_all_stored_once() -> None:
    async with an_intake() as intake:
        room = 4

        async def accept(command: AcceptMessage) -> Accepted:
            nonlocal room
            if room == 0:
                raise DrainingError
            room -= 1
            return await intake.behind.application.accept(command)

        intake.transport.put_batch(TOPIC, [a_send()] * 10)
        intake.transport.loses_acks = True
        await intake.start(accept)

        async def crashed() -> bool:
            return intake.results["stored"] == 4 and intake.transport.taken(TOPIC, GROUP) == 10

        await until(crashed)
        await intake.stop()
        intake.transport.loses_acks = False
        intake.transport.expire(TOPIC, GROUP)
        await intake.start()
        await intake.done()
        assert (intake.behind.stored(), intake.results) == (10, {"stored": 10, "duplicate": 4})


async def test_a_copy_whose_original_the_brokers_do_not_tell_is_left_and_then_a_dead_letter() -> None:
    async with an_intake() as intake:
        intake.transport.put(TOPIC, a_send(), message_id="1")
        await intake.take_and_leave()
        intake.transport.forget_stored()
        await intake.start()
        intake.put(a_send(clientMessageId="c"))
        await intake.redeliver_until(lambda: intake.transport.lag(TOPIC, GROUP) == 0)
        (letter,) = await intake.letters()
        assert (letter.reason, letter.message_id, intake.behind.stored()) == ("EXHAUSTED", "1", 1)


async def test_every_invalid_part_of_a_batch_is_a_dead_letter_of_its_own_and_can_be_replayed() -> None:
    async with an_intake() as intake:
        await intake.start()
        batch_id = intake.transport.put_batch(TOPIC, [a_send(content="")] * 3 + [b"1", b"2"])
        await intake.done()
        letters = await intake.letters()
        assert (len(letters), len({letter.source_id for letter in letters})) == (5, 5)
        assert {letter.message_id for letter in letters} == {batch_id}
        replays = [
            replay_of(
                letter,
                a_send(),
                tenant_id=DEFAULT_TENANT,
                limits=Limits(),
                now=intake.behind.clock.now(),
                unique_keys=False,
            )
            for letter in letters
        ]
        for replay in replays * 2:
            await intake.behind.application.accept(replay)
        assert intake.behind.stored() == 5


async def test_an_invalid_part_that_comes_again_is_no_second_dead_letter() -> None:
    async with an_intake() as intake:
        intake.transport.loses_acks = True
        await intake.start()
        intake.transport.put_batch(TOPIC, [b"no JSON", b"no JSON"])
        await intake.settled(2)
        intake.transport.loses_acks = False
        intake.transport.expire(TOPIC, GROUP)
        await intake.done()
        assert (len(await intake.letters()), intake.results) == (2, {"dead": 2, "duplicate": 2})


async def test_a_replay_of_a_conflict_of_unique_keys_is_sent() -> None:
    async with an_intake(unique_keys=True) as intake:
        await intake.start()
        for content in ("one", "two"):
            intake.put(a_send(content=content), "k")
            await intake.done()
        (letter,) = await intake.letters()
        body, now = a_send(content="two"), intake.behind.clock.now()
        replay = replay_of(letter, body, tenant_id=DEFAULT_TENANT, limits=Limits(), now=now, unique_keys=True)
        accepted = await intake.behind.application.accept(replay)
        assert (letter.reason, accepted.duplicate, intake.behind.stored()) == ("IDEMPOTENCY_CONFLICT", False, 2)


async def test_no_client_can_take_a_key_that_we_make() -> None:
    assert not any(is_idempotency_key(key) for key in (by_part("t/b/0/7/M"), by_key("42"), by_key("x" * 255)))
    async with an_intake(unique_keys=True) as intake:
        await intake.start()
        for client_id in ("42", "rocketmq-key:42"):
            intake.put(a_send(clientMessageId=client_id))
            await intake.done()
        intake.put(a_send(), "42")
        await intake.done()
        assert intake.results == {"stored": 3}


async def test_the_same_unique_key_with_another_body_is_a_dead_letter() -> None:
    async with an_intake(unique_keys=True) as intake:
        await intake.start()
        intake.put(a_send(), "k", message_id="1")
        await intake.done()
        intake.put(a_send(content="other"), "k", message_id="2")
        await intake.done()
        (letter,) = await intake.letters()
        assert (letter.reason, letter.key, letter.message_id) == ("IDEMPOTENCY_CONFLICT", "k", "2")
        assert intake.behind.stored() == 1


@pytest.mark.parametrize(
    ("body", "reason", "paths"),
    [
        (b"\xff{", "INVALID_JSON", []),
        (b"[]", "VALIDATION_FAILED", [""]),
        (a_send(content="", guid=None), "VALIDATION_FAILED", ["guid", "content"]),
        (a_send(extra=None, surprise=1), "VALIDATION_FAILED", ["surprise"]),
        (a_send(x="x" * 1_048_576), "PAYLOAD_TOO_LARGE", []),
        (a_send(guid=None, accountId="nobody"), "VALIDATION_FAILED", ["accountId"]),
        (a_send(providerCode="NOBODY"), "VALIDATION_FAILED", ["providerCode"]),
        (a_send(messageType="IMAGE", content=None, mediaId="nobody's"), "VALIDATION_FAILED", ["mediaId"]),
        (a_send(messageType="IMAGE", content=None, url="https://127.0.0.1/a.png"), "VALIDATION_FAILED", ["url"]),
        (a_send(messageType="QUOTE", quoteMessageId="01970000-0000-7000-8000-000000000000"), "VALIDATION_FAILED",
         ["quoteMessageId"]),
        (a_send(messageType="MIXED", content=None, parts=[{"messageType": "TEXT"}]), "VALIDATION_FAILED", ["parts"]),
    ],
)  # fmt: skip
async def test_what_is_invalid_is_kept_with_its_reason_and_acknowledged(
    body: bytes, reason: str, paths: list[str]
) -> None:
    async with an_intake() as intake:
        await intake.start()
        intake.put(body, "order-42", message_id="AC11")
        await intake.done()
        (letter,) = await intake.letters()
        assert (letter.reason, letter.key, letter.message_id, letter.size) == (reason, "order-42", "AC11", len(body))
        assert sorted(fault.path for fault in letter.faults) == sorted(paths)
        stored = await intake.behind.application.dead_letters.dead_letter(DEFAULT_TENANT, letter.id)
        assert stored is not None
        assert stored[1] == body
        assert (intake.behind.stored(), intake.results, intake.reasons) == (0, {"dead": 1}, [reason])


async def test_the_parts_of_a_mixed_send_are_stored_together() -> None:
    async with an_intake() as intake:
        await intake.start()
        parts = [{"messageType": "TEXT", "content": "one"}, {"messageType": "TEXT", "content": "two"}]
        for message_id in ("1", "2"):
            intake.put(
                a_send(messageType="MIXED", content=None, parts=parts, clientMessageId="g"), message_id=message_id
            )
        await intake.done()
        assert (intake.behind.stored(), intake.results) == (2, {"stored": 1, "duplicate": 1})


async def test_a_store_that_is_away_loses_nothing_and_stops_the_receiving() -> None:
    async with an_intake() as intake:
        intake.behind.database.away = True
        await intake.start()
        intake.put(a_send())

        async def tried() -> bool:
            return intake.results["unavailable"] >= 10

        await until(tried)
        received = intake.transport.receives
        intake.put(a_send())
        before = intake.results["unavailable"]

        async def tried_again() -> bool:
            return intake.results["unavailable"] >= before + 5

        await until(tried_again)
        assert intake.transport.receives == received
        assert (intake.transport.acked, intake.transport.lag(TOPIC, GROUP)) == ([], 2)
        intake.behind.database.away = False
        await intake.done()
        assert (intake.behind.stored(), await intake.letters()) == (2, [])


async def test_an_outage_of_the_store_is_no_handling_failure() -> None:
    async with an_intake() as intake:
        failures = 0

        async def accept(command: AcceptMessage) -> Accepted:
            nonlocal failures
            failures += 1
            if failures <= consuming.MAX_HANDLING_FAILURES * 3:
                raise UnavailableError("database")
            if failures == consuming.MAX_HANDLING_FAILURES * 3 + 1:
                raise LookupError("once")
            return await intake.behind.application.accept(command)

        await intake.start(accept)
        intake.put(a_send())
        await intake.redeliver_until(lambda: intake.behind.stored() == 1)
        await intake.done()
        assert await intake.letters() == []
        await intake.stop()
        settled = intake.results.total() - intake.results["unavailable"]
        assert (intake.ways["left"] >= 1, intake.ways["received"]) == (True, intake.ways["left"] + settled)


async def test_a_store_that_refuses_one_message_but_answers_lets_the_others_through() -> None:
    async with an_intake() as intake:

        async def accept(command: AcceptMessage) -> Accepted:
            if command.key == "bad":
                raise UnavailableError("database", "DataError")
            return await intake.behind.application.accept(command)

        await intake.start(accept)
        intake.put(a_send(clientMessageId="bad"))

        async def tried() -> bool:
            return intake.results["unavailable"] >= 1

        await until(tried)
        intake.put(a_send(clientMessageId="good"))

        async def through() -> bool:
            # What is stored is acknowledged a moment later.
            return (intake.behind.stored(), intake.transport.lag(TOPIC, GROUP)) == (1, 1)

        await until(through)
        await intake.redeliver_until(lambda: intake.transport.lag(TOPIC, GROUP) == 0)
        (letter,) = await intake.letters()
        assert (letter.reason, letter.deliveries) == ("EXHAUSTED", consuming.MAX_DELIVERIES + 1)


@pytest.mark.parametrize("error", [LookupError("a defect"), ConflictError("a guard")])
async def test_what_raises_in_our_code_again_and_again_is_a_dead_letter(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with an_intake() as intake:
        calls = 0

        async def accept(command: AcceptMessage) -> Accepted:
            nonlocal calls
            if command.key == "poison":
                calls += 1
                raise error
            return await intake.behind.application.accept(command)

        await intake.start(accept)
        intake.put(a_send(clientMessageId="poison"))
        intake.put(a_send(clientMessageId="fine"))

        async def handled() -> bool:
            """Each failure left it: a lease that ends earlier would hand it out a second time, beside the first."""
            if intake.ways["left"] == calls > 0:
                intake.transport.expire(TOPIC, GROUP)
            return intake.transport.lag(TOPIC, GROUP) == 0

        await until(handled)
        (letter,) = await intake.letters()
        assert (letter.reason, letter.faults, calls) == ("POISON", (), consuming.MAX_HANDLING_FAILURES)
        assert intake.behind.stored() == 1
        assert "hello" not in caplog.text


async def test_a_dead_letter_that_cannot_be_kept_is_not_acknowledged() -> None:
    async with an_intake() as intake:
        keep, broken = intake.behind.keep_dead_letter, True

        async def keeping(letter: DeadLetter) -> bool:
            if broken:
                raise LookupError("a defect")
            return await keep(letter)

        await intake.start(keep=keeping)
        intake.put(b"no JSON")

        async def taken() -> bool:
            return intake.transport.receives >= 3

        await until(taken)
        assert (intake.transport.lag(TOPIC, GROUP), await intake.letters()) == (1, [])
        broken = False
        await intake.redeliver_until(lambda: intake.transport.lag(TOPIC, GROUP) == 0)
        assert [letter.reason for letter in await intake.letters()] == ["INVALID_JSON"]


async def test_a_queue_that_raises_does_not_end_the_intake(monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_intake() as intake:
        receive, failures = MemorySubscription.receive, 2

        async def failing(self: MemorySubscription, limit: int) -> Any:
            nonlocal failures
            if failures:
                failures -= 1
                raise LookupError("a defect")
            return await receive(self, limit)

        monkeypatch.setattr(MemorySubscription, "receive", failing)
        await intake.start()
        intake.put(a_send())
        await intake.done()
        assert intake.behind.stored() == 1


async def test_many_at_once_share_a_transaction_and_no_more_than_the_limit_are_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consuming, "MAX_BATCH", 64)
    async with an_intake() as intake:
        open_now = most = 0
        gate = asyncio.Event()

        async def accept(command: AcceptMessage) -> Accepted:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await gate.wait()
            open_now -= 1
            return await intake.behind.application.accept(command)

        for number in range(200):
            intake.put(a_send(clientMessageId=str(number)))
        await intake.start(accept)

        async def full() -> bool:
            return open_now == 64

        await until(full)
        gate.set()
        await intake.done()
        assert (most, intake.behind.stored()) == (64, 200)


async def test_a_stop_finishes_open_messages_and_leaves_the_others() -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    async with an_intake() as intake:

        async def accept(command: AcceptMessage) -> Accepted:
            reached.set()
            await go_on.wait()
            return await intake.behind.application.accept(command)

        consumer = await intake.start(accept)
        intake.put(a_send(), "1")
        await reached.wait()
        await consumer.stop()
        intake.transport.put("other", b"")
        go_on.set()
        await intake.stop()
        assert (intake.behind.stored(), len(intake.transport.acked)) == (1, 1)
        intake.put(a_send(), "2")
        assert intake.transport.lag(TOPIC, GROUP) == 1


async def test_a_stop_does_not_wait_for_a_store_that_is_away() -> None:
    async with an_intake() as intake:
        intake.behind.database.away = True
        await intake.start()
        intake.put(a_send())

        async def tried() -> bool:
            return intake.results["unavailable"] >= 1

        await until(tried)
        await intake.stop()
        assert (intake.transport.lag(TOPIC, GROUP), intake.transport.acked) == (1, [])


async def test_a_flusher_that_has_closed_leaves_the_message_and_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    async with an_intake() as intake:
        await intake.behind.commits.close()
        await intake.start()
        intake.put(a_send())

        async def taken() -> bool:
            return intake.transport.receives >= 3

        await until(taken)
        assert (intake.transport.lag(TOPIC, GROUP), await intake.letters()) == (1, [])
        assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_body_that_the_client_cannot_decompress_is_a_dead_letter_and_blocks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receive = MemorySubscription.receive

    async def compressed(subscription: MemorySubscription, limit: int) -> list[Delivery]:
        return [
            dataclasses.replace(delivery, unreadable="LZ4") if delivery.body == b"compressed" else delivery
            for delivery in await receive(subscription, limit)
        ]

    monkeypatch.setattr(MemorySubscription, "receive", compressed)
    async with an_intake() as intake:
        await intake.start()
        intake.put(b"compressed")
        intake.put(a_send())
        await intake.done()
        (letter,) = await intake.letters()
        assert letter.reason == "UNREADABLE_BODY"
        assert [(fault.path, fault.message) for fault in letter.faults] == [("body", "LZ4")]
        assert intake.results == {"dead": 1, "stored": 1}


async def test_what_a_producer_records_is_recorded_from_its_message_on() -> None:
    recorder = Recorder(0.0, {})
    try:
        async with an_intake(tracer=recorder.tracer) as intake:
            await intake.start()
            await intake.transport.publish(TOPIC, a_send(), trace=A_TRACE)
            await intake.transport.publish(TOPIC, b"{}", trace=A_TRACE)
            await intake.transport.publish(TOPIC, a_send(content="not recorded"))
            await intake.done()
            await intake.settled(3)
            stored = intake.behind.stored()
        spans = recorder.spans()
    finally:
        recorder.tracing.close(LONG_S)
    accepts = [span for span in spans if span.name == "accept"]
    taken = {span.attributes["wework_message.outcome"]: span for span in spans if span.name == f"process {TOPIC}"}
    assert len(spans) == 3
    assert {outcome: span.near for outcome, span in taken.items()} == {"stored": {CLIENT}, "dead": {CLIENT}}
    assert [span.parent for span in accepts] == [taken["stored"].id]
    assert stored == 2
