"""The ports for accounts and their bindings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from wework_message.domain.account import Account, Binding
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.pools import PoolChoice
from wework_message.domain.presence import PresenceChange

AccountWithBindings: TypeAlias = tuple[Account, Sequence[Binding]]
"""An account and the bindings that it has, by id; removed ones are left out."""


class AccountRepository(Protocol):
    """Accounts and their bindings (D-19)."""

    async def open(self, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        """Make sure that the implicit account and binding of each unregistered (guid, provider) exist.

        A binding that was removed from an account of this tenant becomes that of the implicit account. One that an account
        has stays there. None is made where another tenant has, or had, the guid at any provider: it never goes from one tenant to another.
        """
        ...

    async def accounts(
        self, account_ids: Sequence[AccountId], *, latest: bool = False
    ) -> Mapping[AccountId, AccountWithBindings]:
        """The accounts that exist, with their bindings. With `latest` the store is asked, and no cache in front of it."""
        ...

    async def binding_of(self, guid: Guid, *, latest: bool = False) -> Sequence[Binding]:
        """The bindings that carry this guid, at any provider, removed ones too: callbacks still name them.

        With `latest` the store is asked, and no cache in front of it.
        """
        ...

    async def lock(self, account_id: AccountId) -> None:
        """Until the unit of work ends nobody else stores anything of this account, or of its bindings. Nothing for one that does not exist."""
        ...

    async def save(self, account: Account, bindings: Sequence[Binding] = ()) -> PresenceChange | None:
        """Store an account that was changed by hand, and those of its bindings that are new or changed.

        Returns whether it came online or went offline by that. What was read before `lock` may be old.

        It replaces what is stored with the version before; version 1 may also be new. A binding replaces what is stored
        with the epoch before; epoch 0 must be new. Raises `ConflictError` where the store has something else, the
        guid is bound at this provider, or another tenant has, or had, it at any, also one that stores it at the same time: then the unit of work must not be committed.
        """
        ...

    async def choose(self, choices: Sequence[PoolChoice], *, now: int) -> Sequence[AccountId]:
        """Store these choices, unless their conversations have another account; the account that each has now.

        Where `instead_of` has it, it is replaced. A choice that is stored already changes nothing.
        """
        ...

    async def learn(self, binding_id: BindingId, wecom_user_id: str, *, only_if_unknown: bool = False) -> bool:
        """Store the own user id of the account that has this binding; True if it is another one now.

        `only_if_unknown`: a user id that is stored, whoever stored it in the meantime, stays.
        """
        ...

    async def observe(self, binding_id: BindingId, *, online: bool) -> PresenceChange | None:
        """Store whether an instance is online. Returns whether its account came online or went offline by that.

        Of two processes that observe the same thing one gets the change, and two that observe two instances of an account
        at once see each other. Raises `TryAgainError` where the binding moves to another account at the same time.
        """
        ...


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which accounts a list has; None = any."""

    guid: Guid | None = None
    """One of its bindings has this guid."""
    provider_code: ProviderCode | None = None
    """One of its bindings is at this provider."""
    pool: str | None = None
    enabled: bool | None = None
    include_implicit: bool = False
    """With the accounts of guids that nobody registered."""

    @property
    def is_walked(self) -> bool:
        """Whether accounts must be looked at that do not pass, as no index has what is asked for."""
        return self.guid is None and (self.provider_code, self.pool, self.enabled) != (None, None, None)


class AccountList(NamedTuple):
    """A part of a list of accounts."""

    accounts: Sequence[AccountWithBindings]
    following: AccountId | None
    """`after` of the next part; None where the list ends. An empty part may have one (ADR 32)."""


class Registered(NamedTuple):
    """All that a process must know of registered accounts to accept a message."""

    revision: int
    """Goes up with every change by hand of any account."""
    accounts: Mapping[AccountId, Account]
    """Registered accounts, without a state."""
    guids: Mapping[Guid, Mapping[ProviderCode, AccountId]]
    """Whose instance a guid is, by provider."""


class AccountReader(Protocol):
    """Queries about accounts, of what is committed."""

    async def account(self, tenant_id: TenantId, account_id: AccountId) -> AccountWithBindings | None:
        """One account; None where there is none."""
        ...

    async def page(
        self, tenant_id: TenantId, filters: AccountFilter, *, limit: int, after: AccountId | None
    ) -> AccountList:
        """At most `limit` accounts that pass, by id, behind `after`, of the `MAX_WALKED` that it looks at."""
        ...

    async def chosen(self, tenant_id: TenantId, pool: str, conversation_id: str) -> AccountId | None:
        """The account that has this conversation of a pool."""
        ...

    async def members(self, tenant_id: TenantId, pool: str, *, limit: int) -> Sequence[AccountWithBindings]:
        """The first `limit` registered accounts of a pool, by id. A send waits for it, but for no list."""
        ...

    async def registered(self, revision: int | None = None) -> Registered | None:
        """Every registered account; None where `revision` is still that of the store."""
        ...
