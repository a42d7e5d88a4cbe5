"""The QR code with which a person logs the instance of a binding in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wework_message.application.accounts.registry import named
from wework_message.application.dispatch.candidates import Candidates
from wework_message.application.errors import (
    InstanceOnlineError,
    NotFoundError,
    NotImplementedYetError,
    ProviderRefusedError,
)
from wework_message.domain.account import Binding, SlotOccupiedError, Standby, slot_holder
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import AccountId, BindingId, ProviderCode, TenantId
from wework_message.domain.outcomes import REFUSALS, OutcomeClass
from wework_message.domain.ports.accounts import AccountReader
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.instances import InstanceMaker, LoginCode
from wework_message.domain.ports.system import Clock

_UNABLE: Final = "its provider gives no login code, or is switched off"


@dataclass(frozen=True, slots=True)
class ShowLoginCode:
    """Asks the provider. What comes of the scan is reported by callbacks, or found by a probe."""

    reader: AccountReader
    candidates: Candidates
    gateways: Mapping[ProviderCode, MessageGateway]
    makers: Mapping[ProviderCode, InstanceMaker]
    """The providers that give login codes."""
    clock: Clock

    async def __call__(
        self, tenant_id: TenantId, account_id: AccountId, binding_id: BindingId
    ) -> tuple[Binding, LoginCode]:
        """The binding and its code.

        Raises `NotFoundError`, `NotImplementedYetError`, `SlotOccupiedError` (a standby whose login would log a sibling out),
        `InstanceOnlineError`, `ProviderRefusedError` and `UnavailableError`.
        """
        entry = await self.reader.account(tenant_id, account_id)
        if entry is None:
            raise NotFoundError("account")
        binding = named(entry[1], binding_id)
        maker = self.makers.get(binding.provider_code)
        if maker is None:
            raise NotImplementedYetError("bindingId", _UNABLE)
        if binding.standby is not Standby.HOT:
            observed = self.candidates.observed(entry[1], now=self.clock.now())
            if (holder := slot_holder(binding, observed)) is not None:
                raise SlotOccupiedError(holder.binding_id)
        if await self.gateways[binding.provider_code].client_state(binding.guid) is ClientState.ONLINE:
            raise InstanceOnlineError
        code = await maker.login_code(binding.guid)
        if code.outcome.kind in REFUSALS:
            raise ProviderRefusedError(code.outcome.error_code)
        if code.outcome.kind is not OutcomeClass.ACCEPTED:
            raise UnavailableError(f"provider {binding.provider_code}", "gave no login code")
        return binding, code
