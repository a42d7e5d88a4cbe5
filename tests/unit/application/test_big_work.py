import asyncio
import threading

from tests.support.polling import until

from wework_message.application.big_work import BIG_BYTES, MAX_THREADS, computed


async def test_a_small_input_is_worked_on_at_once_and_a_big_one_beside_the_loop() -> None:
    here = threading.get_ident()
    assert await computed(BIG_BYTES, threading.get_ident) == here
    assert await computed(BIG_BYTES + 1, threading.get_ident) != here


async def test_the_loop_goes_on_while_big_inputs_are_worked_on_and_few_are_at_once() -> None:
    running: list[int] = []
    seen: list[int] = []
    go = threading.Event()

    def work() -> None:
        running.append(1)
        seen.append(len(running))
        go.wait(10)
        running.pop()

    async def all_threads_work() -> bool:
        return len(seen) == MAX_THREADS

    tasks = [asyncio.create_task(computed(BIG_BYTES + 1, work)) for _ in range(3 * MAX_THREADS)]
    await until(all_threads_work)  # the loop turns although every thread waits
    go.set()
    await asyncio.gather(*tasks)
    assert max(seen) <= MAX_THREADS
