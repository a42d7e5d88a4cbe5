"""The account repository in memory."""

import dataclasses
from collections.abc import Mapping, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.account import (
    Account,
    Binding,
    BindingState,
    effective_state,
    implicit_account,
    implicit_binding,
)
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.ports.accounts import AccountRepository


class MemoryAccountRepository:
    """Accounts and bindings, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def open(self, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        """Add the implicit account and binding of each (guid, provider) that has none."""
        for guid, provider_code in guids:
            if any(binding.provider_code == provider_code for binding in await self.binding_of(guid)):
                continue
            account, binding = implicit_account(guid, tenant_id), implicit_binding(guid, provider_code)
            if self._db.accounts.get(account.account_id) is None:
                self._db.accounts.put(account.account_id, account)
            self._db.bindings.put(binding.binding_id, binding)

    async def accounts(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, tuple[Account, Sequence[Binding]]]:
        """The accounts that exist; their state follows from their bindings."""
        accounts: dict[AccountId, tuple[Account, Sequence[Binding]]] = {}
        for account_id in account_ids:
            account = self._db.accounts.get(account_id)
            if account is not None:
                own = [binding for binding in self._db.bindings.rows() if binding.account_id == account_id]
                own.sort(key=lambda binding: binding.binding_id)
                accounts[account_id] = (dataclasses.replace(account, state=effective_state(own)), own)
        return accounts

    async def binding_of(self, guid: Guid) -> Sequence[Binding]:
        return [binding for binding in self._db.bindings.rows() if binding.guid == guid]

    async def learn(
        self, binding_id: BindingId, *, wecom_user_id: str | None = None, online: bool | None = None
    ) -> bool:
        """Nothing happens for a binding that does not exist."""
        binding = self._db.bindings.get(binding_id)
        if binding is None:
            return False
        if online is not None:
            state = BindingState.ONLINE if online else BindingState.OFFLINE
            self._db.bindings.put(binding_id, dataclasses.replace(binding, state=state))
        account = self._db.accounts.get(binding.account_id)
        if account is None or wecom_user_id is None or account.wecom_user_id == wecom_user_id:
            return False
        self._db.accounts.put(account.account_id, dataclasses.replace(account, wecom_user_id=wecom_user_id))
        return True


def _conforms(repository: MemoryAccountRepository) -> AccountRepository:
    return repository
