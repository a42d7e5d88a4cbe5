"""Whose a stored callback is, in memory."""

from wework_message.adapters.memory.database import CallbackRow, MemoryDatabase
from wework_message.domain.ids import DEFAULT_TENANT, TenantId


def owner_of(database: MemoryDatabase, row: CallbackRow, *, committed: bool = False) -> TenantId:
    """The tenant that has, or had, its instance; of an instance that nobody has had, the operator's."""
    bindings = database.bindings.committed_rows() if committed else database.bindings.rows()
    of_instance = [own for own in bindings if (own.provider_code, own.guid) == (row.provider_code, row.guid)]
    for own in of_instance:
        accounts = database.accounts
        account = accounts.committed(own.account_id) if committed else accounts.get(own.account_id)
        if account is not None:
            return account.tenant_id
    return DEFAULT_TENANT
