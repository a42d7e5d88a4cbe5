"""Accounts and bindings as people manage them: register, change, bind, unbind (D-19, ADR 44)."""

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from wework_message.application.accounts.directory import AccountDirectory
from wework_message.application.accounts.settings import AccountSettings, BindingSettings, RequestedBinding
from wework_message.application.commit.scope import BeforeCommit, CommitScope
from wework_message.application.dispatch.routing import Router
from wework_message.application.errors import NotFoundError, UnknownNameError
from wework_message.application.guid_owners import holders
from wework_message.application.policy import Policy
from wework_message.application.tries import tried
from wework_message.domain.access.ownership import uses_unregistered
from wework_message.domain.account import Account, Binding
from wework_message.domain.errors import ConflictError, TryAgainError, UnavailableError
from wework_message.domain.ids import AccountId, BindingId, ProviderCode, TenantId
from wework_message.domain.ports.accounts import AccountWithBindings
from wework_message.domain.ports.notifier import Notifier
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.system import Clock, IdGenerator
from wework_message.domain.presence import PresenceCause
from wework_message.domain.registration import (
    TakenError,
    changed,
    check_binding,
    check_bindings,
    check_free,
    check_new_id,
    check_room,
    named_after,
    rebound,
    unbound,
)

_log: Final = logging.getLogger(__name__)

TRIES: Final = 3
"""How often a change is made where another process is faster: each try reads what the other one did."""


MAX_LOOKED_AT: Final = 1_000
"""Messages that one transaction lets be decided on anew where limits change."""


