"""Questions about a provider's instances, and read marks: what clients ask for themselves."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.accounts.directory import AccountDirectory, owner_of
from wework_message.application.errors import NotFoundError, NotImplementedYetError, UnknownNameError
from wework_message.application.policy import Policy
from wework_message.domain.account import Account, Binding
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import AccountId, Guid, ProviderCode, TenantId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.instances import InstanceAdmin
from wework_message.domain.ports.repositories import UnitOfWorkFactory

_GUID: Final = re.compile(r"[!-~]{1,128}")
_UNANSWERED: Final = frozenset({OutcomeClass.NOT_SENT, OutcomeClass.UNCERTAIN, OutcomeClass.THROTTLED})


@dataclass(frozen=True, slots=True)
class Clients:
    """Read-only calls to a provider on behalf of a client."""

    policy: Policy
    gateways: Mapping[ProviderCode, MessageGateway]
    admins: Mapping[ProviderCode, InstanceAdmin]
    directory: AccountDirectory

    async def list(self, code: str, *, without_account: bool = False) -> Sequence[Guid]:
        """All guids at this provider, or those that no registered account has there.

        Raises `NotFoundError`, `NotImplementedYetError`, `UnavailableError`.
        """
        provider_code = self._enabled(code)
        admin = self.admins.get(provider_code)
        if admin is None:
            protocol = self.policy.providers[provider_code].protocol
            raise NotImplementedYetError("clients", f"the protocol {protocol} cannot list its instances")
        guids = await admin.instances()
        if guids is None:
            raise UnavailableError(f"provider {provider_code}", "gave no list of its instances")
        if not without_account:
            return guids
        bound = (await self.directory.read()).guids
        return [guid for guid in guids if provider_code not in bound.get(guid, ())]

    async def state(self, code: str, guid: str) -> ClientState:
        """Whether the instance is online, as the provider says now. Raises `NotFoundError`, `NotImplementedYetError`."""
        gateway = self.gateways[self._enabled(code)]
        if _GUID.fullmatch(guid) is None:
            raise NotFoundError("client")
        return await gateway.client_state(Guid(guid))

    def _enabled(self, code: str) -> ProviderCode:
        provider_code = ProviderCode(code)
        if provider_code not in self.policy.providers:
            raise NotFoundError("provider")
        if provider_code not in self.gateways:
            raise NotImplementedYetError("clients", "the provider is disabled, so nothing is asked there")
        return provider_code


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Mark a conversation as read in an account."""

    tenant_id: TenantId
    conversation_id: str
    """As its provider spells it."""
    guid: Guid | None = None
    account_id: AccountId | None = None
    """One of the two names the account."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What the provider said."""

    binding: Binding
    outcome: AttemptOutcome


@dataclass(frozen=True, slots=True)
class MarkReadHandler:
    """Through the first usable binding whose provider may be asked for it (`mark-read`)."""

    policy: Policy
    units: UnitOfWorkFactory
    admins: Mapping[ProviderCode, InstanceAdmin]

    async def __call__(self, command: MarkRead) -> Marked:
        """Marks once; a repetition does no harm. Raises `UnknownNameError`, `NotImplementedYetError`, `UnavailableError`."""
        bindings = [binding for binding in await self._bindings(command) if binding.enabled]
        able = [binding for binding in bindings if self._may_mark(binding.provider_code)]
        if not able:
            text = "no provider of the account may be asked to mark conversations as read (mark-read)"
            raise NotImplementedYetError("conversationId", text)
        binding = min(able, key=lambda binding: (binding.guid != command.guid, binding.priority))
        outcome = await self.admins[binding.provider_code].mark_read(binding.guid, command.conversation_id)
        if outcome.kind in _UNANSWERED:
            raise UnavailableError(f"provider {binding.provider_code}")
        return Marked(binding, outcome)

    def _may_mark(self, provider_code: ProviderCode) -> bool:
        instances = self.policy.instances.get(provider_code)
        return instances is not None and instances.mark_read and provider_code in self.admins

    async def _bindings(self, command: MarkRead) -> Sequence[Binding]:
        """Of the named account; raises `UnknownNameError` where there is none that is enabled."""
        async with self.units() as unit:
            account_id = command.account_id
            if command.guid is not None:
                stored_bindings = await unit.accounts.binding_of(command.guid)
                bound = {
                    binding.provider_code: binding.account_id for binding in stored_bindings if not binding.removed
                }
                default = self.policy.default_code
                account_id = owner_of(bound, requested=None, default=default) if bound else None
            stored = {} if account_id is None else await unit.accounts.accounts([account_id])
        account, bindings = stored.get(account_id or AccountId(""), (None, ()))
        if not _usable(account, command.tenant_id):
            raise UnknownNameError("guid" if command.guid is not None else "accountId", "account")
        return bindings


def _usable(account: Account | None, tenant_id: TenantId) -> bool:
    return account is not None and account.enabled and account.tenant_id == tenant_id
