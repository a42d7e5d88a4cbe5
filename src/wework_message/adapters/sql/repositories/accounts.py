"""The account repository on SQL."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, or_, select, update

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping import rows
from wework_message.adapters.sql.mapping.tables import account, binding
from wework_message.domain.account import Account, Binding, BindingState, implicit_account, implicit_binding
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode, TenantId

_ACCOUNTS = Query(select(account).where(account.c.account_id.in_(bindparam("ids", expanding=True))))
_BINDINGS = Query(select(binding).where(binding.c.account_id.in_(bindparam("ids", expanding=True))))
_OF_GUID = Query(select(binding).where(binding.c.guid == bindparam("the_guid")))


class SqlAccountRepository:
    """Accounts and bindings inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect) -> None:
        """`dialect` knows the insert that leaves existing rows alone."""
        self._run = run
        self._dialect = dialect

    async def open(self, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        """Two multi-row inserts that leave existing rows alone."""
        if guids:
            await self._run(self._open, tenant_id, guids)

    def _open(self, connection: Connection, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        accounts = [implicit_account(guid, tenant_id) for guid in dict.fromkeys(guid for guid, _ in guids)]
        self._dialect.new_account.many(connection, [rows.account_row(new) for new in accounts])
        bindings = [implicit_binding(guid, code) for guid, code in guids]
        self._dialect.new_binding.many(connection, [rows.binding_row(new, tenant_id) for new in bindings])

    async def accounts(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, tuple[Account, Sequence[Binding]]]:
        """By primary key, and bindings by account."""
        return await self._run(_accounts, account_ids) if account_ids else {}

    async def binding_of(self, guid: Guid) -> Sequence[Binding]:
        return await self._run(_binding_of, guid)

    async def learn(
        self, binding_id: BindingId, *, wecom_user_id: str | None = None, online: bool | None = None
    ) -> bool:
        return await self._run(_learn, binding_id, wecom_user_id, online)


def _accounts(
    connection: Connection, account_ids: Sequence[AccountId]
) -> dict[AccountId, tuple[Account, Sequence[Binding]]]:
    bindings: dict[AccountId, list[Binding]] = {}
    for row in _BINDINGS.rows(connection, ids=list(account_ids)):
        bindings.setdefault(row["account_id"], []).append(rows.binding_of(row))
    accounts = _ACCOUNTS.rows(connection, ids=list(account_ids))
    return {
        row["account_id"]: (rows.account_of(row, own := bindings.get(row["account_id"], [])), own) for row in accounts
    }


def _binding_of(connection: Connection, guid: Guid) -> Sequence[Binding]:
    return [rows.binding_of(row) for row in _OF_GUID.rows(connection, the_guid=guid)]


def _learn(connection: Connection, binding_id: BindingId, wecom_user_id: str | None, online: bool | None) -> bool:
    is_binding = binding.c.binding_id == binding_id
    if online is not None:
        state = BindingState.ONLINE if online else BindingState.OFFLINE
        connection.execute(update(binding).where(is_binding).values(state=state.value))
    if wecom_user_id is None:
        return False
    owner = select(binding.c.account_id).where(is_binding).scalar_subquery()
    differs = or_(account.c.vid.is_(None), account.c.vid != wecom_user_id)
    learnt = update(account).where(account.c.account_id == owner, differs).values(vid=wecom_user_id)
    return connection.execute(learnt).rowcount > 0
