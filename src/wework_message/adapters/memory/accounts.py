"""The accounts in memory."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from wework_message.adapters.memory.database import ChoiceRow, MemoryDatabase
from wework_message.domain.account import (
    Account,
    Binding,
    BindingState,
    effective_state,
    implicit_account,
    implicit_binding,
)
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.page import MAX_WALKED
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.accounts import (
    AccountFilter,
    AccountList,
    AccountReader,
    AccountRepository,
    AccountWithBindings,
    Registered,
)
from wework_message.domain.presence import PresenceChange, presence_changed
from wework_message.domain.registration import rebound


class MemoryAccountRepository:
    """Accounts and bindings, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def open(self, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        """Add the implicit account of each guid, and the binding where the guid is bound to no account."""
        for guid, provider_code in guids:
            account, binding = implicit_account(guid, tenant_id), implicit_binding(guid, provider_code)
            if self._db.accounts.get(account.account_id) is None:
                self._db.accounts.put(account.account_id, account)
            known = self._bound(guid, provider_code)
            if self._is_of_another(guid, tenant_id):
                continue
            if known is None or known.removed:
                opened = rebound(binding, known)
                self._db.bindings.put(opened.binding_id, opened)

    async def accounts(
        self,
        account_ids: Sequence[AccountId],
        *,
        latest: bool = False,  # noqa: ARG002 -- there is no cache
    ) -> Mapping[AccountId, AccountWithBindings]:
        """The accounts that exist; their state follows from their bindings."""
        bindings = list(self._db.bindings.rows())
        return {
            account_id: with_bindings(account, bindings)
            for account_id in account_ids
            if (account := self._db.accounts.get(account_id)) is not None
        }

    async def binding_of(self, guid: Guid, *, latest: bool = False) -> Sequence[Binding]:  # noqa: ARG002 -- as above
        return [binding for binding in self._db.bindings.rows() if binding.guid == guid]

    async def lock(self, account_id: AccountId) -> None:
        """An open unit of work is the only one."""

    async def save(self, account: Account, bindings: Sequence[Binding] = ()) -> PresenceChange | None:
        """Compares versions and epochs as a database does."""
        before = self._own(account.account_id)
        stored = self._db.accounts.get(account.account_id)
        if account.version != (0 if stored is None else stored.version) + 1:
            raise ConflictError("the account has another version")
        for binding in bindings:
            known, bound = self._db.bindings.get(binding.binding_id), self._bound(binding.guid, binding.provider_code)
            if binding.epoch != (-1 if known is None else known.epoch) + 1 or bound not in (None, known):
                raise ConflictError("the binding has another epoch, or its guid is bound")
            if known is None and self._is_of_another(binding.guid, account.tenant_id):
                raise ConflictError("the guid is another tenant's")
        self._db.accounts.put(account.account_id, account)
        for binding in bindings:
            self._db.bindings.put(binding.binding_id, binding)
        return self._change(account, before)

    def _own(self, account_id: AccountId) -> Sequence[Binding]:
        return [
            binding for binding in self._db.bindings.rows() if binding.account_id == account_id and not binding.removed
        ]

    def _change(self, account: Account, before: Sequence[Binding]) -> PresenceChange | None:
        changed = presence_changed(before, self._own(account.account_id))
        if changed is None:
            return None
        sequence = (self._db.presence_sequences.get(account.account_id) or 0) + 1
        self._db.presence_sequences.put(account.account_id, sequence)
        return PresenceChange(account.tenant_id, account.account_id, *changed, sequence)

    def _tenant_of(self, binding: Binding) -> TenantId | None:
        account = self._db.accounts.get(binding.account_id)
        return account.tenant_id if account is not None else None

    def _is_of_another(self, guid: Guid, tenant_id: TenantId) -> bool:
        bindings = [binding for binding in self._db.bindings.rows() if binding.guid == guid]
        return any(self._tenant_of(binding) not in (None, tenant_id) for binding in bindings)

    def _bound(self, guid: Guid, provider_code: ProviderCode) -> Binding | None:
        bindings = self._db.bindings.rows()
        return next(
            (binding for binding in bindings if (binding.guid, binding.provider_code) == (guid, provider_code)), None
        )

    async def choose(self, choices: Sequence[PoolChoice], *, now: int) -> Sequence[AccountId]:
        return [self._chosen(choice, now) for choice in choices]

    def _chosen(self, choice: PoolChoice, now: int) -> AccountId:
        known = self._db.pool_choices.get(choice.key)
        if known is None or known.account_id == choice.instead_of:
            known = ChoiceRow(choice.account_id, now)
            self._db.pool_choices.put(choice.key, known)
        return known.account_id

    async def observe(self, binding_id: BindingId, *, online: bool) -> PresenceChange | None:
        """Nothing happens for a binding that does not exist."""
        binding = self._db.bindings.get(binding_id)
        account = None if binding is None else self._db.accounts.get(binding.account_id)
        if binding is None or account is None:
            return None
        before = self._own(account.account_id)
        state = BindingState.ONLINE if online else BindingState.OFFLINE
        self._db.bindings.put(binding_id, dataclasses.replace(binding, state=state))
        return self._change(account, before)

    async def learn(self, binding_id: BindingId, wecom_user_id: str, *, only_if_unknown: bool = False) -> bool:
        """Nothing happens for a binding that does not exist."""
        binding = self._db.bindings.get(binding_id)
        account = None if binding is None else self._db.accounts.get(binding.account_id)
        if account is None or account.wecom_user_id == wecom_user_id:
            return False
        if only_if_unknown and account.wecom_user_id is not None:
            return False
        self._db.accounts.put(account.account_id, dataclasses.replace(account, wecom_user_id=wecom_user_id))
        return True


class MemoryAccountReader:
    """Queries on what is committed."""

    def __init__(self, database: MemoryDatabase, *, max_walked: int = MAX_WALKED) -> None:
        """It never waits for a unit of work; a page looks at `max_walked` accounts."""
        self._db = database
        self._max_walked = max_walked

    async def account(self, tenant_id: TenantId, account_id: AccountId) -> AccountWithBindings | None:
        self._db.check_available()
        account = self._db.accounts.committed(account_id)
        if account is None or account.tenant_id != tenant_id:
            return None
        return with_bindings(account, self._db.bindings.committed_rows())

    async def page(
        self, tenant_id: TenantId, filters: AccountFilter, *, limit: int, after: AccountId | None
    ) -> AccountList:
        self._db.check_available()
        bindings = list(self._db.bindings.committed_rows())
        stored = [
            with_bindings(account, bindings)
            for account in sorted(self._db.accounts.committed_rows(), key=lambda account: account.account_id)
            if account.tenant_id == tenant_id
            and (filters.include_implicit or account.registered)
            and (after is None or account.account_id > after)
        ]
        is_cut = filters.is_walked and len(stored) >= self._max_walked
        walked = stored[: self._max_walked] if is_cut else stored
        passing = [entry for entry in walked if _passes(filters, *entry)]
        if len(passing) > limit:
            return AccountList(passing[:limit], passing[limit - 1][0].account_id)
        return AccountList(passing, walked[-1][0].account_id if is_cut else None)

    async def chosen(self, tenant_id: TenantId, pool: str, conversation_id: str) -> AccountId | None:
        self._db.check_available()
        known = self._db.pool_choices.committed((tenant_id, pool, conversation_id))
        return None if known is None else known.account_id

    async def members(self, tenant_id: TenantId, pool: str, *, limit: int) -> Sequence[AccountWithBindings]:
        self._db.check_available()
        bindings = list(self._db.bindings.committed_rows())
        stored = sorted(self._db.accounts.committed_rows(), key=lambda account: account.account_id)
        of_pool = [account for account in stored if account.tenant_id == tenant_id and pool in account.pools]
        return [with_bindings(account, bindings) for account in of_pool if account.registered][:limit]

    async def registered(self, revision: int | None = None) -> Registered | None:
        """The revision is how many there are, and the sum of their versions: neither goes down."""
        self._db.check_available()
        stored = self._db.accounts.committed_rows()
        accounts = {account.account_id: account for account in stored if account.registered}
        current = sum(account.version + 1 for account in accounts.values())
        if current == revision:
            return None
        guids: dict[Guid, dict[ProviderCode, AccountId]] = {}
        for binding in self._db.bindings.committed_rows():
            if binding.account_id in accounts and not binding.removed:
                guids.setdefault(binding.guid, {})[binding.provider_code] = binding.account_id
        return Registered(current, accounts, guids)


def with_bindings(account: Account, bindings: Iterable[Binding]) -> AccountWithBindings:
    """The account with those of `bindings` that it has, its state as they show."""
    own = [binding for binding in bindings if binding.account_id == account.account_id and not binding.removed]
    own.sort(key=lambda binding: binding.binding_id)
    return dataclasses.replace(account, state=effective_state(own)), own


def _passes(filters: AccountFilter, account: Account, bindings: Sequence[Binding]) -> bool:
    return (
        filters.enabled in (None, account.enabled)
        and (filters.pool is None or filters.pool in account.pools)
        and (filters.guid is None or any(binding.guid == filters.guid for binding in bindings))
        and (
            filters.provider_code is None or any(binding.provider_code == filters.provider_code for binding in bindings)
        )
    )


def _conforms(
    repository: MemoryAccountRepository, reader: MemoryAccountReader
) -> tuple[AccountRepository, AccountReader]:
    return repository, reader
