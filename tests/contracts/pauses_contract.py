"""What every PauseRepository and PauseReader do. Subclasses provide `units`, `other_units` and `pauses`."""

import asyncio
import dataclasses

import pytest
from tests.support.builders.control import a_pause
from tests.support.builders.messages import NOW

from wework_message.domain.control import MAX_ID, MAX_NAME, MAX_REASON, Pause, PauseScope
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.ports.control import PauseReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory

ACCOUNT = a_pause(PauseScope.ACCOUNT, "guid:guid-a", since=NOW - 1)


class PausesContract:
    async def pause(self, units: UnitOfWorkFactory, *pauses: Pause) -> list[Pause]:
        async with units() as unit:
            stored = [await unit.pauses.pause(pause) for pause in pauses]
            await unit.commit()
        return stored

    async def resume(self, units: UnitOfWorkFactory, pause: Pause) -> bool:
        async with units() as unit:
            resumed = await unit.pauses.resume(DEFAULT_TENANT, pause.scope, pause.id)
            await unit.commit()
        return resumed

    async def test_pauses_are_read_as_they_were_stored_the_oldest_first(
        self, units: UnitOfWorkFactory, pauses: PauseReader
    ) -> None:
        everything = a_pause()
        bare = a_pause(PauseScope.BATCH, "b", reason=None, by=None, since=NOW + 1)
        longest = a_pause(
            PauseScope.PROVIDER, "消" * MAX_ID, reason="🙂" * MAX_REASON, by="梅" * MAX_NAME, since=NOW + 2
        )
        assert await pauses.pauses() == []
        assert await self.pause(units, bare, longest, everything, ACCOUNT) == [bare, longest, everything, ACCOUNT]
        assert list(await pauses.pauses()) == [ACCOUNT, everything, bare, longest]

    async def test_a_second_pause_of_the_same_leaves_the_first_as_it_is(
        self, units: UnitOfWorkFactory, pauses: PauseReader
    ) -> None:
        again = dataclasses.replace(ACCOUNT, since=NOW + 5, reason="another", by=None)
        other = a_pause(PauseScope.BATCH, ACCOUNT.id)
        assert await self.pause(units, ACCOUNT, again, other) == [ACCOUNT, ACCOUNT, other]
        assert await self.pause(units, again) == [ACCOUNT]
        assert list(await pauses.pauses()) == [ACCOUNT, other]

    async def test_ids_compare_exactly(self, units: UnitOfWorkFactory, pauses: PauseReader) -> None:
        alike = [a_pause(PauseScope.ACCOUNT, scope_id) for scope_id in ("a", "A", "a ", "ä")]
        assert await self.pause(units, *alike) == alike
        assert await self.resume(units, alike[1])
        assert {pause.id for pause in await pauses.pauses()} == {"a", "a ", "ä"}

    async def test_only_what_is_paused_is_resumed(self, units: UnitOfWorkFactory, pauses: PauseReader) -> None:
        await self.pause(units, ACCOUNT, a_pause())
        assert not await self.resume(units, a_pause(PauseScope.BATCH, ACCOUNT.id))
        assert await self.resume(units, ACCOUNT)
        assert not await self.resume(units, ACCOUNT)
        assert list(await pauses.pauses()) == [a_pause()]

    async def test_what_is_not_committed_is_not_there(self, units: UnitOfWorkFactory, pauses: PauseReader) -> None:
        async with units() as unit:
            await unit.pauses.pause(ACCOUNT)
            assert await pauses.pauses() == []
        assert await pauses.pauses() == []

    @pytest.mark.parametrize("first", [0, 1])
    async def test_of_two_processes_that_pause_the_same_both_are_told_of_one_pause(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, pauses: PauseReader, first: int
    ) -> None:
        both = [units, other_units][:: 1 if first == 0 else -1]
        named = [dataclasses.replace(ACCOUNT, by=f"process {number}") for number in range(2)]
        await asyncio.gather(*(self.pause(each_units, pause) for each_units, pause in zip(both, named, strict=True)))
        (stored,) = await pauses.pauses()
        assert stored in named
        assert await self.pause(units, named[0]) == [stored]
