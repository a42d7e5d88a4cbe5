import asyncio
import threading

import pytest

from wework_message.adapters.sql.sqlite.thread import OrderedThread


@pytest.fixture
def thread() -> OrderedThread:
    return OrderedThread("test")


async def test_calls_run_in_order_in_one_thread_beside_the_loop(thread: OrderedThread) -> None:
    seen: list[tuple[int, int]] = []
    await asyncio.gather(*(thread.run(lambda n=n: seen.append((n, threading.get_ident()))) for n in range(20)))
    thread.close()
    assert [number for number, _ in seen] == list(range(20))
    assert {one for _, one in seen} != {threading.get_ident()}
    assert len({one for _, one in seen}) == 1


async def test_results_and_errors_reach_their_own_caller(thread: OrderedThread) -> None:
    good, bad = (asyncio.create_task(thread.run(int, digits)) for digits in ("7", "seven"))
    assert await good == 7
    with pytest.raises(ValueError, match="seven"):
        await bad
    thread.close()


async def test_a_call_that_is_cancelled_before_its_turn_is_left_out(thread: OrderedThread) -> None:
    gate = threading.Event()
    ran: list[int] = []
    first = asyncio.create_task(thread.run(gate.wait, 10))
    second = asyncio.create_task(thread.run(ran.append, 2))
    third = asyncio.create_task(thread.run(ran.append, 3))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    gate.set()
    assert await first
    await third
    thread.close()
    assert ran == [3]


async def test_a_caller_that_left_does_not_disturb_the_thread(thread: OrderedThread) -> None:
    gate, entered = threading.Event(), threading.Event()

    def work() -> bool:
        entered.set()
        return gate.wait(10)

    gone = asyncio.create_task(thread.run(work))
    assert await asyncio.to_thread(entered.wait, 10)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    gate.set()
    assert await thread.run(int, "7") == 7
    thread.close()


async def test_close_finishes_what_was_asked_for_and_refuses_the_rest(thread: OrderedThread) -> None:
    ran: list[int] = []
    asked = asyncio.create_task(thread.run(ran.append, 1))
    await asyncio.sleep(0)
    await asyncio.to_thread(thread.close)
    await asked
    assert ran == [1]
    with pytest.raises(RuntimeError, match="closed"):
        await thread.run(ran.append, 2)
