"""Queries over the bindings of all accounts."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from wework_message.domain.account import Binding
from wework_message.domain.ids import AccountId, Guid, ProviderCode, TenantId


class BindingCounts(NamedTuple):
    """How many bindings a provider has."""

    bindings: int
    """Enabled ones."""
    without_sibling: int
    """Accounts whose only usable binding is at this provider: they never fail over."""


class LonePage(NamedTuple):
    """Part of the list of bindings without a sibling."""

    bindings: Sequence[Binding]
    following: AccountId | None
    """`after` of the next part; None where the list ends. An empty part may have one (ADR 32)."""


class BindingReader(Protocol):
    """Reads what is committed.

    A binding is usable if it and its account are enabled, its provider is among those that are named, and no person is
    needed before it can send (it is not COLD).
    """

    async def counts(self, provider_codes: Collection[ProviderCode]) -> Mapping[ProviderCode, BindingCounts]:
        """By provider; one without bindings is left out. Reads every binding: not for the request path."""
        ...

    async def occupied(self) -> Mapping[ProviderCode, int]:
        """How many accounts each provider has or is getting: bindings that were not removed, and open placements.

        One without any is left out. Reads every binding: not for the request path of sends.
        """
        ...

    async def without_sibling(
        self,
        tenant_id: TenantId,
        provider_code: ProviderCode,
        provider_codes: Collection[ProviderCode],
        *,
        limit: int,
        after: AccountId | None,
    ) -> LonePage:
        """The only usable bindings of the tenant's accounts, at this provider, by account id, behind `after`.

        At most `limit`, of the accounts of the next `MAX_WALKED` bindings that were ever made.
        """
        ...

    async def at_provider(self, provider_code: ProviderCode, *, limit: int, after: Guid | None) -> Sequence[Binding]:
        """Enabled bindings there, by guid, behind `after`."""
        ...
