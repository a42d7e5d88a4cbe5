"""What every AccountRepository does. Subclasses provide `units`."""

from tests.support.builders.messages import BACKUP, GUID, PROVIDER

from wework_message.domain.account import AccountState, BindingState, implicit_account_id, implicit_binding
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid
from wework_message.domain.ports.repositories import UnitOfWorkFactory

ACCOUNT = implicit_account_id(GUID)


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
            assert await unit.accounts.learn(binding, wecom_user_id="1687")
            assert await unit.accounts.learn(binding, wecom_user_id="1688", online=True)
            assert not await unit.accounts.learn(binding, wecom_user_id="1688", online=True)
            assert not await unit.accounts.learn(binding)
            await unit.commit()
        async with units() as unit:
            account, bindings = (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT]
            assert (account.wecom_user_id, account.state, bindings[0].state) == (
                "1688",
                AccountState.ONLINE,
                BindingState.ONLINE,
            )
            await unit.accounts.learn(binding, online=False)
            await unit.commit()
        async with units() as unit:
            account, bindings = (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT]
            assert (account.wecom_user_id, account.state) == ("1688", AccountState.OFFLINE)
            assert [binding.state for binding in await unit.accounts.binding_of(GUID)] == [BindingState.OFFLINE]

    async def test_opening_again_forgets_nothing(self, units: UnitOfWorkFactory) -> None:
        await self.open(units)
        async with units() as unit:
            await unit.accounts.learn(implicit_binding(GUID, PROVIDER).binding_id, wecom_user_id="1688", online=False)
            await unit.commit()
        await self.open(units)
        async with units() as unit:
            account, bindings = (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT]
            assert (account.wecom_user_id, bindings[0].state) == ("1688", BindingState.OFFLINE)

    async def test_learning_of_an_unknown_binding_changes_nothing(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            assert not await unit.accounts.learn(BindingId("none"), wecom_user_id="1", online=True)
            await unit.commit()
            assert await unit.accounts.accounts([ACCOUNT]) == {}
