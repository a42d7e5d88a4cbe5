"""What every AccountRepository and its AccountReader do. Subclasses provide `units`, `other_units`, `account_reader` and `account_walking`."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.support.builders.messages import BACKUP, GUID, NOW, PROVIDER

from wework_message.domain.account import (
    Account,
    AccountState,
    Binding,
    BindingState,
    Standby,
    binding_id_of,
    implicit_account_id,
    implicit_binding,
)
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, TenantId
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.accounts import AccountFilter, AccountReader, AccountWithBindings
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.presence import PresenceChange
from wework_message.domain.quiet_hours import QuietHours
from wework_message.domain.quota import AccountLimits, Budget, Period
from wework_message.domain.registration import changed, rebound, unbound

ACCOUNT = implicit_account_id(GUID)
OTHER_GUID = Guid("guid-2")
SALES = Account(
    AccountId("sales"),
    name="Sales",
    corp_id="ww1",
    wecom_user_id="1688",
    on_unknown=OnUnknown.FAIL,
    pools=("north", "vip"),
    limits=AccountLimits(
        (Budget(Period.MINUTE, 20), Budget(Period.DAY, 500)), 1_500, QuietHours(1_320, 480, "Asia/Shanghai"), 0.25
    ),
    version=1,
    created_at=NOW,
    updated_at=NOW,
)
FIRST = Binding(binding_id_of(GUID, PROVIDER), SALES.account_id, PROVIDER, GUID)
SECOND = Binding(
    binding_id_of(OTHER_GUID, BACKUP),
    SALES.account_id,
    BACKUP,
    OTHER_GUID,
    standby=Standby.WARM,
    priority=2,
    weight=7,
    device_slot="iPad",
    enabled=False,
)


async def save(units: UnitOfWorkFactory, account: Account, *bindings: Binding) -> None:
    async with units() as unit:
        await unit.accounts.save(account, bindings)
        await unit.commit()


async def stored(units: UnitOfWorkFactory, account_id: AccountId) -> AccountWithBindings:
    async with units() as unit:
        return (await unit.accounts.accounts([account_id]))[account_id]


async def observed(units: UnitOfWorkFactory, binding_id: BindingId, *, online: bool) -> PresenceChange | None:
    async with units() as unit:
        change = await unit.accounts.observe(binding_id, online=online)
        await unit.commit()
    return change


class AccountRepositoryContract:
    async def open(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER), (GUID, PROVIDER)])
            await unit.commit()

    async def test_an_unregistered_guid_gets_an_account_with_one_binding(self, units: UnitOfWorkFactory) -> None:
        await self.open(units)
        await self.open(units)
        async with units() as unit:
            accounts = await unit.accounts.accounts([ACCOUNT, AccountId("none")])
            assert set(accounts) == {ACCOUNT}
            account, bindings = accounts[ACCOUNT]
            assert (account.tenant_id, account.wecom_user_id, account.enabled) == (DEFAULT_TENANT, None, True)
            assert list(bindings) == [implicit_binding(GUID, PROVIDER)]
            assert list(await unit.accounts.binding_of(GUID)) == list(bindings)
            assert list(await unit.accounts.binding_of(Guid("none"))) == []

    async def test_the_same_guid_at_two_providers_is_two_bindings(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER), (GUID, BACKUP)])
            await unit.commit()
        async with units() as unit:
            assert {binding.provider_code for binding in await unit.accounts.binding_of(GUID)} == {PROVIDER, BACKUP}
            assert len((await unit.accounts.accounts([ACCOUNT]))[ACCOUNT][1]) == 2

    async def test_what_is_learnt_is_remembered_until_something_else_is_learnt(self, units: UnitOfWorkFactory) -> None:
        await self.open(units)
        binding = implicit_binding(GUID, PROVIDER).binding_id
        async with units() as unit:
            assert await unit.accounts.learn(binding, "1687")
            assert await unit.accounts.learn(binding, "1688")
            assert not await unit.accounts.learn(binding, "1688")
            assert await unit.accounts.observe(binding, online=True) is not None
            await unit.commit()
        async with units() as unit:
            account, bindings = (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT]
            assert (account.wecom_user_id, account.state, bindings[0].state) == (
                "1688",
                AccountState.ONLINE,
                BindingState.ONLINE,
            )
            await unit.accounts.observe(binding, online=False)
            await unit.commit()
        async with units() as unit:
            account, bindings = (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT]
            assert (account.wecom_user_id, account.state) == ("1688", AccountState.OFFLINE)
            assert [binding.state for binding in await unit.accounts.binding_of(GUID)] == [BindingState.OFFLINE]

    async def test_opening_again_forgets_nothing(self, units: UnitOfWorkFactory) -> None:
        await self.open(units)
        async with units() as unit:
            await unit.accounts.learn(implicit_binding(GUID, PROVIDER).binding_id, "1688")
            await unit.accounts.observe(implicit_binding(GUID, PROVIDER).binding_id, online=False)
            await unit.commit()
        await self.open(units)
        async with units() as unit:
            account, bindings = (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT]
            assert (account.wecom_user_id, bindings[0].state) == ("1688", BindingState.OFFLINE)

    async def test_learning_of_an_unknown_binding_changes_nothing(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            assert not await unit.accounts.learn(BindingId("none"), "1")
            assert await unit.accounts.observe(BindingId("none"), online=True) is None
            await unit.commit()
            assert await unit.accounts.accounts([ACCOUNT]) == {}

    async def test_of_those_who_observe_the_same_one_is_told_that_it_is_news(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        await save(units, SALES, FIRST, dataclasses.replace(SECOND, enabled=True))
        told = [
            await observed(process, binding_id, online=online)
            for binding_id, online in (
                (FIRST.binding_id, False),  # nothing was known: not online, then as now
                (FIRST.binding_id, True),
                (SECOND.binding_id, True),
                (FIRST.binding_id, False),  # the other one is online
                (SECOND.binding_id, False),
            )
            for process in (units, other_units)
        ]
        news = [change for change in told if change is not None]
        assert [told.index(change) for change in news] == [2, 8]
        assert [(change.tenant_id, change.account_id) for change in news] == [(DEFAULT_TENANT, SALES.account_id)] * 2
        assert [(change.online, change.binding.binding_id, change.sequence) for change in news] == [
            (True, FIRST.binding_id, 1),
            (False, SECOND.binding_id, 2),
        ]
        account, _ = await stored(units, SALES.account_id)
        assert account.version == SALES.version

    async def test_two_who_observe_two_instances_at_once_see_each_other(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        online = [dataclasses.replace(known, enabled=True, state=BindingState.ONLINE) for known in (FIRST, SECOND)]
        await save(units, SALES, *online)
        async with units() as unit:
            first = await unit.accounts.observe(FIRST.binding_id, online=False)
            other = asyncio.create_task(observed(other_units, SECOND.binding_id, online=False))
            await asyncio.wait({other}, timeout=0.02)  # without a lock it would look before the commit
            await unit.commit()
        second = await other
        assert first is None
        assert second is not None
        assert (second.online, second.sequence) == (False, 2)

    async def test_what_is_observed_while_a_person_changes_a_binding_is_not_lost(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        await save(units, SALES, dataclasses.replace(FIRST, state=BindingState.ONLINE))
        async with units() as unit:
            await unit.accounts.lock(SALES.account_id)
            account, (binding,) = (await unit.accounts.accounts([SALES.account_id]))[SALES.account_id]
            other = asyncio.create_task(observed(other_units, FIRST.binding_id, online=False))
            await asyncio.wait({other}, timeout=0.02)
            changed_binding = rebound(dataclasses.replace(binding, weight=9), binding)
            assert await unit.accounts.save(changed(account, expected_version=1, now=NOW), [changed_binding]) is None
            await unit.commit()
        change = await other
        assert change is not None
        _, (after,) = await stored(units, SALES.account_id)
        assert (change.online, after.state, after.weight) == (False, BindingState.OFFLINE, 9)

    async def test_a_change_by_hand_says_whether_the_account_came_online_or_went_offline(
        self, units: UnitOfWorkFactory
    ) -> None:
        online = dataclasses.replace(FIRST, state=BindingState.ONLINE)
        versions = iter(range(1, 9))

        async def saved(*bindings: Binding) -> tuple[bool, int] | None:
            async with units() as unit:
                await unit.accounts.lock(SALES.account_id)
                change = await unit.accounts.save(dataclasses.replace(SALES, version=next(versions)), bindings)
                await unit.commit()
            assert change is None or change.binding.binding_id == FIRST.binding_id
            return None if change is None else (change.online, change.sequence)

        assert await saved(online, SECOND) == (True, 1)
        assert await saved() is None
        assert await saved(dataclasses.replace(online, weight=3, epoch=1)) is None
        assert await saved(dataclasses.replace(online, enabled=False, epoch=2)) == (False, 2)
        assert await saved(dataclasses.replace(online, epoch=3)) == (True, 3)
        assert await saved(unbound(dataclasses.replace(online, epoch=3))) == (False, 4)
        assert await observed(units, FIRST.binding_id, online=False) is None

    async def test_an_account_without_a_row_is_locked_by_nobody(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.accounts.lock(AccountId("none"))
            await unit.commit()
            assert await unit.accounts.accounts([AccountId("none")]) == {}

    async def test_a_user_id_that_is_stored_stays_where_only_an_unknown_one_is_learnt(
        self, units: UnitOfWorkFactory
    ) -> None:
        await self.open(units)
        binding_id = implicit_binding(GUID, PROVIDER).binding_id
        async with units() as unit:
            learnt = [
                await unit.accounts.learn(binding_id, user_id, only_if_unknown=only_if_unknown)
                for user_id, only_if_unknown in (("1", True), ("2", True), ("3", False))
            ]
            await unit.commit()
            account, _ = (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT]
        assert (learnt, account.wecom_user_id) == ([True, False, True], "3")

    async def test_a_registered_account_is_read_as_it_was_saved(
        self, units: UnitOfWorkFactory, account_reader: AccountReader
    ) -> None:
        await save(units, SALES, FIRST, SECOND)
        assert await stored(units, SALES.account_id) == (
            SALES,
            sorted([FIRST, SECOND], key=lambda binding: binding.binding_id),
        )
        assert await account_reader.account(DEFAULT_TENANT, SALES.account_id) == await stored(units, SALES.account_id)
        assert await account_reader.account(TenantId("other"), SALES.account_id) is None
        assert await account_reader.account(DEFAULT_TENANT, AccountId("none")) is None

    async def test_registering_takes_the_implicit_account_over(self, units: UnitOfWorkFactory) -> None:
        await self.open(units)
        async with units() as unit:
            await unit.accounts.learn(implicit_binding(GUID, PROVIDER).binding_id, "1688")
            await unit.accounts.observe(implicit_binding(GUID, PROVIDER).binding_id, online=True)
            await unit.commit()
        implicit, (binding,) = await stored(units, ACCOUNT)
        assert not implicit.registered
        await save(units, changed(implicit, expected_version=0, now=NOW), rebound(binding, binding))
        await self.open(units)
        account, (bound,) = await stored(units, ACCOUNT)
        assert (account.registered, account.version, account.wecom_user_id) == (True, 1, "1688")
        assert (bound.binding_id, bound.state, bound.epoch) == (binding.binding_id, BindingState.ONLINE, 1)

    async def test_a_change_replaces_the_version_before_and_no_other(self, units: UnitOfWorkFactory) -> None:
        await save(units, SALES, FIRST)
        newer = dataclasses.replace(SALES, name="", corp_id=None, pools=(), on_unknown=None, enabled=False, version=2)
        await save(units, newer, dataclasses.replace(FIRST, weight=5, epoch=1))
        for stale in (newer, SALES, dataclasses.replace(newer, version=4)):
            with pytest.raises(ConflictError):
                await save(units, stale)
        with pytest.raises(ConflictError):
            await save(units, dataclasses.replace(newer, version=3), dataclasses.replace(FIRST, weight=6, epoch=1))
        account, (binding,) = await stored(units, SALES.account_id)
        assert (account, binding.weight) == (newer, 5)

    async def test_of_two_who_register_at_once_the_store_takes_one(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        await save(units, SALES, FIRST)
        with pytest.raises(ConflictError):
            await save(other_units, dataclasses.replace(SALES, name="other"))
        support = dataclasses.replace(SALES, account_id=AccountId("support"))
        with pytest.raises(ConflictError):
            await save(other_units, support, dataclasses.replace(FIRST, account_id=support.account_id))
        async with other_units() as unit:
            assert set(await unit.accounts.accounts([SALES.account_id, support.account_id])) == {SALES.account_id}
            assert [binding.account_id for binding in await unit.accounts.binding_of(GUID)] == [SALES.account_id]

    async def test_a_removed_binding_is_known_to_callbacks_only(
        self, units: UnitOfWorkFactory, account_reader: AccountReader
    ) -> None:
        await save(units, SALES, FIRST, SECOND)
        await save(units, dataclasses.replace(SALES, version=2), unbound(FIRST))
        assert [binding.binding_id for binding in (await stored(units, SALES.account_id))[1]] == [SECOND.binding_id]
        async with units() as unit:
            (removed,) = await unit.accounts.binding_of(GUID)
        assert (removed.account_id, removed.removed) == (SALES.account_id, True)
        registered = await account_reader.registered()
        assert registered is not None
        assert set(registered.guids) == {OTHER_GUID}

    async def test_a_removed_binding_may_be_bound_again_by_one(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        await save(units, SALES, FIRST)
        await save(units, dataclasses.replace(SALES, version=2), unbound(FIRST))
        async with units() as unit:
            (known,) = await unit.accounts.binding_of(GUID)
        for name, taken in (("support", False), ("late", True)):
            account = dataclasses.replace(SALES, account_id=AccountId(name))
            binding = rebound(dataclasses.replace(FIRST, account_id=account.account_id), known)
            if taken:
                with pytest.raises(ConflictError):
                    await save(other_units, account, binding)
            else:
                await save(units, account, binding)
        async with units() as unit:
            (bound,) = await unit.accounts.binding_of(GUID)
        assert (bound.account_id, bound.removed, bound.epoch) == ("support", False, 2)

    async def test_a_guid_that_no_account_has_any_more_gets_an_account_of_its_own_again(
        self, units: UnitOfWorkFactory
    ) -> None:
        await save(units, SALES, FIRST, SECOND)
        await save(units, dataclasses.replace(SALES, version=2), unbound(SECOND))
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(OTHER_GUID, BACKUP), (GUID, PROVIDER)])
            await unit.commit()
        account, (binding,) = await stored(units, implicit_account_id(OTHER_GUID))
        assert not account.registered
        assert (binding.standby, binding.weight, binding.enabled, binding.removed) == (Standby.HOT, 100, True, False)
        assert [binding.guid for binding in (await stored(units, SALES.account_id))[1]] == [GUID]
        assert list((await stored(units, ACCOUNT))[1]) == []

    async def test_lists_go_by_id_and_are_narrowed(
        self, units: UnitOfWorkFactory, account_reader: AccountReader
    ) -> None:
        await self.open(units)
        await save(units, SALES, SECOND)
        for name, pools in (("b", ("vip",)), ("a", ("vip2",)), ("c", ())):
            await save(units, Account(AccountId(name), pools=pools, enabled=name != "c", version=1))

        async def ids(limit: int = 9, after: str | None = None, **filters: Any) -> Sequence[str]:
            account_filter = AccountFilter(**filters)
            before = None if after is None else AccountId(after)
            page = await account_reader.page(DEFAULT_TENANT, account_filter, limit=limit, after=before)
            return [account.account_id for account, _ in page.accounts]

        assert await ids() == ["a", "b", "c", "sales"]
        assert await ids(limit=2) == ["a", "b"]
        assert await ids(limit=2, after="b") == ["c", "sales"]
        assert await ids(include_implicit=True) == ["a", "b", "c", ACCOUNT, "sales"]
        assert await ids(include_implicit=True, guid=GUID) == [ACCOUNT]
        assert await ids(guid=OTHER_GUID) == await ids(provider_code=BACKUP) == ["sales"]
        assert await ids(pool="vip") == ["b", "sales"]
        assert await ids(enabled=False) == ["c"]
        assert await ids(enabled=True, pool="vip", guid=OTHER_GUID) == ["sales"]
        page = await account_reader.page(DEFAULT_TENANT, AccountFilter(guid=OTHER_GUID), limit=1, after=None)
        assert (list(page.accounts), page.following) == ([(SALES, [SECOND])], None)
        nothing = await account_reader.page(TenantId("other"), AccountFilter(), limit=9, after=None)
        assert (list(nothing.accounts), nothing.following) == ([], None)

    async def test_a_page_looks_at_so_many_accounts_and_its_cursor_goes_on_behind_them(
        self, units: UnitOfWorkFactory, account_walking: Callable[[int], AccountReader]
    ) -> None:
        account_reader = account_walking(2)
        await save(units, SALES, SECOND)
        for name in ("a", "b", "c", "d"):
            await save(units, Account(AccountId(name), enabled=name != "c", version=1))

        async def parts(limit: int, **filters: Any) -> list[list[str]]:
            listed, after = list[list[str]](), None
            while True:
                page = await account_reader.page(DEFAULT_TENANT, AccountFilter(**filters), limit=limit, after=after)
                listed.append([account.account_id for account, _ in page.accounts])
                if (after := page.following) is None:
                    return listed

        for provider_or_pool in ({"provider_code": BACKUP}, {"pool": "vip"}):
            assert await parts(9, **provider_or_pool) == [[], [], ["sales"]]
        assert await parts(9, enabled=True) == [["a", "b"], ["d"], ["sales"]]
        assert await parts(1, enabled=True) == [["a"], ["b"], ["d"], ["sales"]]
        assert await parts(9, guid=OTHER_GUID) == [["sales"]]
        assert await parts(9) == [["a", "b", "c", "d", "sales"]]
        await save(units, Account(AccountId("e"), pools=("vip",), version=1))
        for limit, members in ((9, ["e", "sales"]), (1, ["e"])):
            entries = await account_reader.members(DEFAULT_TENANT, "vip", limit=limit)
            assert [account.account_id for account, _ in entries] == members

    async def test_what_is_registered_is_read_again_only_after_a_change(
        self, units: UnitOfWorkFactory, account_reader: AccountReader
    ) -> None:
        nothing = await account_reader.registered()
        assert nothing is not None
        assert (dict(nothing.accounts), dict(nothing.guids)) == ({}, {})
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(Guid("guid-3"), PROVIDER)])
            await unit.commit()
        assert await account_reader.registered(nothing.revision) is None
        await save(units, SALES, FIRST, SECOND)
        first = await account_reader.registered(nothing.revision)
        assert first is not None
        assert first.revision > nothing.revision
        assert first.guids == {OTHER_GUID: {BACKUP: SALES.account_id}} | {GUID: {PROVIDER: SALES.account_id}}
        assert dict(first.accounts) == {SALES.account_id: SALES}
        assert await account_reader.registered(first.revision) is None
        await save(units, dataclasses.replace(SALES, enabled=False, version=2))
        second = await account_reader.registered(first.revision)
        assert second is not None
        assert not second.accounts[SALES.account_id].enabled

    async def test_a_conversation_of_a_pool_keeps_the_account_that_was_chosen_first(
        self, units: UnitOfWorkFactory, account_reader: AccountReader
    ) -> None:
        first = PoolChoice(DEFAULT_TENANT, "sales", "R:1", AccountId("a"))
        late, other = first._replace(account_id=AccountId("b")), first._replace(conversation_id="R:2")
        async with units() as unit:
            assert await unit.accounts.choose([first, first, other], now=NOW) == ["a", "a", "a"]
            await unit.commit()
        async with units() as unit:
            assert await unit.accounts.choose([late, other], now=NOW) == ["a", "a"]
            await unit.commit()
        assert await account_reader.chosen(*first.key) == "a"
        assert await account_reader.chosen(DEFAULT_TENANT, "Sales", "R:1") is None
        assert await account_reader.chosen(TenantId("other"), "sales", "R:1") is None

    async def test_an_account_that_left_its_pool_is_replaced_once(
        self, units: UnitOfWorkFactory, account_reader: AccountReader
    ) -> None:
        first = PoolChoice(DEFAULT_TENANT, "sales", "R:1", AccountId("a"))
        successor = first._replace(account_id=AccountId("b"), instead_of=AccountId("a"))
        for choice, winner in ((first, "a"), (successor, "b"), (successor._replace(account_id=AccountId("c")), "b")):
            async with units() as unit:
                assert await unit.accounts.choose([choice], now=NOW) == [winner]
                await unit.commit()
        assert await account_reader.chosen(*first.key) == "b"
