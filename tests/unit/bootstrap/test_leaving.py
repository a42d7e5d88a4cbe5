"""How a whole process leaves: while balancers take it out it accepts, and no call begins; after that it takes callbacks only."""

import asyncio
from dataclasses import dataclass, field

import pytest

from wework_message.application.queries.service import Service
from wework_message.bootstrap.leaving import Leaving


@dataclass
class Recorded:
    """A process and its HTTP server, whose calls end when `settled` is set."""

    events: list[str] = field(default_factory=list)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def begin_drain(self) -> None:
        self.events.append("begin_drain")

    def close_idle(self) -> None:
        self.events.append("close_idle")

    def leave(self) -> None:
        self.events.append("leave")

    async def calm(self) -> None:
        self.events.append("nothing is claimed")
        await self.settled.wait()
        self.events.append("calls have settled")

    async def close(self, seconds: int) -> None:
        assert 1 <= seconds <= 21
        self.events.append("close")


async def left(*, delay_s: float = 0, shares_port: bool = False, dead: bool = False) -> list[str]:
    """What happened, in this order; the calls settle once everything else that may happen before has happened."""
    recorded = Recorded()
    if dead:
        recorded.task.set_result(None)
    leaving = asyncio.create_task(Leaving(delay_s, shares_port)(recorded, recorded))  # type: ignore[arg-type] # all that is used
    for _ in range(20):
        await asyncio.sleep(0.005)
    recorded.events.append("...")
    recorded.settled.set()
    if delay_s and not dead:
        recorded.task.set_result(None)  # ends the delay, too
    await leaving
    return recorded.events


async def test_the_api_is_open_until_calls_have_settled() -> None:
    assert await left() == [
        "leave", "leave", "nothing is claimed", "begin_drain", "close_idle", "...", "calls have settled", "close",
    ]  # fmt: skip


async def test_a_worker_leaves_its_connections_to_the_others_at_once() -> None:
    assert await left(shares_port=True) == [
        "leave", "leave", "nothing is claimed", "begin_drain", "close_idle", "close", "...", "calls have settled",
    ]  # fmt: skip


async def test_new_work_is_taken_for_the_time_of_the_delay() -> None:
    events = await left(delay_s=3600)
    assert events[:4] == ["leave", "leave", "nothing is claimed", "..."]
    assert events.index("begin_drain") > events.index("...")


async def test_no_balancer_is_waited_for_where_the_server_has_ended() -> None:
    events = await left(delay_s=3600, dead=True)
    assert "begin_drain" in events[: events.index("...")]


@pytest.mark.parametrize(("leaving", "draining"), [(True, False), (False, True)])
def test_either_is_out_of_service(leaving: bool, draining: bool) -> None:
    service = Service(reader=None, leaving=leaving, draining=draining)  # type: ignore[arg-type] # not asked
    assert service.out_of_service
