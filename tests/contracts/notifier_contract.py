"""What every Notifier does. Subclasses provide `notifier`.

A test waits an hour for a wake-up: if the wake-up were lost, the test would run into its timeout.
"""

import asyncio
from collections.abc import Collection

from tests.support.builders.messages import a_message_id

from wework_message.domain.ids import MessageId
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.ports.notifier import Notifier

HOUR_MS = 3_600_000


async def heard(notifier: Notifier, message_ids: Collection[MessageId]) -> None:
    """Return once wake-ups have named each message, or sent the waiter to the table."""
    missing = set(message_ids)
    while missing:
        wakeup = await notifier.wait(HOUR_MS)
        missing -= wakeup.message_ids or missing
        await notifier.answered(wakeup)


class NotifierContract:
    async def test_a_wakeup_ends_the_wait_and_names_the_messages(self, notifier: Notifier) -> None:
        message_ids = [a_message_id(), a_message_id()]
        waiting = asyncio.create_task(heard(notifier, message_ids))
        await asyncio.sleep(0)
        assert not waiting.done()
        await notifier.notify(message_ids)
        await waiting

    async def test_a_wakeup_that_came_before_the_wait_is_not_lost(self, notifier: Notifier) -> None:
        message_id = a_message_id()
        await notifier.notify([message_id])
        await heard(notifier, [message_id])

    async def test_many_wakeups_of_every_class_all_arrive(self, notifier: Notifier) -> None:
        notified: list[MessageId] = []
        for number in range(30):
            for urgency in Urgency:
                notified += (message_ids := [a_message_id() for _ in range(number)])
                await notifier.notify(message_ids, urgency)
        await heard(notifier, notified)

    async def test_an_empty_wakeup_sends_to_the_table(self, notifier: Notifier) -> None:
        await notifier.notify(())
        assert (await notifier.wait(HOUR_MS)).message_ids == frozenset()

    async def test_without_a_wakeup_the_wait_ends_by_itself_and_sends_to_the_table(self, notifier: Notifier) -> None:
        for timeout_ms in (0, 1):
            wakeup = await notifier.wait(timeout_ms)
            assert wakeup.message_ids == frozenset()
            await notifier.answered(wakeup)
        waiting = asyncio.create_task(notifier.wait(HOUR_MS))
        await asyncio.sleep(0)
        await notifier.notify([])
        await waiting
