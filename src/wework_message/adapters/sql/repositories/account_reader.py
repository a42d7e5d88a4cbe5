"""Queries about accounts on SQL, on a connection of their own."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, false, func, select, true

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.mapping import account_rows as rows
from wework_message.adapters.sql.mapping.tables import account, binding
from wework_message.adapters.sql.repositories.accounts import account_of_tenant, accounts_of, chosen
from wework_message.domain.ids import AccountId, Guid, ProviderCode, TenantId
from wework_message.domain.page import MAX_WALKED
from wework_message.domain.ports.accounts import (
    AccountFilter,
    AccountList,
    AccountReader,
    AccountWithBindings,
    Registered,
)

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

    def __init__(self, run: Run, search: Run, *, max_walked: int = MAX_WALKED) -> None:
        """The `read` and `search` of a `Store`; a page looks at `max_walked` accounts."""
        self._run = run
        self._search = search
        self._max_walked = max_walked

    async def account(self, tenant_id: TenantId, account_id: AccountId) -> AccountWithBindings | None:
        """By primary key."""
        return await self._run(account_of_tenant, tenant_id, account_id)

    async def page(
        self, tenant_id: TenantId, filters: AccountFilter, *, limit: int, after: AccountId | None
    ) -> AccountList:
        """Keyset by id, without implicit accounts by the index of registered ones; of a guid by its bindings."""
        return await self._search(_page, tenant_id, filters, limit, after, self._max_walked)

    async def chosen(self, tenant_id: TenantId, pool: str, conversation_id: str) -> AccountId | None:
        """By primary key."""
        return await self._run(chosen, tenant_id, pool, conversation_id)

    async def members(self, tenant_id: TenantId, pool: str, *, limit: int) -> Sequence[AccountWithBindings]:
        """As a page, walking all registered accounts."""
        return (await self._run(_page, tenant_id, AccountFilter(pool=pool), limit, None, None)).accounts

    async def registered(self, revision: int | None = None) -> Registered | None:
        """One number where nothing changed; else every registered account, in two reads."""
        return await self._run(_registered, revision)


def _page(
    connection: Connection,
    tenant_id: TenantId,
    filters: AccountFilter,
    limit: int,
    after: AccountId | None,
    max_walked: int | None,
) -> AccountList:
    walked = select(account.c.account_id).where(account.c.tenant_id == tenant_id).order_by(account.c.account_id)
    if not filters.include_implicit:
        walked = walked.where(_IS_REGISTERED)
    if after is not None:
        walked = walked.where(account.c.account_id > after)
    reached: AccountId | None = None
    if filters.is_walked and max_walked is not None:
        reached = connection.execute(walked.offset(max_walked - 1).limit(1)).scalar()
    if reached is not None:
        walked = walked.where(account.c.account_id <= reached)
    ids = walked.where(*_conditions(connection, filters, after, reached)).limit(limit + 1)
    account_ids = [AccountId(account_id) for account_id in connection.execute(ids).scalars()]
    shown = account_ids[:limit]
    stored = accounts_of(connection, shown) if shown else {}
    following = shown[-1] if len(account_ids) > limit else reached
    return AccountList([stored[account_id] for account_id in shown if account_id in stored], following)


def _conditions(
    connection: Connection, filters: AccountFilter, after: AccountId | None, reached: AccountId | None
) -> Iterator[ColumnElement[bool]]:
    if filters.enabled is not None:
        yield account.c.enabled.is_(filters.enabled)
    if filters.pool is not None:
        yield func.instr(account.c.pools, f'"{filters.pool}"') > 0
    if filters.guid is not None:
        of_guid = select(binding.c.account_id).where(binding.c.guid == filters.guid, binding.c.removed == false())
        yield account.c.account_id.in_(sorted(set(connection.execute(of_guid).scalars())))
    if filters.provider_code is not None:
        own = select(binding.c.account_id).where(
            binding.c.account_id == account.c.account_id,
            binding.c.removed == false(),
            binding.c.provider_code == filters.provider_code,
        )
        # The bounds again: MariaDB would read the bindings first, and all of them.
        if after is not None:
            own = own.where(binding.c.account_id > after)
        if reached is not None:
            own = own.where(binding.c.account_id <= reached)
        yield own.exists()


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
