"""Instances of a provider through which an upload may go: a handle is the provider's, whichever of them made it."""

from collections.abc import Sequence
from typing import Final, Protocol

from wework_message.domain.account import Binding, BindingState, Standby
from wework_message.domain.ids import Guid, ProviderCode, TenantId
from wework_message.domain.ports.accounts import AccountReader
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.system import Clock

MAX_OTHERS: Final = 2
"""Instances that one upload tries beside its own."""

_PAGE: Final = 20
"""Bindings that are looked at: some may be offline, or another tenant's."""


class Observed(Protocol):
    """What a process has seen of bindings."""

    def observed(self, bindings: Sequence[Binding], *, now: int) -> Sequence[Binding]:
        """The bindings with the states that were observed, where any was."""
        ...


class OtherInstances:
    """Of the accounts of a tenant."""

    def __init__(self, bindings: BindingReader, accounts: AccountReader, seen: Observed, clock: Clock) -> None:
        """`seen` says which instances are offline."""
        self._bindings = bindings
        self._accounts = accounts
        self._seen = seen
        self._clock = clock

    async def __call__(self, provider_code: ProviderCode, tenant_id: TenantId, *, without: Guid) -> Sequence[Guid]:
        """At most `MAX_OTHERS` that are not known to be offline, but not `without`. Raises `UnavailableError`."""
        usable: list[Guid] = []
        page = await self._bindings.at_provider(provider_code, limit=_PAGE, after=without)
        if len(page) < _PAGE:  # behind it there are not many: those before it
            page = [*page, *await self._bindings.at_provider(provider_code, limit=_PAGE, after=None)]
        others = list({binding.guid: binding for binding in page}.values())
        for binding in self._seen.observed(others, now=self._clock.now()):
            if len(usable) == MAX_OTHERS:
                break
            if _may_upload(binding, without) and await self._accounts.account(tenant_id, binding.account_id):
                usable.append(binding.guid)
        return usable


def _may_upload(binding: Binding, without: Guid) -> bool:
    return binding.guid != without and binding.standby is Standby.HOT and binding.state is not BindingState.OFFLINE
