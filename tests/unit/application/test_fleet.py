"""How many processes send, as each of them counts (ADR 49)."""

import pytest

from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.maintenance.fleet import LEASE_MS, PLACES, CountProcesses, Fleet
from wework_message.domain.budgets import Budgets, budgets_of
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import AccountId, ProviderCode
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.quota import NO_LIMITS


class Processes:
    """Some of them on one database."""

    def __init__(self, number: int, least: int = 1) -> None:
        self.clock = SettableClock()
        self.units = MemoryUnitOfWorkFactory(MemoryDatabase(), self.clock)
        self.fleets = [Fleet(least) for _ in range(number)]
        self.counts = [CountProcesses(self.units, fleet, f"h{place}") for place, fleet in enumerate(self.fleets)]

    async def count(self, *places: int) -> list[int]:
        for place in places:
            async with self.units() as unit:
                await self.counts[place].count(unit)
                await unit.commit()
        return [self.fleets[place]() for place in places]


async def test_each_process_counts_those_that_live() -> None:
    processes = Processes(3)
    assert await processes.count(0, 1, 2) == [1, 2, 3]
    assert await processes.count(0, 1, 2) == [3, 3, 3]
    processes.clock.advance(LEASE_MS - 1)
    assert await processes.count(0, 2) == [3, 3]
    processes.clock.advance(1)
    assert await processes.count(0, 2) == [2, 2]
    assert await processes.count(1, 0, 2) == [3, 3, 3]


async def test_a_process_that_stops_counts_no_more() -> None:
    processes = Processes(2)
    assert await processes.count(0, 1, 0) == [2, 2, 2]
    await processes.counts[1].stop()
    await processes.counts[1].run()
    assert await processes.count(0) == [1]


async def test_a_process_that_lost_its_place_takes_another_one() -> None:
    processes = Processes(3)
    await processes.count(0)
    processes.clock.advance(LEASE_MS)
    assert await processes.count(1, 2, 0) == [1, 2, 3]


async def test_processes_that_start_together_count_as_all_of_them_from_the_beginning() -> None:
    processes = Processes(2, least=4)
    assert await processes.count(0, 1) == [4, 4]


async def test_a_process_beyond_all_places_counts_itself() -> None:
    number = len(PLACES) + 1
    processes = Processes(number)
    assert (await processes.count(*range(number)))[-1] == number


async def test_a_database_that_is_away_changes_nothing() -> None:
    class Away:
        def __call__(self) -> UnitOfWork:
            raise UnavailableError("database")

    fleet = Fleet(3)
    count = CountProcesses(Away(), fleet, "h")
    await count.stop()
    await count.run()
    assert fleet() == 3


def a_budget(limit: int) -> Budgets:
    return budgets_of(AccountId("a"), NO_LIMITS, limit, ProviderCode("P"))


async def granted(limiters: list[MemoryRateLimiter], limit: int, tries: int) -> int:
    return sum([(await limiter.reserve(a_budget(limit))).wait_ms == 0 for _ in range(tries) for limiter in limiters])


async def test_the_parts_of_all_processes_add_up_to_the_budget() -> None:
    clock = SettableClock()
    limiters = [MemoryRateLimiter(clock, Fleet(3)) for _ in range(3)]
    assert await granted(limiters, 100, 40) == 99
    clock.advance(60_000 * 10)
    assert await granted(limiters, 100, 40) == 99


async def test_a_process_that_joins_takes_its_part_from_the_others() -> None:
    clock, fleet = SettableClock(), Fleet()
    first = MemoryRateLimiter(clock, fleet)
    assert await granted([first], 100, 40) == 40
    fleet.counted(2)
    assert await granted([first], 100, 100) == 30  # half of the 60 that were left


def test_a_number_is_logged_once_also_where_more_start_together_than_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fleet = Fleet(4)
    with caplog.at_level("INFO"):
        for processes in (1, 1, 5, 5, 2):
            fleet.counted(processes)
    assert [record.getMessage() for record in caplog.records] == ["5 processes send", "4 processes send"]