@dataclass(frozen=True, slots=True)
class AccountRegistry:
    """The use cases. Each answers the account as it is stored then; all but `register` raise `NotFoundError`.

    All raise `InvalidValueError`, `UnknownNameError`, `TakenError`, `StaleVersionError`, `ConflictError` (another process
    was faster, three times) and `UnavailableError`; then nothing was changed.
    """

    units: UnitOfWorkFactory
    directory: AccountDirectory
    router: Router
    policy: Policy
    ids: IdGenerator
    clock: Clock
    configure: Callable[[Sequence[Binding]], None]
    """Sets instances up that were bound, without waiting for them."""
    notifier: Notifier
    record: BeforeCommit
    """Records what clients are told."""

    async def register(
        self,
        tenant_id: TenantId,
        account_id: AccountId | None,
        settings: AccountSettings,
        bindings: Sequence[RequestedBinding],
    ) -> AccountWithBindings:
        """A new account, or in the place of the implicit one of this id, with its messages.

        Without an id it is named after its first guid, so that what was sent under that guid before is its history; a tenant that
        may not send by guids that nobody has registered gets a new id.
        """
        for place, requested in enumerate(bindings):
            self._check_provider(requested.provider_code, f"bindings[{place}].providerCode")
        new_bindings = [requested.of(account_id or AccountId("")) for requested in bindings]
        check_bindings(new_bindings)
        if account_id is not None:
            check_new_id(account_id, new_bindings if uses_unregistered(tenant_id) else ())
        # Under a guid that nobody has registered only such a tenant can have sent.
        named = named_after(new_bindings) if uses_unregistered(tenant_id) else None
        new_id = account_id or named or self.ids.account_id()

        async def work(scope: CommitScope) -> AccountId:
            unit = scope.unit
            await unit.accounts.lock(new_id)
            entry = (await unit.accounts.accounts([new_id], latest=True)).get(new_id)
            stored = entry[0] if entry is not None else Account(new_id, tenant_id, registered=False)
            if stored.registered or stored.tenant_id != tenant_id:
                text = f"account {new_id} is registered already"
                if account_id is None:  # no client has sent this id: it is named after the guid
                    raise TakenError("bindings[0].guid", f"{text} for this guid; bind it to that account", new_id)
                raise TakenError("accountId", text, new_id)
            own = [
                await _bindable(
                    unit, dataclasses.replace(binding, account_id=new_id), tenant_id, prefix=f"bindings[{place}]."
                )
                for place, binding in enumerate(new_bindings)
            ]
            account = changed(stored, expected_version=None, now=self.clock.now())
            await self._save(scope, settings.applied_to(account), own)
            await unit.placements.end(tenant_id, new_id)  # it has what was made for it, or a person knows better
            return new_id

        account, bound = await self._change(work)
        self.configure(bound)
        return account, bound

    async def change(
        self, tenant_id: TenantId, account_id: AccountId, settings: AccountSettings, *, version: int | None = None
    ) -> AccountWithBindings:
        """Replace the settings; `version` is the one that the client has read, None = any. An implicit account is registered."""
        rechecked = 0

        async def work(scope: CommitScope) -> AccountId:
            nonlocal rechecked
            account, _ = await self._stored(scope.unit, tenant_id, account_id, version)
            await self._save(scope, settings.applied_to(account))
            if settings.limits != account.limits:
                rechecked = await scope.unit.due_times.recheck_limited(account_id, MAX_LOOKED_AT)
            return account_id

        changed_account = await self._change(work)
        if rechecked:
            await self._recheck_others(account_id, rechecked)
        return changed_account

    async def _recheck_others(self, account_id: AccountId, rechecked: int) -> None:
        """More messages that the old limits keep waiting. The change is stored: what fails here is no error of the request."""
        try:
            while rechecked == MAX_LOOKED_AT:
                async with self.units() as unit:
                    rechecked = await unit.due_times.recheck_limited(account_id, MAX_LOOKED_AT)
                    await unit.commit()
        except (UnavailableError, ConflictError) as error:
            _log.warning("some messages of account %s wait for its old limits: %s", account_id, error)
        await self.notifier.notify(())

    async def bind(
        self, tenant_id: TenantId, account_id: AccountId, requested: RequestedBinding
    ) -> AccountWithBindings:
        """One more binding. An implicit account is registered."""
        self._check_provider(requested.provider_code, "providerCode")
        new_binding = requested.of(account_id)
        check_binding(new_binding)

        async def work(scope: CommitScope) -> AccountId:
            account, bindings = await self._whole(scope.unit, tenant_id, account_id)
            check_room(new_binding, bindings)
            await self._save(scope, account, [await _bindable(scope.unit, new_binding, tenant_id)])
            return account_id

        stored, bindings = await self._change(work)
        self.configure([binding for binding in bindings if binding.binding_id == new_binding.binding_id])
        return stored, bindings

    async def change_binding(
        self, tenant_id: TenantId, account_id: AccountId, binding_id: BindingId, settings: BindingSettings
    ) -> AccountWithBindings:
        """Replace the settings of a binding; its provider and guid never change."""

        async def work(scope: CommitScope) -> AccountId:
            account, bindings = await self._whole(scope.unit, tenant_id, account_id)
            known = named(bindings, binding_id)
            new_binding = settings.applied_to(known)
            check_binding(new_binding)
            await self._save(scope, account, [rebound(new_binding, known)])
            return account_id

        return await self._change(work)

    async def unbind(self, tenant_id: TenantId, account_id: AccountId, binding_id: BindingId) -> AccountWithBindings:
        """Remove a binding. Calls that are open settle, and their echoes are found."""

        async def work(scope: CommitScope) -> AccountId:
            account, bindings = await self._whole(scope.unit, tenant_id, account_id)
            await self._save(scope, account, [unbound(named(bindings, binding_id))])
            return account_id

        return await self._change(work)

    async def switch(
        self,
        tenant_id: TenantId,
        account_id: AccountId,
        decide: Callable[[Sequence[Binding]], Sequence[Binding]],
    ) -> AccountWithBindings:
        """Store what `decide` makes of the account's bindings, each with its next epoch. What it raises is raised here."""

        async def work(scope: CommitScope) -> AccountId:
            account, bindings = await self._whole(scope.unit, tenant_id, account_id)
            if switched := decide(bindings):
                await scope.save_account(account, switched, cause=PresenceCause.STANDBY, at=self.clock.now())
            return account_id

        return await self._change(work)

    async def _stored(
        self, unit: UnitOfWork, tenant_id: TenantId, account_id: AccountId, version: int | None = None
    ) -> AccountWithBindings:
        """The account with its next version, and its bindings; until the end nobody else changes them."""
        await unit.accounts.lock(account_id)
        entry = (await unit.accounts.accounts([account_id], latest=True)).get(account_id)
        if entry is None or entry[0].tenant_id != tenant_id:
            raise NotFoundError("account")
        return changed(entry[0], expected_version=version, now=self.clock.now()), entry[1]

    async def _whole(self, unit: UnitOfWork, tenant_id: TenantId, account_id: AccountId) -> AccountWithBindings:
        """The same for a change of its bindings; raises `UnavailableError` where it would be stored without its limits."""
        account, bindings = await self._stored(unit, tenant_id, account_id)
        if not account.limits_known:
            raise UnavailableError("time zones", "the limits of the account cannot be read here")
        return account, bindings

    async def _save(self, scope: CommitScope, account: Account, bindings: Sequence[Binding] = ()) -> None:
        await scope.save_account(account, bindings, cause=PresenceCause.REQUEST, at=self.clock.now())

    async def _change(self, work: Callable[[CommitScope], Awaitable[AccountId]]) -> AccountWithBindings:
        return await tried(TRIES, partial(self._change_once, work), ConflictError, TryAgainError)

    async def _change_once(self, work: Callable[[CommitScope], Awaitable[AccountId]]) -> AccountWithBindings:
        """Not part of a group commit: what the store refuses here must not make others try again."""
        try:
            async with self.units() as unit:
                scope = CommitScope(unit)
                account_id = await work(scope)
                entry = (await unit.accounts.accounts([account_id]))[account_id]
                await self.record(scope)
                await unit.commit()
        finally:
            self.directory.expire()  # also where the answer of the commit was lost
        self.router.changed(account_id, entry[1])
        return entry

    def _check_provider(self, provider_code: ProviderCode, path: str) -> None:
        if provider_code not in self.policy.providers:
            raise UnknownNameError(path, "provider")


async def _bindable(unit: UnitOfWork, new_binding: Binding, tenant_id: TenantId, *, prefix: str = "") -> Binding:
    """The binding as it is to be stored; raises `TakenError` where another account has its guid at its provider.

    Also where another tenant has, or had, its guid anywhere: what was sent and received there stays its own.
    """
    stored = await unit.accounts.binding_of(new_binding.guid, latest=True)
    for holder in await holders(unit.accounts, new_binding.guid):
        if holder.tenant_id != tenant_id:
            raise TakenError(f"{prefix}guid", "is bound to another account", holder.account_id)
    check_free(new_binding.account_id, new_binding, stored, prefix=prefix)
    known = next((binding for binding in stored if binding.provider_code == new_binding.provider_code), None)
    return rebound(new_binding, known)


def named(bindings: Sequence[Binding], binding_id: BindingId) -> Binding:
    """The one of this id; raises `NotFoundError`."""
    for binding in bindings:
        if binding.binding_id == binding_id:
            return binding
    raise NotFoundError("binding")
