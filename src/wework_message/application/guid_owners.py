"""Whose a guid is. It never goes from one tenant to another: what was sent and received there stays with the first."""

from wework_message.domain.access.ownership import uses_unregistered
from wework_message.domain.account import Account
from wework_message.domain.ids import Guid, TenantId
from wework_message.domain.ports.accounts import AccountRepository


async def holders(accounts: AccountRepository, guid: Guid) -> list[Account]:
    """The accounts that have, or had, an instance of this name."""
    bindings = await accounts.binding_of(guid, latest=True)
    stored = await accounts.accounts(sorted({binding.account_id for binding in bindings}), latest=True)
    return [account for account, _ in stored.values()]


async def has_guid(accounts: AccountRepository, tenant_id: TenantId, guid: Guid) -> bool:
    """Whether the tenant may use it: it is its own, or nobody's and the tenant may use such ones."""
    of_guid = await holders(accounts, guid)
    return all(account.tenant_id == tenant_id for account in of_guid) and (
        bool(of_guid) or uses_unregistered(tenant_id)
    )
