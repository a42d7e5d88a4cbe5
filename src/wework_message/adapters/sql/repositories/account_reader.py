"""Queries about accounts on SQL, on a connection of their own."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, false, func, select, true

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.mapping import account_rows as rows
from wework_message.adapters.sql.mapping.tables import account, binding
from wework_message.adapters.sql.repositories.accounts import accounts_of
from wework_message.domain.ids import AccountId, Guid, ProviderCode, TenantId
from wework_message.domain.ports.accounts import AccountFilter, AccountReader, AccountWithBindings, Registered

_IS_REGISTERED: Final = account.c.registered == true()

_REVISION: Final = select(func.count() + func.coalesce(func.sum(account.c.version), 0)).where(_IS_REGISTERED)
"""How many accounts are registered, and the sum of their versions: neither goes down. Read from an index alone."""

_GUIDS: Final = (
    select(binding.c.guid, binding.c.provider_code, binding.c.account_id)
    .select_from(account.join(binding, binding.c.account_id == account.c.account_id))
    .where(_IS_REGISTERED, binding.c.removed == false())
)


class SqlAccountReader:
    """Reads what is committed."""

    def __init__(self, run: Run) -> None:
        """`run` is that of a `Store`."""
        self._run = run

    async def account(self, tenant_id: TenantId, account_id: AccountId) -> AccountWithBindings | None:
        """By primary key."""
        entry = (await self._run(accounts_of, [account_id])).get(account_id)
        return entry if entry is not None and entry[0].tenant_id == tenant_id else None

    async def page(
        self, tenant_id: TenantId, filters: AccountFilter, *, limit: int, after: AccountId | None
    ) -> Sequence[AccountWithBindings]:
        """Keyset by id; without implicit accounts by the index of registered ones."""
        return await self._run(_page, tenant_id, filters, limit, after)

    async def registered(self, revision: int | None = None) -> Registered | None:
        """One number where nothing changed; else every registered account, in two reads."""
        return await self._run(_registered, revision)


def _page(
    connection: Connection, tenant_id: TenantId, filters: AccountFilter, limit: int, after: AccountId | None
) -> Sequence[AccountWithBindings]:
    conditions = [account.c.tenant_id == tenant_id, *_conditions(filters)]
    if after is not None:
        conditions.append(account.c.account_id > after)
    ids = select(account.c.account_id).where(*conditions).order_by(account.c.account_id).limit(limit)
    account_ids = [AccountId(account_id) for account_id in connection.execute(ids).scalars()]
    stored = accounts_of(connection, account_ids) if account_ids else {}
    return [stored[account_id] for account_id in account_ids if account_id in stored]


def _conditions(filters: AccountFilter) -> Iterator[ColumnElement[bool]]:
    if not filters.include_implicit:
        yield _IS_REGISTERED
    if filters.enabled is not None:
        yield account.c.enabled.is_(filters.enabled)
    if filters.pool is not None:
        yield func.instr(account.c.pools, f'"{filters.pool}"') > 0
    if filters.guid is not None:
        yield _has_binding(binding.c.guid == filters.guid)
    if filters.provider_code is not None:
        yield _has_binding(binding.c.provider_code == filters.provider_code)


def _has_binding(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    own = select(binding.c.account_id).where(
        binding.c.account_id == account.c.account_id, binding.c.removed == false(), condition
    )
    return own.exists()


def _registered(connection: Connection, revision: int | None) -> Registered | None:
    current = int(connection.execute(_REVISION).scalar_one())
    if current == revision:
        return None
    # Another process may register an account between these statements. So the accounts come last: each guid has its own.
    guids: dict[Guid, dict[ProviderCode, AccountId]] = {}
    for row in connection.execute(_GUIDS).all():
        guids.setdefault(Guid(row.guid), {})[ProviderCode(row.provider_code)] = AccountId(row.account_id)
    stored = connection.execute(select(account).where(_IS_REGISTERED)).mappings()
    accounts = {AccountId(row["account_id"]): rows.account_of(row, ()) for row in stored}
    return Registered(current, accounts, guids)


def _conforms(reader: SqlAccountReader) -> AccountReader:
    return reader
