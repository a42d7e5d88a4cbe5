"""What every BindingReader does. Subclasses provide `units`, `bindings` and `bindings_walking`."""

from collections.abc import Callable

from tests.support.builders.messages import BACKUP, PROVIDER

from wework_message.domain.account import implicit_account_id, implicit_binding
from wework_message.domain.ids import DEFAULT_TENANT, Guid, ProviderCode
from wework_message.domain.ports.bindings import BindingCounts, BindingReader, LonePage
from wework_message.domain.ports.repositories import UnitOfWorkFactory

LONE, LATER, ELSEWHERE, TWICE = Guid("a-lone"), Guid("b-lone"), Guid("c-elsewhere"), Guid("d-twice")
BOTH = (PROVIDER, BACKUP)


class BindingReaderContract:
    async def open(self, units: UnitOfWorkFactory) -> None:
        """Two accounts with one binding at the first provider, one with one at the second, and one with both."""
        async with units() as unit:
            await unit.accounts.open(
                DEFAULT_TENANT,
                [(LATER, PROVIDER), (LONE, PROVIDER), (ELSEWHERE, BACKUP), (TWICE, PROVIDER), (TWICE, BACKUP)],
            )
            await unit.commit()

    async def test_without_bindings_there_is_nothing_to_count(self, bindings: BindingReader) -> None:
        assert await bindings.counts(BOTH) == {}
        assert await bindings.without_sibling(DEFAULT_TENANT, PROVIDER, BOTH, limit=9, after=None) == LonePage([], None)
        assert list(await bindings.at_provider(PROVIDER, limit=9, after=None)) == []

    async def test_accounts_without_a_sibling_are_counted_where_their_binding_is(
        self, units: UnitOfWorkFactory, bindings: BindingReader
    ) -> None:
        await self.open(units)
        assert await bindings.counts(BOTH) == {PROVIDER: BindingCounts(3, 2), BACKUP: BindingCounts(2, 1)}

    async def test_a_binding_at_a_provider_that_is_not_used_is_no_sibling(
        self, units: UnitOfWorkFactory, bindings: BindingReader
    ) -> None:
        await self.open(units)
        assert await bindings.counts([PROVIDER]) == {PROVIDER: BindingCounts(3, 3), BACKUP: BindingCounts(2, 0)}
        only = await bindings.without_sibling(
            DEFAULT_TENANT, PROVIDER, [PROVIDER], limit=9, after=implicit_account_id(LATER)
        )
        assert only == LonePage([implicit_binding(TWICE, PROVIDER)], None)
        assert await bindings.counts([ProviderCode("NONE")]) == {
            PROVIDER: BindingCounts(3, 0),
            BACKUP: BindingCounts(2, 0),
        }

    async def test_they_are_listed_by_account_page_by_page(
        self, units: UnitOfWorkFactory, bindings: BindingReader
    ) -> None:
        await self.open(units)
        first = await bindings.without_sibling(DEFAULT_TENANT, PROVIDER, BOTH, limit=1, after=None)
        assert first == LonePage([implicit_binding(LONE, PROVIDER)], implicit_account_id(LONE))
        rest = await bindings.without_sibling(DEFAULT_TENANT, PROVIDER, BOTH, limit=1, after=first.following)
        assert rest == LonePage([implicit_binding(LATER, PROVIDER)], None)

    async def test_a_page_looks_at_so_many_bindings_and_goes_on_behind_the_last_account(
        self, units: UnitOfWorkFactory, bindings_walking: Callable[[int], BindingReader]
    ) -> None:
        """The account at the end is looked at as a whole, though only one of its bindings was counted."""
        await self.open(units)
        walking = bindings_walking(1)
        after, seen = None, []
        for _ in range(4):
            page = await walking.without_sibling(DEFAULT_TENANT, PROVIDER, BOTH, limit=9, after=after)
            seen.append([binding.guid for binding in page.bindings])
            after = page.following
            assert after is not None
        assert seen == [[LONE], [LATER], [], []]
        assert await walking.without_sibling(DEFAULT_TENANT, PROVIDER, BOTH, limit=9, after=after) == LonePage([], None)
        assert (
            await bindings_walking(4).without_sibling(DEFAULT_TENANT, PROVIDER, BOTH, limit=9, after=None)
        ) == LonePage(
            [implicit_binding(LONE, PROVIDER), implicit_binding(LATER, PROVIDER)],
            implicit_account_id(TWICE),
        )

    async def test_the_bindings_of_a_provider_are_listed_by_guid(
        self, units: UnitOfWorkFactory, bindings: BindingReader
    ) -> None:
        await self.open(units)
        first = await bindings.at_provider(PROVIDER, limit=2, after=None)
        assert [binding.guid for binding in first] == [LONE, LATER]
        rest = await bindings.at_provider(PROVIDER, limit=2, after=first[-1].guid)
        assert [binding.guid for binding in rest] == [TWICE]
