import asyncio

import pytest

from wework_message.adapters.sql.core.pools import Turn


def a_turn(limit: int = 1) -> tuple[Turn, list[float]]:
    turn, waits = Turn(limit), list[float]()
    turn.waited = waits.append
    return turn, waits


async def test_who_does_not_have_to_wait_waits_for_nothing() -> None:
    turn, waits = a_turn(2)
    await turn.acquire()
    await turn.acquire()
    assert (waits, turn.used) == ([0.0, 0.0], 2)


async def test_who_waits_comes_in_turn_and_the_wait_counts() -> None:
    turn, waits = a_turn()
    order: list[int] = []

    async def work(number: int) -> None:
        await turn.acquire()
        order.append(number)
        await asyncio.sleep(0)
        turn.release()

    await turn.acquire()
    others = [asyncio.create_task(work(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert (turn.used, order) == (1, [])
    turn.release()
    await asyncio.gather(*others)
    assert order == [0, 1, 2]
    assert len(waits) == 4
    assert min(waits[1:]) > 0
    assert turn.used == 0


async def test_a_wait_that_is_given_up_counts_and_takes_no_place() -> None:
    turn, waits = a_turn()
    await turn.acquire()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await turn.acquire()
    assert (len(waits), turn.used) == (2, 1)
    assert waits[1] > 0
    turn.release()
    await asyncio.wait_for(turn.acquire(), 1)
    assert turn.used == 1


def test_idle_is_never_below_zero() -> None:
    assert Turn(1, lambda: -1).idle == 0
