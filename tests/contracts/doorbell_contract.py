"""What every Doorbell does. Subclasses provide `doorbell`.

A ring that is waited for is given an hour: if it were lost, the test would run into its timeout.
"""

import asyncio

from tests.support.builders import a_message_id

from wework_message.domain.ports.doorbell import Doorbell

HOUR_MS = 3_600_000


class DoorbellContract:
    async def test_a_ring_ends_the_wait(self, doorbell: Doorbell) -> None:
        waiting = asyncio.create_task(doorbell.wait(HOUR_MS))
        await asyncio.sleep(0)
        assert not waiting.done()
        await doorbell.ring([a_message_id()])
        await waiting

    async def test_a_ring_that_came_before_the_wait_is_not_lost(self, doorbell: Doorbell) -> None:
        await doorbell.ring([a_message_id()])
        await doorbell.wait(HOUR_MS)

    async def test_many_rings_end_one_wait(self, doorbell: Doorbell) -> None:
        for _ in range(3):
            await doorbell.ring([a_message_id(), a_message_id()])
        await doorbell.wait(HOUR_MS)
        second = asyncio.create_task(doorbell.wait(HOUR_MS))
        await asyncio.sleep(0)
        assert not second.done()
        second.cancel()

    async def test_an_empty_ring_rings_too(self, doorbell: Doorbell) -> None:
        await doorbell.ring(())
        await doorbell.wait(HOUR_MS)

    async def test_without_a_ring_the_wait_ends_by_itself(self, doorbell: Doorbell) -> None:
        await doorbell.wait(1)
        waiting = asyncio.create_task(doorbell.wait(HOUR_MS))
        await asyncio.sleep(0)
        await doorbell.ring([])
        await waiting
