"""Wake-ups may all be lost: the dispatcher reads the table at its start, and then again and again, with a pause between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from tests.support.apps.in_memory_app import InMemoryApp

from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.ports.notifier import Wakeup
from wework_message.domain.trace import TraceContext

pytestmark = pytest.mark.usefixtures("through_the_table")


class DeafNotifier:
    """Loses every wake-up. A wait ends when the test ends it, with what the test gives."""

    def __init__(self) -> None:
        self._begun: asyncio.Queue[int] = asyncio.Queue()
        self._ended: asyncio.Queue[Wakeup] = asyncio.Queue()

    async def notify(
        self, message_ids: Sequence[MessageId], urgency: Urgency = Urgency.NORMAL, traces: Sequence[TraceContext] = ()
    ) -> None:
        pass

    async def wait(self, timeout_ms: int) -> Wakeup:
        self._begun.put_nowait(timeout_ms)
        return await self._ended.get()

    async def answered(self, wakeup: Wakeup) -> None:
        pass

    async def next_wait(self) -> int:
        """Milliseconds that the next wait may last, once it has begun."""
        return await self._begun.get()

    def end_wait(self, *message_ids: MessageId) -> None:
        self._ended.put_nowait(Wakeup(frozenset(message_ids)))


@asynccontextmanager
async def running(app: InMemoryApp, notifier: DeafNotifier) -> AsyncIterator[None]:
    task = asyncio.create_task(app.dispatcher.run())
    yield
    await app.dispatcher.stop(1)
    notifier.end_wait()
    await task


async def test_a_message_stored_while_the_dispatcher_is_idle_is_sent_though_its_wakeup_is_lost() -> None:
    notifier = DeafNotifier()
    async with InMemoryApp(notifier=notifier) as app, running(app, notifier):
        assert await notifier.next_wait() == 0
        notifier.end_wait()
        for number in range(3):
            assert await notifier.next_wait() == app.policy.poll_due_ms  # idle: nothing is due
            message_id = await app.accept_text(to=f"S:{number}")
            app.clock.advance(app.policy.poll_due_ms)
            notifier.end_wait()
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
            assert await notifier.next_wait() == 0  # there may be more
            notifier.end_wait()


async def test_wakeups_that_never_cease_do_not_keep_the_dispatcher_from_the_table() -> None:
    notifier = DeafNotifier()
    async with InMemoryApp(notifier=notifier) as app, running(app, notifier):
        assert await notifier.next_wait() == 0
        notifier.end_wait()
        assert await notifier.next_wait() == app.policy.poll_due_ms
        lost = await app.accept_text(to="S:9")
        app.clock.advance(app.policy.poll_due_ms - 1)
        notifier.end_wait(await app.accept_text(to="S:1"))
        assert await notifier.next_wait() == 1
        assert (await app.message(lost)).status is MessageStatus.QUEUED
        app.clock.advance(1)
        notifier.end_wait(await app.accept_text(to="S:2"))
        await app.until(lost, lambda message: message.status is MessageStatus.SENT)
