import asyncio
import threading

import pytest
from tests.support.garbage import collect_garbage

from wework_message.adapters.threads import Threads


@pytest.fixture
def thread() -> Threads:
    return Threads("test")


async def test_calls_run_in_order_in_one_thread_outside_the_loop(thread: Threads) -> None:
    calls: list[tuple[int, int]] = []
    await asyncio.gather(*(thread.run(lambda n=n: calls.append((n, threading.get_ident()))) for n in range(20)))
    thread.close(wait=True)
    assert [number for number, _ in calls] == list(range(20))
    assert {thread_id for _, thread_id in calls} != {threading.get_ident()}
    assert len({thread_id for _, thread_id in calls}) == 1


async def test_results_and_errors_reach_their_own_caller(thread: Threads) -> None:
    good, bad = (asyncio.create_task(thread.run(int, digits)) for digits in ("7", "seven"))
    assert await good == 7
    with pytest.raises(ValueError, match="seven"):
        await bad
    thread.close(wait=True)


async def test_a_call_that_is_cancelled_before_its_turn_is_skipped(thread: Threads) -> None:
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
    thread.close(wait=True)
    assert ran == [3]


async def test_a_cancelled_caller_does_not_disturb_the_thread(thread: Threads) -> None:
    gate, entered = threading.Event(), threading.Event()

    def work() -> bool:
        entered.set()
        return gate.wait(10)

    cancelled = asyncio.create_task(thread.run(work))
    assert await asyncio.to_thread(entered.wait, 10)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    gate.set()
    assert await thread.run(int, "7") == 7
    thread.close(wait=True)


async def test_close_finishes_started_calls_and_refuses_later_ones(thread: Threads) -> None:
    ran: list[int] = []
    started = asyncio.create_task(thread.run(ran.append, 1))
    await asyncio.sleep(0)
    await asyncio.to_thread(thread.close, wait=True)
    await started
    assert ran == [1]
    with pytest.raises(RuntimeError, match="closed"):
        await thread.run(ran.append, 2)


async def test_several_threads_work_at_once_and_no_more_than_were_allowed() -> None:
    threads = Threads("test", 2)
    together = threading.Barrier(2)
    thread_ids = await asyncio.gather(
        *(threads.run(lambda: (together.wait(10), threading.get_ident())[1]) for _ in range(6))
    )
    assert len(set(thread_ids)) == 2
    threads.close(wait=True)


async def test_a_started_call_runs_without_a_waiter_and_its_error_is_not_reported(thread: Threads) -> None:
    ran: list[int] = []
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reports.append(context))
    waiting = asyncio.create_task(shielded(thread, ran))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    with pytest.raises(ValueError, match="seven"):
        await thread.run(int, "seven")
    forgotten = thread.start(int, "eight")
    assert await thread.run(int, "9") == 9
    assert forgotten.done()
    del forgotten
    collect_garbage()
    thread.close(wait=True)
    assert (ran, reports) == ([1], [])


async def shielded(thread: Threads, ran: list[int]) -> None:
    await asyncio.shield(thread.start(ran.append, 1))


async def test_a_cancelled_error_of_the_call_itself_is_a_failure(thread: Threads) -> None:
    def give_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="CancelledError"):
        await thread.run(give_up)
    thread.close(wait=True)


async def test_it_may_be_closed_twice_and_without_waiting(thread: Threads) -> None:
    gate = threading.Event()
    started = thread.start(gate.wait, 10)
    thread.close()
    thread.close()
    assert thread.closed
    gate.set()
    assert await started
