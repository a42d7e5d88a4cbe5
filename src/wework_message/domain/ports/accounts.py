"""The port for accounts and their bindings."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from wework_message.domain.account import Account, Binding
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode, TenantId


class AccountRepository(Protocol):
    """Accounts and their bindings (D-19)."""

    async def open(self, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        """Make sure that the implicit account and binding of each unregistered (guid, provider) exist."""
        ...

    async def accounts(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, tuple[Account, Sequence[Binding]]]:
        """The accounts that exist, with their bindings."""
        ...

    async def binding_of(self, guid: Guid) -> Sequence[Binding]:
        """The bindings that carry this guid, at any provider."""
        ...

    async def learn(
        self, binding_id: BindingId, *, wecom_user_id: str | None = None, online: bool | None = None
    ) -> bool:
        """Store the account's own user id, or whether the instance is online; True if the user id is another one now."""
        ...
