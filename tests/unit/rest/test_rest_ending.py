import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from tests.support.virtual_time import in_virtual_time, let_time_pass

from wework_message.entrypoints.rest.server.ending import IdleWatch, WriteWatch
from wework_message.entrypoints.rest.server.limits import ConnectionLimits

LIMITS = ConnectionLimits(head_s=10, body_bytes_per_s=100)


class Loop:
    """Runs what was put off when it is told to."""

    def __init__(self) -> None:
        self.put_off: list[Callable[[], None]] = []

    def call_later(self, _: float, call: Callable[[int], None], waiting: int) -> None:
        self.put_off.append(lambda: call(waiting))


class Transport:
    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize(("left", "is_cut_off"), [(9_001, True), (9_000, False), (0, False)])
def test_a_client_must_take_its_answers_as_fast_as_it_must_send_bodies(left: int, is_cut_off: bool) -> None:
    loop, transport = Loop(), Transport(10_000)
    WriteWatch(cast("asyncio.AbstractEventLoop", loop), cast("Any", transport), LIMITS).start()
    transport.waiting = left
    loop.put_off.pop()()
    assert transport.aborted is is_cut_off
    assert len(loop.put_off) == (left == 9_000)  # the rest is watched


def test_the_end_of_a_short_answer_may_be_all_that_there_was() -> None:
    loop, transport = Loop(), Transport(10)
    WriteWatch(cast("asyncio.AbstractEventLoop", loop), cast("Any", transport), LIMITS).start()
    transport.waiting = 0
    loop.put_off.pop()()
    assert not transport.aborted


def test_a_connection_is_closed_once_a_pause_is_too_long() -> None:
    async def pauses() -> None:
        loop = asyncio.get_running_loop()
        closed: list[float] = []
        began = loop.time()
        watch = IdleWatch(loop, 5, lambda: closed.append(round(loop.time() - began)))
        for _ in range(3):  # the last pause begins at 12
            watch.start()
            await let_time_pass(4)
            watch.stop()
        watch.start()
        await let_time_pass(4)
        assert closed == []
        await let_time_pass(2)
        assert closed == [17]

    in_virtual_time(pauses())


def test_a_request_that_takes_long_is_no_pause() -> None:
    async def request() -> None:
        loop = asyncio.get_running_loop()
        closed: list[float] = []
        watch = IdleWatch(loop, 5, lambda: closed.append(loop.time()))
        watch.start()
        watch.stop()
        await let_time_pass(60)
        assert closed == []
        watch.start()
        watch.cancel()
        await let_time_pass(60)
        assert closed == []

    in_virtual_time(request())
