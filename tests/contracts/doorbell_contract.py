"""What every Doorbell does. Subclasses provide `doorbell`.

A ring that is waited for is given an hour: if it were lost, the test would run into its timeout.
"""

import asyncio
from collections.abc import Collection

from tests.support.builders import a_message_id

from wework_message.domain.agenda import Urgency
from wework_message.domain.ids import MessageId
from wework_message.domain.ports.doorbell import Doorbell

HOUR_MS = 3_600_000


async def heard(doorbell: Doorbell, message_ids: Collection[MessageId]) -> None:
    """Return once the waiter was told of each, by name or by being sent to the table."""
    missing = set(message_ids)
    while missing:
        rung = await doorbell.wait(HOUR_MS)
        missing -= rung.message_ids or missing
        await doorbell.answered(rung)


class DoorbellContract:
    async def test_a_ring_ends_the_wait_and_says_for_whom(self, doorbell: Doorbell) -> None:
        message_ids = [a_message_id(), a_message_id()]
        waiting = asyncio.create_task(heard(doorbell, message_ids))
        await asyncio.sleep(0)
        assert not waiting.done()
        await doorbell.ring(message_ids)
        await waiting

    async def test_a_ring_that_came_before_the_wait_is_not_lost(self, doorbell: Doorbell) -> None:
        message_id = a_message_id()
        await doorbell.ring([message_id])
        await heard(doorbell, [message_id])

    async def test_of_many_rings_of_every_class_all_are_heard(self, doorbell: Doorbell) -> None:
        rung: list[MessageId] = []
        for number in range(30):
            for urgency in Urgency:
                rung += (message_ids := [a_message_id() for _ in range(number)])
                await doorbell.ring(message_ids, urgency)
        await heard(doorbell, rung)

    async def test_an_empty_ring_sends_to_the_table(self, doorbell: Doorbell) -> None:
        await doorbell.ring(())
        assert (await doorbell.wait(HOUR_MS)).message_ids == frozenset()

    async def test_without_a_ring_the_wait_ends_by_itself_and_sends_to_the_table(self, doorbell: Doorbell) -> None:
        for timeout_ms in (0, 1):
            rung = await doorbell.wait(timeout_ms)
            assert rung.message_ids == frozenset()
            await doorbell.answered(rung)
        waiting = asyncio.create_task(doorbell.wait(HOUR_MS))
        await asyncio.sleep(0)
        await doorbell.ring([])
        await waiting
