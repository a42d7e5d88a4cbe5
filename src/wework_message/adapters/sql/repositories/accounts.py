"""The account repository on SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

from sqlalchemy import Connection, bindparam, false, insert, or_, select, update

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping import account_rows as rows
from wework_message.adapters.sql.mapping.pool_table import pool_choice
from wework_message.adapters.sql.mapping.tables import account, binding
from wework_message.domain.account import Account, Binding, BindingState, implicit_account, implicit_binding
from wework_message.domain.errors import ConflictError, TryAgainError
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.accounts import AccountRepository, AccountWithBindings
from wework_message.domain.presence import PresenceChange, presence_changed
from wework_message.domain.registration import rebound

ACCOUNTS = Query(select(account).where(account.c.account_id.in_(bindparam("ids", expanding=True))))
BINDINGS = Query(
    select(binding).where(binding.c.account_id.in_(bindparam("ids", expanding=True)), binding.c.removed == false())
)
ACCOUNT_OF_TENANT = Query(
    by_index(
        select(account).where(
            account.c.account_id == bindparam("the_account_id"), account.c.tenant_id == bindparam("the_tenant_id")
        ),
        account,
    )
)
BINDINGS_OF_TENANT = Query(
    by_index(
        select(binding).where(
            binding.c.account_id == bindparam("the_account_id"),
            binding.c.tenant_id == bindparam("the_tenant_id"),
            binding.c.removed == false(),
        ),
        binding,
        "ix_wm_binding_account",
    )
)
LOCKED = Query(
    by_index(
        select(account.c.account_id).where(account.c.account_id == bindparam("the_account_id")), account
    ).with_for_update()
)
OF_BINDING = Query(
    select(binding.c.account_id, binding.c.state).where(binding.c.binding_id == bindparam("the_binding_id"))
)
BINDING_LOCKED = Query(
    by_index(
        select(binding.c.account_id, binding.c.state).where(binding.c.binding_id == bindparam("the_binding_id")),
        binding,
    ).with_for_update()
)
OF_GUIDS = Query(select(binding).where(binding.c.guid.in_(bindparam("guids", expanding=True))))
_TENANTS_OF_GUIDS = by_index(
    select(binding.c.guid, binding.c.tenant_id).where(binding.c.guid.in_(bindparam("guids", expanding=True))),
    binding,
    "ix_wm_binding_guid",
)
TENANTS_OF_GUIDS = Query(_TENANTS_OF_GUIDS)
LATEST_TENANTS_OF_GUIDS = Query(_TENANTS_OF_GUIDS.with_for_update(read=True))
"""Waits for whoever stores one at this moment: of two tenants that bind a guid at once, at two providers, the slower one sees the other."""


_OF_KEY = (
    pool_choice.c.tenant_id == bindparam("the_tenant_id"),
    pool_choice.c.pool == bindparam("the_pool"),
    pool_choice.c.conversation_id == bindparam("the_conversation_id"),
)
CHOSEN = Query(select(pool_choice.c.account_id).where(*_OF_KEY))


class SqlAccountRepository:
    """Accounts and bindings inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect) -> None:
        """`dialect` knows the insert that leaves existing rows alone."""
        self._run = run
        self._dialect = dialect

    async def open(self, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        """Two multi-row inserts that leave existing rows alone; where a binding was known, removed ones are opened again.

        What another tenant has, or had, at any provider is looked for first.
        """
        if guids:
            await self._run(self._open, tenant_id, guids)

    def _open(self, connection: Connection, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        accounts = [implicit_account(guid, tenant_id) for guid in dict.fromkeys(guid for guid, _ in guids)]
        self._dialect.new_account.many(connection, [rows.account_row(new) for new in accounts])
        others = _of_others(connection, TENANTS_OF_GUIDS, tenant_id, [guid for guid, _ in guids])
        bindings = [implicit_binding(guid, code) for guid, code in dict.fromkeys(guids) if guid not in others]
        if not bindings:
            return
        opened = self._dialect.new_binding.many(connection, [rows.binding_row(new, tenant_id) for new in bindings])
        if opened < len(bindings):
            _reopen(connection, bindings, tenant_id)

    async def accounts(
        self,
        account_ids: Sequence[AccountId],
        *,
        latest: bool = False,  # noqa: ARG002 -- there is no cache
    ) -> Mapping[AccountId, AccountWithBindings]:
        """By primary key, and bindings by account."""
        return await self._run(accounts_of, account_ids) if account_ids else {}

    async def binding_of(self, guid: Guid, *, latest: bool = False) -> Sequence[Binding]:  # noqa: ARG002 -- as above
        return await self._run(bindings_of, [guid])

    async def lock(self, account_id: AccountId) -> None:
        """The row of the account; whoever changes a binding of it locks this one first."""
        await self._run(_lock, account_id)

    async def save(self, account: Account, bindings: Sequence[Binding] = ()) -> PresenceChange | None:
        """Each row changes where it is as it was read, or is inserted; the unique keys decide between processes."""
        return await self._run(_save, account, bindings)

    async def choose(self, choices: Sequence[PoolChoice], *, now: int) -> Sequence[AccountId]:
        """Inserts that leave what is known alone, and updates of what was to be replaced; then what is stored is read."""
        return await self._run(self._choose, choices, now) if choices else ()

    def _choose(self, connection: Connection, choices: Sequence[PoolChoice], now: int) -> Sequence[AccountId]:
        # Processes that lock in the same order cannot deadlock.
        ordered = sorted({choice.key: choice for choice in choices}.values())
        self._dialect.new_pool_choice.many(connection, [rows.pool_choice_row(choice, now) for choice in ordered])
        for choice in ordered:
            if choice.instead_of is not None:
                connection.execute(
                    update(pool_choice)
                    .where(
                        pool_choice.c.tenant_id == choice.tenant_id,
                        pool_choice.c.pool == choice.pool,
                        pool_choice.c.conversation_id == choice.conversation_id,
                        pool_choice.c.account_id == choice.instead_of,
                    )
                    .values(account_id=choice.account_id, chosen_at=now)
                )
        stored = {choice.key: chosen(connection, *choice.key) for choice in ordered}
        return [stored[choice.key] or choice.account_id for choice in choices]

    async def learn(self, binding_id: BindingId, wecom_user_id: str, *, only_if_unknown: bool = False) -> bool:
        return await self._run(_learn, binding_id, wecom_user_id, only_if_unknown)

    async def observe(self, binding_id: BindingId, *, online: bool) -> PresenceChange | None:
        """One read where the state is stored already; else the account is locked, its bindings are read, and one changes."""
        return await self._run(_observe, binding_id, BindingState.ONLINE if online else BindingState.OFFLINE)


def chosen(connection: Connection, tenant_id: TenantId, pool: str, conversation_id: str) -> AccountId | None:
    """The account that has this conversation of a pool, by primary key."""
    key = {"the_tenant_id": tenant_id, "the_pool": pool, "the_conversation_id": conversation_id}
    stored = list(CHOSEN.rows(connection, **key))
    return AccountId(stored[0]["account_id"]) if stored else None


def account_of_tenant(connection: Connection, tenant_id: TenantId, account_id: AccountId) -> AccountWithBindings | None:
    """One account of this tenant: another's costs the same statements, and no more rows, than one that does not exist."""
    names = {"the_tenant_id": tenant_id, "the_account_id": account_id}
    bindings = [rows.binding_of(row) for row in BINDINGS_OF_TENANT.rows(connection, **names)]
    bindings.sort(key=lambda own: own.binding_id)
    stored = ACCOUNT_OF_TENANT.rows(connection, **names)
    return (rows.account_of(stored[0], bindings), bindings) if stored else None


def accounts_of(connection: Connection, account_ids: Sequence[AccountId]) -> dict[AccountId, AccountWithBindings]:
    """The accounts that exist, with their bindings."""
    bindings: dict[AccountId, list[Binding]] = {}
    for row in sorted(BINDINGS.rows(connection, ids=list(account_ids)), key=itemgetter("binding_id")):
        bindings.setdefault(row["account_id"], []).append(rows.binding_of(row))
    accounts = ACCOUNTS.rows(connection, ids=list(account_ids))
    return {
        row["account_id"]: (rows.account_of(row, own := bindings.get(row["account_id"], [])), own) for row in accounts
    }


def bindings_of(connection: Connection, guids: Sequence[Guid]) -> Sequence[Binding]:
    """The bindings with one of these guids, removed ones too."""
    return [rows.binding_of(row) for row in OF_GUIDS.rows(connection, guids=list(guids))]


def _of_others(connection: Connection, query: Query, tenant_id: TenantId, guids: Sequence[Guid]) -> set[str]:
    """Those of them that another tenant has, or had, at any provider."""
    return {row["guid"] for row in query.rows(connection, guids=sorted(set(guids))) if row["tenant_id"] != tenant_id}


def _reopen(connection: Connection, bindings: Sequence[Binding], tenant_id: TenantId) -> None:
    openings = {(new.guid, new.provider_code): new for new in bindings}
    for row in OF_GUIDS.rows(connection, guids=[new.guid for new in bindings]):
        known = rows.binding_of(row)
        new = openings.get((known.guid, known.provider_code))
        if new is not None and known.removed and row["tenant_id"] == tenant_id:
            _save_binding(connection, rebound(new, known), tenant_id)


def _lock(connection: Connection, account_id: AccountId) -> None:
    LOCKED.rows(connection, the_account_id=account_id)


def _bindings(connection: Connection, account_id: AccountId) -> dict[BindingId, Binding]:
    return {row["binding_id"]: rows.binding_of(row) for row in BINDINGS.rows(connection, ids=[account_id])}


def _save(connection: Connection, saved: Account, bindings: Sequence[Binding]) -> PresenceChange | None:
    row = rows.account_row(saved)
    before = update(account).where(
        account.c.account_id == saved.account_id,
        account.c.tenant_id == saved.tenant_id,
        account.c.version == saved.version - 1,
    )
    if connection.execute(before.values(row)).rowcount == 0:
        if saved.version != 1:
            raise ConflictError("the account has another version")
        connection.execute(insert(account).values(row))
    if not bindings:
        return None
    known = _bindings(connection, saved.account_id)
    for changed in bindings:
        _save_binding(connection, changed, saved.tenant_id)
    new = [changed.guid for changed in bindings if changed.epoch == 0]
    if new and _of_others(connection, LATEST_TENANTS_OF_GUIDS, saved.tenant_id, new):
        raise ConflictError("the guid is another tenant's")
    after = known | {changed.binding_id: changed for changed in bindings}
    return _changed(connection, saved.account_id, known, {key: own for key, own in after.items() if not own.removed})


def _changed(
    connection: Connection,
    account_id: AccountId,
    before: Mapping[BindingId, Binding],
    after: Mapping[BindingId, Binding],
) -> PresenceChange | None:
    """Of an account that is locked; a change has the next number."""
    changed = presence_changed(before.values(), after.values())
    if changed is None:
        return None
    is_account = account.c.account_id == account_id
    connection.execute(update(account).where(is_account).values(presence_sequence=account.c.presence_sequence + 1))
    stored = connection.execute(select(account.c.tenant_id, account.c.presence_sequence).where(is_account)).one()
    return PresenceChange(stored.tenant_id, account_id, *changed, stored.presence_sequence)


def _save_binding(connection: Connection, saved: Binding, tenant_id: TenantId) -> None:
    row = rows.binding_row(saved, tenant_id)
    if saved.epoch == 0:
        connection.execute(insert(binding).values(row))
        return
    before = update(binding).where(binding.c.binding_id == saved.binding_id, binding.c.epoch == saved.epoch - 1)
    if connection.execute(before.values(row)).rowcount == 0:
        raise ConflictError("the binding has another epoch")


def _observe(connection: Connection, binding_id: BindingId, state: BindingState) -> PresenceChange | None:
    known = OF_BINDING.rows(connection, the_binding_id=binding_id)
    if not known or known[0]["state"] == state.value:
        return None
    account_id = AccountId(known[0]["account_id"])
    _lock(connection, account_id)
    (locked,) = BINDING_LOCKED.rows(connection, the_binding_id=binding_id)
    if locked["account_id"] != account_id:
        raise TryAgainError("database", "a binding moved to another account")
    before = _bindings(connection, account_id)
    connection.execute(update(binding).where(binding.c.binding_id == binding_id).values(state=state.value))
    after = {key: replace(own, state=state) if key == binding_id else own for key, own in before.items()}
    return _changed(connection, account_id, before, after)


def _learn(connection: Connection, binding_id: BindingId, wecom_user_id: str, only_if_unknown: bool) -> bool:
    owner = select(binding.c.account_id).where(binding.c.binding_id == binding_id).scalar_subquery()
    unknown = account.c.vid.is_(None)
    differs = unknown if only_if_unknown else or_(unknown, account.c.vid != wecom_user_id)
    learnt = update(account).where(account.c.account_id == owner, differs).values(vid=wecom_user_id)
    return connection.execute(learnt).rowcount > 0


def _conforms(repository: SqlAccountRepository) -> AccountRepository:
    return repository
