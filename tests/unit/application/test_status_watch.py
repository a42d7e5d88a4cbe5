"""Requests that wait share the looks at the database."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from tests.support.builders.messages import NOW, a_due_message
from tests.support.polling import until

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.errors import TooManyWaitersError
from wework_message.application.queries import status_watch
from wework_message.application.queries.status_feed import StatusFeed, WaitForMessage
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, TenantId
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import MessageView

FAR_MS = 3_600_000
FIRST_LOOK_MS = 2


class Counting(MemoryMessageReader):
    """Keeps what was asked; raises `failure` instead of answering a look."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database)
        self.reads: list[MessageId] = []
        self.looks: list[int] = []
        self.failure: Exception | None = None

    async def messages(
        self, tenant_id: TenantId | None, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, MessageView]:
        if isinstance(self.failure, UnavailableError):
            raise self.failure
        self.reads += message_ids
        return await super().messages(tenant_id, message_ids)

    async def versions(self, message_ids: Sequence[MessageId]) -> Mapping[MessageId, int]:
        self.looks.append(len(message_ids))
        if self.failure is not None:
            raise self.failure
        return await super().versions(message_ids)


class Waiting:
    """Requests that wait in one process, and another process on the same database."""

    def __init__(self) -> None:
        database = MemoryDatabase()
        self.units = MemoryUnitOfWorkFactory(database, SettableClock(NOW))
        self.reader = Counting(database)
        self.feed = StatusFeed()
        self.wait = WaitForMessage(self.feed, self.reader, FIRST_LOOK_MS, 1_000)
        self.requests: list[asyncio.Task[MessageView | None]] = []

    async def add(self, number: int) -> list[Message]:
        messages = [a_due_message() for _ in range(number)]
        async with self.units() as unit:
            await unit.messages.add(messages)
            await unit.commit()
        for message in messages:
            message.written()
        return messages

    async def begin(self, *messages: Message) -> list[asyncio.Task[MessageView | None]]:
        """Long polls, once each has read its message."""
        reads = len(self.reader.reads) + len(messages)
        requests = [asyncio.create_task(self._long_poll(message)) for message in messages]
        self.requests += requests
        await until(lambda: _holds(len(self.reader.reads) >= reads))
        return requests

    async def _long_poll(self, message: Message) -> MessageView | None:
        version = message.version
        return await self.wait(
            DEFAULT_TENANT, message.id, enough=lambda view: view.message.version != version, wait_ms=FAR_MS,
            refuse_if_full=True,
        )  # fmt: skip

    async def change_elsewhere(self, message: Message) -> None:
        message.hold(HoldReason.BUDGET, 5, now=NOW)
        async with self.units() as unit:
            await unit.messages.save([message])
            await unit.commit()
        message.written()

    async def has_looked(self, sizes: list[int]) -> None:
        await until(lambda: _holds(self.reader.looks == sizes))

    async def looks_further(self, number: int = 3) -> None:
        least = len(self.reader.looks) + number
        await until(lambda: _holds(len(self.reader.looks) >= least))


async def _holds(value: bool) -> bool:
    return value


@pytest.fixture
async def waiting() -> AsyncIterator[Waiting]:
    waiting = Waiting()
    yield waiting
    waiting.feed.close()
    await asyncio.gather(*waiting.requests, return_exceptions=True)


def watch_tasks() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "status watch"]


async def test_many_idle_requests_fall_into_step_and_read_their_messages_once(waiting: Waiting) -> None:
    await waiting.begin(*await waiting.add(800))
    await until(lambda: _holds({500, 300} <= set(waiting.reader.looks)))
    await waiting.looks_further(6)
    assert sum(waiting.reader.looks[-6:]) > 1_600, "a look takes nearly all of them along"
    assert len(waiting.reader.reads) == 800
    assert len(watch_tasks()) == 1


async def test_a_change_of_another_process_wakes_its_request_alone(waiting: Waiting) -> None:
    first, second = await waiting.add(2)
    changed, unchanged = await waiting.begin(first, second)
    await waiting.change_elsewhere(first)
    view = await changed
    assert view is not None
    assert view.message.version == first.version
    await waiting.looks_further()
    assert not unchanged.done()
    assert waiting.reader.reads.count(second.id) == 1


async def test_requests_for_one_message_are_one_entry_of_a_look(waiting: Waiting) -> None:
    (message,) = await waiting.add(1)
    requests = await waiting.begin(message, message, message)
    await waiting.looks_further()
    assert set(waiting.reader.looks) == {1}
    await waiting.change_elsewhere(message)
    assert all(view is not None and view.message.version == message.version for view in await asyncio.gather(*requests))


async def test_a_new_request_does_not_wait_for_the_next_look_of_old_ones(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_watch, "INTERVAL_S", FAR_MS / 1000)
    monkeypatch.setattr(status_watch, "BACKOFF_FACTOR", FAR_MS)
    for number, message in enumerate(await waiting.add(2), 1):
        await waiting.begin(message)
        await waiting.has_looked([1] * number)


async def test_while_the_store_is_away_every_request_finds_out(waiting: Waiting) -> None:
    messages = await waiting.add(3)
    requests = await waiting.begin(*messages)
    waiting.reader.failure = UnavailableError("database")
    ends = await asyncio.gather(*requests, return_exceptions=True)
    assert {type(end) for end in ends} == {UnavailableError}


async def test_a_defect_of_a_look_is_logged_and_hides_no_change_of_this_process(
    waiting: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    (message,) = await waiting.add(1)
    (request,) = await waiting.begin(message)
    waiting.reader.failure = RuntimeError("defect")
    await waiting.looks_further(2)
    await waiting.change_elsewhere(message)
    waiting.feed.publish(message.id)
    assert await request is not None
    assert "statuses of waiting requests could not be compared" in caplog.text


async def test_the_looks_end_with_the_last_request(waiting: Waiting) -> None:
    (message,) = await waiting.add(1)
    (request,) = await waiting.begin(message)
    await waiting.looks_further(1)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await until(lambda: _holds(watch_tasks() == []))
    (request,) = await waiting.begin(message)
    assert not request.done()
    assert len(watch_tasks()) == 1


async def test_beyond_the_limit_a_long_poll_is_refused_and_a_send_is_answered_at_once(waiting: Waiting) -> None:
    waiting.wait.max_waiters = 2
    messages = await waiting.add(3)
    first, _ = await waiting.begin(*messages[:2])
    (refused,) = await waiting.begin(messages[2])
    with pytest.raises(TooManyWaitersError):
        await refused
    view = await waiting.wait(DEFAULT_TENANT, messages[2].id, enough=lambda _: False, wait_ms=FAR_MS)
    assert view is not None
    settled = await waiting.wait(
        DEFAULT_TENANT, messages[2].id, enough=lambda _: True, wait_ms=FAR_MS, refuse_if_full=True
    )
    assert settled is not None, "what need not wait needs no place"
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    (taken,) = await waiting.begin(messages[2])
    await waiting.looks_further(1)
    assert not taken.done()


async def test_a_message_that_is_gone_ends_the_wait(waiting: Waiting) -> None:
    assert await waiting.wait(DEFAULT_TENANT, MessageId("none"), enough=lambda _: False, wait_ms=FAR_MS) is None
