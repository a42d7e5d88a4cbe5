"""Activation of a standby: whoever holds its slot leaves, its instance logs in, and then it sends (M-5, ADR 50)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from wework_message.application.accounts.activation_leases import ActivationLeases, renew
from wework_message.application.accounts.registry import AccountRegistry, named
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.dispatch.candidates import Candidates
from wework_message.application.dispatch.fence import FENCED_AFTER_MS
from wework_message.application.errors import NotFoundError, NotImplementedYetError
from wework_message.domain.account import (
    Account,
    Binding,
    NotActivatableError,
    activate,
    fence_left_ms,
    known_to_be_gone,
    logged_out,
    make_way,
)
from wework_message.domain.ids import AccountId, BindingId, ProviderCode, TenantId
from wework_message.domain.ports.accounts import AccountReader, AccountWithBindings
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.instances import SessionRestorer
from wework_message.domain.ports.system import Clock

POLL_MS: Final = 1_000
"""Between two questions whether the instance is online."""

LOGIN_MS: Final = 15_000
"""So long a login may take. With the fence it fits into a request."""

Pause = Callable[[float], Awaitable[object]]


class ActivateBinding:
    """Makes a WARM binding HOT. A crash in the middle leaves a binding that can be activated again."""

    def __init__(
        self,
        registry: AccountRegistry,
        reader: AccountReader,
        leases: ActivationLeases,
        candidates: Candidates,
        gateways: Mapping[ProviderCode, MessageGateway],
        restorers: Mapping[ProviderCode, SessionRestorer],
        board: HealthBoard,
        clock: Clock,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """`restorers` are the providers whose instances can be logged in; `pause` waits for so many seconds."""
        self._registry = registry
        self._reader = reader
        self._leases = leases
        self._candidates = candidates
        self._gateways = gateways
        self._restorers = restorers
        self._board = board
        self._clock = clock
        self._pause = pause

    async def __call__(
        self, tenant_id: TenantId, account_id: AccountId, binding_id: BindingId, *, demote: bool = False
    ) -> AccountWithBindings:
        """The account with the binding HOT and ONLINE.

        Siblings in its slot become WARM first: those that are known to be offline and do not say otherwise, and with `demote` any.
        Then no call that was decided before starts there any more, in any process. Raises `NotFoundError`, `SlotOccupiedError`,
        `NotActivatableError` (also where the instance does not log in, and while another activation of the account is under way),
        `NotImplementedYetError`, `ConflictError` and `UnavailableError`.
        """
        async with self._leases.of(account_id) as lease:
            return await self.under(lease, tenant_id, account_id, binding_id, demote=demote)

    async def under(
        self,
        lease: ClusterLease,
        tenant_id: TenantId,
        account_id: AccountId,
        binding_id: BindingId,
        *,
        demote: bool = False,
    ) -> AccountWithBindings:
        """The same for whoever has the account's lease."""
        if not demote:
            await self._ask_holders(tenant_id, account_id, binding_id)
        account, binding = await self._make_way(tenant_id, account_id, binding_id, demote=demote)
        if wait_ms := fence_left_ms(account, FENCED_AFTER_MS, now=self._clock.now()):
            await self._pause(wait_ms / 1000)
        await self._log_in(lease, binding)

        def promote(bindings: Sequence[Binding]) -> Sequence[Binding]:
            observed = self._candidates.observed(bindings, now=self._clock.now())
            standby = named(bindings, binding_id)
            return [activate(standby, observed), *logged_out(standby, bindings)]

        entry = await self._registry.switch(tenant_id, account_id, promote)
        self._board.binding_state(binding_id, ClientState.ONLINE, self._clock.now())
        return entry

    async def _ask_holders(self, tenant_id: TenantId, account_id: AccountId, binding_id: BindingId) -> None:
        """Those that would leave without a question: what is known of them is up to 15 s old, and they may have come back."""
        entry = await self._reader.account(tenant_id, account_id)
        if entry is None:
            raise NotFoundError("account")
        bindings = self._candidates.observed(entry[1], now=self._clock.now())
        gone = known_to_be_gone(named(bindings, binding_id), bindings)
        await asyncio.gather(*(self._ask(binding) for binding in gone if binding.provider_code in self._gateways))

    async def _ask(self, binding: Binding) -> None:
        """Where there is no answer, what is known counts: its provider may be down for hours."""
        if await self._gateways[binding.provider_code].client_state(binding.guid) is ClientState.ONLINE:
            self._board.binding_state(binding.binding_id, ClientState.ONLINE, self._clock.now())

    async def _make_way(
        self, tenant_id: TenantId, account_id: AccountId, binding_id: BindingId, *, demote: bool
    ) -> tuple[Account, Binding]:
        def leave(bindings: Sequence[Binding]) -> Sequence[Binding]:
            standby = named(bindings, binding_id)
            demoted = make_way(standby, self._candidates.observed(bindings, now=self._clock.now()), demote=demote)
            if standby.provider_code not in self._restorers:
                raise NotImplementedYetError("bindingId", "instances of its provider are not logged in from here")
            return demoted

        account, bindings = await self._registry.switch(tenant_id, account_id, leave)
        return account, named(bindings, binding_id)

    async def _log_in(self, lease: ClusterLease, binding: Binding) -> None:
        await renew(lease)
        outcome = await self._restorers[binding.provider_code].log_in(binding.guid)
        for _ in range(LOGIN_MS // POLL_MS):
            await renew(lease)
            if await self._gateways[binding.provider_code].client_state(binding.guid) is ClientState.ONLINE:
                return
            await self._pause(POLL_MS / 1000)
        answer = outcome.kind if outcome.error_code is None else f"{outcome.kind}, code {outcome.error_code}"
        raise NotActivatableError(f"the instance is not online {LOGIN_MS // 1000} s after its login ({answer})")
