"""What every Placements does, and `BindingReader.occupied`. Subclasses provide `units`, `other_units` and `bindings`."""

import asyncio
from typing import Final

from tests.support.builders.messages import BACKUP, NOW, PROVIDER

from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, PlacementId, ProviderCode
from wework_message.domain.placement import Placement
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.registration import MAX_ACCOUNT_ID, changed, unbound

SALES: Final = AccountId("sales")
FIRST: Final = Placement(PlacementId("0" * 36), DEFAULT_TENANT, SALES, PROVIDER, NOW)
SECOND: Final = FIRST._replace(placement_id=PlacementId("1" * 36), provider_code=BACKUP)


class PlacementsContract:
    async def begin(self, units: UnitOfWorkFactory, placement: Placement) -> Placement:
        async with units() as unit:
            stored = await unit.placements.begin(placement)
            await unit.commit()
        return stored

    async def end(
        self, units: UnitOfWorkFactory, account_id: AccountId, placement_id: PlacementId | None = None
    ) -> bool:
        async with units() as unit:
            ended = await unit.placements.end(DEFAULT_TENANT, account_id, placement_id)
            await unit.commit()
        return ended

    async def test_an_account_has_one_open_placement_the_earliest(self, units: UnitOfWorkFactory) -> None:
        longest = Placement(
            PlacementId("2" * 36), DEFAULT_TENANT, AccountId("a" * MAX_ACCOUNT_ID), ProviderCode("P" * 32), NOW
        )
        assert await self.begin(units, longest) == longest
        assert await self.begin(units, FIRST) == FIRST
        assert await self.begin(units, SECOND) == FIRST
        assert await self.begin(units, FIRST) == FIRST

    async def test_it_ends_by_its_id_or_whichever_it_is(self, units: UnitOfWorkFactory) -> None:
        await self.begin(units, FIRST)
        assert not await self.end(units, SALES, SECOND.placement_id)
        assert not await self.end(units, AccountId("another"))
        assert await self.end(units, SALES, FIRST.placement_id)
        assert not await self.end(units, SALES)
        assert await self.begin(units, SECOND) == SECOND
        assert await self.end(units, SALES)

    async def test_what_is_not_committed_never_happened(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.placements.begin(FIRST)
        assert await self.begin(units, SECOND) == SECOND
        async with units() as unit:
            await unit.placements.end(DEFAULT_TENANT, SALES)
        assert await self.begin(units, FIRST) == SECOND

    async def test_of_two_at_once_one_is_stored(self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory) -> None:
        stored = await asyncio.gather(self.begin(units, FIRST), self.begin(other_units, SECOND))
        assert stored[0] == stored[1]

    async def test_a_provider_has_what_is_bound_there_and_what_is_being_made(
        self, units: UnitOfWorkFactory, bindings: BindingReader
    ) -> None:
        assert await bindings.occupied() == {}
        gone = Guid("gone")
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(Guid("g"), PROVIDER), (gone, PROVIDER), (Guid("g"), BACKUP)])
            account_id = implicit_account_id(gone)
            account, (binding,) = (await unit.accounts.accounts([account_id]))[account_id]
            await unit.accounts.save(changed(account, expected_version=None, now=NOW), [unbound(binding)])
            await unit.placements.begin(FIRST)
            await unit.commit()
        assert await bindings.occupied() == {PROVIDER: 2, BACKUP: 1}
