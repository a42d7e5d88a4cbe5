"""Ending the loops of a process: none of them keeps another one, or the drain, from ending."""

import asyncio
import contextlib

import pytest
from tests.support.apps.in_memory_app import InMemoryApp

from wework_message.application.callbacks.projector import Projector
from wework_message.application.dispatch.dispatcher import Dispatcher
from wework_message.application.mass.sender import MassSender
from wework_message.application.media.worker import MediaWorker
from wework_message.application.role import Role
from wework_message.application.webhooks.deliver import DeliverEvents
from wework_message.bootstrap import loops
from wework_message.bootstrap.loops import Loops, loops_of


class Working:
    """A loop that ends at `stop`."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self.ended = False

    async def run(self) -> None:
        await self.stopped.wait()
        self.ended = True

    async def stop(self, drain_s: float) -> None:
        self.stopped.set()


class Broken(Working):
    async def run(self) -> None:
        raise LookupError("a defect")


class Stubborn(Working):
    """A loop that waits for an answer that never comes."""

    async def run(self) -> None:
        await asyncio.Event().wait()


class Unstoppable(Working):
    async def stop(self, drain_s: float) -> None:
        await super().stop(drain_s)
        raise LookupError("another defect")


async def test_a_loop_that_broke_does_not_keep_the_others_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    last = Working()
    work = Loops([Broken(), Unstoppable(), last])
    work.start()
    await asyncio.wait({work.tasks[0]})
    await work.stop(20)
    assert last.ended
    assert "Broken had ended by a defect" in caplog.text
    assert "Unstoppable could not be stopped" in caplog.text


async def test_a_loop_that_does_not_end_is_cancelled_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loops, "MIN_STOP_TIMEOUT_S", 0.0)
    work = Loops([Stubborn(), Working()])
    work.start()
    await work.stop(0)
    assert all(task.done() for task in work.tasks)
    assert "Stubborn did not end in time" in caplog.text


class Unending(Working):
    """A loop whose stop waits for an answer that never comes."""

    async def stop(self, drain_s: float) -> None:
        await asyncio.Event().wait()


class Deaf(Working):
    """A loop that is cancelled in vain, until the test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Event()

    async def run(self) -> None:
        while not self.let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.let_go.wait()


async def test_whatever_hangs_the_others_are_stopped_and_it_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for limit in ("MIN_STOP_TIMEOUT_S", "STOP_MARGIN_S", "CANCEL_S"):
        monkeypatch.setattr(loops, limit, 0.05)
    deaf, last = Deaf(), Working()
    work = Loops([Unending(), deaf, last])
    work.start()
    await work.stop(0)
    assert last.ended
    assert "stop of Unending did not end within" in caplog.text
    assert "Deaf did not end in time" in caplog.text
    deaf.let_go.set()
    await asyncio.wait(work.tasks)


async def test_nothing_of_one_step_waits_for_the_others() -> None:
    calls, claims = Unending(), Working()
    work = Loops([(calls, claims)])
    work.start()
    stopping = asyncio.create_task(work.stop(3600))
    await claims.stopped.wait()
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    calls.stopped.set()
    await asyncio.wait(work.tasks)


async def test_whatever_makes_calls_stops_to_claim_at_the_signal() -> None:
    """None waits for the open calls of another one, and then has no time for its own."""
    async with InMemoryApp() as app:
        steps = loops_of(Role.ALL, app.use_cases)
    (together,) = (step for step in steps if isinstance(step, tuple))
    assert {type(loop) for loop in together} == {MassSender, MediaWorker, Dispatcher}
    later = steps[steps.index(together) + 1 :]
    assert [type(loop) for loop in later] == [Projector, DeliverEvents], "what settled calls bring is seen to"


async def test_loops_that_were_never_started_can_be_stopped() -> None:
    await Loops([Working()]).stop(20)
