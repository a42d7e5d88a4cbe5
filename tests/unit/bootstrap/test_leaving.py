"""How a whole process leaves: while balancers take it out it accepts, and no call begins; after that it takes callbacks only."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest
from tests.support.polling import until

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


async def left(
    *before: str, delay_s: float = 0, shares_port: bool = False, ended: bool = False, after: Sequence[str] = ()
) -> None:
    """Assert that these things happen `before` the calls settle, and those after it, in this order."""
    recorded = Recorded()
    if ended:
        recorded.task.set_result(None)
    leave = Leaving(recorded, recorded, delay_s, lambda: shares_port)  # type: ignore[arg-type] # all that is used
    leaving = asyncio.create_task(leave())

    async def is_there() -> bool:
        return recorded.events == [*before]

    await until(is_there)
    recorded.settled.set()
    if delay_s and not ended:
        recorded.task.set_result(None)  # ends the delay, too
    await leaving
    assert recorded.events == [*before, *after]


BEGUN: Final = ("leave", "leave", "nothing is claimed")
REFUSING: Final = ("begin_drain", "close_idle")


async def test_the_api_is_open_until_calls_have_settled() -> None:
    await left(*BEGUN, *REFUSING, after=["calls have settled", "close"])


async def test_a_worker_leaves_its_connections_to_the_others_at_once() -> None:
    await left(*BEGUN, *REFUSING, "close", shares_port=True, after=["calls have settled"])


async def test_new_work_is_taken_for_the_time_of_the_delay() -> None:
    await left(*BEGUN, delay_s=3600, after=["calls have settled", *REFUSING, "close"])


async def test_no_balancer_is_waited_for_where_the_server_has_ended() -> None:
    await left(*BEGUN, *REFUSING, delay_s=3600, ended=True, after=["calls have settled", "close"])


async def test_nothing_is_claimed_while_other_things_end_first() -> None:
    """Such as the registration with Nacos, which may not answer. That time is a part of the delay."""
    recorded = Recorded()
    leaving = Leaving(recorded, recorded, 0.01, lambda: False)  # type: ignore[arg-type] # as above
    leaving.begin()
    recorded.settled.set()

    async def settled() -> bool:
        return recorded.events == [*BEGUN, "calls have settled"]

    await until(settled)
    await leaving()
    assert recorded.events == [*BEGUN, "calls have settled", *REFUSING, "close"]


@pytest.mark.parametrize(("leaving", "draining"), [(True, False), (False, True)])
def test_either_is_out_of_service(leaving: bool, draining: bool) -> None:
    service = Service(reader=None, leaving=leaving, draining=draining)  # type: ignore[arg-type] # not asked
    assert service.out_of_service
