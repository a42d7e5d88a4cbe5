"""A person logs the instance of a binding in: by a QR code, and by the code that WeCom may ask for after the scan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

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
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import REFUSALS, OutcomeClass
from wework_message.domain.ports.accounts import AccountReader, AccountWithBindings
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.instances import InstanceMaker, LoginCode, LoginVerifier
from wework_message.domain.ports.system import Clock

_Able = TypeVar("_Able", InstanceMaker, LoginVerifier)

_NO_CODES: Final = "its provider gives no login code, or is switched off"
_NO_VERIFICATION: Final = "its provider takes no code of a login, or is switched off"


@dataclass(frozen=True, slots=True)
class LoginCandidates:
    """Which bindings a person may log in."""

    reader: AccountReader
    candidates: Candidates
    gateways: Mapping[ProviderCode, MessageGateway]
    clock: Clock

    async def find(
        self,
        place: tuple[TenantId, AccountId, BindingId],
        able: Mapping[ProviderCode, _Able],
        unable: str,
    ) -> tuple[AccountWithBindings, Binding, _Able]:
        """The account, the binding, and who of `able` does it at its provider; `unable` says why nobody can.

        Raises `NotFoundError`, `NotImplementedYetError`, `SlotOccupiedError` (a standby whose login would log a sibling out) and
        `InstanceOnlineError`.
        """
        tenant_id, account_id, binding_id = place
        entry = await self.reader.account(tenant_id, account_id)
        if entry is None:
            raise NotFoundError("account")
        binding = named(entry[1], binding_id)
        who = able.get(binding.provider_code)
        if who is None:
            raise NotImplementedYetError("bindingId", unable)
        if binding.standby is not Standby.HOT:
            observed = self.candidates.observed(entry[1], now=self.clock.now())
            if (holder := slot_holder(binding, observed)) is not None:
                raise SlotOccupiedError(holder.binding_id)
        if await self.gateways[binding.provider_code].client_state(binding.guid) is ClientState.ONLINE:
            raise InstanceOnlineError
        return entry, binding, who


@dataclass(frozen=True, slots=True)
class ShowLoginCode:
    """Asks the provider. What comes of the scan is reported by callbacks, or found by a probe."""

    logins: LoginCandidates
    makers: Mapping[ProviderCode, InstanceMaker]
    """The providers that give login codes."""

    async def __call__(
        self, tenant_id: TenantId, account_id: AccountId, binding_id: BindingId
    ) -> tuple[Binding, LoginCode]:
        """The binding and its code.

        Raises what `LoginCandidates.find` raises, `ProviderRefusedError` and `UnavailableError`.
        """
        _, binding, maker = await self.logins.find((tenant_id, account_id, binding_id), self.makers, _NO_CODES)
        code = await maker.login_code(binding.guid)
        _require_accepted(code.outcome, binding, "gave no login code")
        return binding, code


@dataclass(frozen=True, slots=True)
class VerifyLogin:
    """Passes on the code that WeCom asks for after the scan. It is not stored, logged, or shown in an error."""

    logins: LoginCandidates
    verifiers: Mapping[ProviderCode, LoginVerifier]
    """The providers that take it."""

    async def __call__(
        self, tenant_id: TenantId, account_id: AccountId, binding_id: BindingId, code: str
    ) -> AccountWithBindings:
        """The account; callbacks or a probe say when its instance is online.

        Raises what `LoginCandidates.find` raises, `ProviderRefusedError` (the code is wrong or too late) and `UnavailableError`
        (the code was perhaps taken; it is not passed on again).
        """
        place = (tenant_id, account_id, binding_id)
        entry, binding, verifier = await self.logins.find(place, self.verifiers, _NO_VERIFICATION)
        _require_accepted(
            await verifier.verify_login(binding.guid, code), binding, "did not say whether it took the code"
        )
        return entry


def _require_accepted(outcome: AttemptOutcome, binding: Binding, otherwise: str) -> None:
    if outcome.kind in REFUSALS:
        raise ProviderRefusedError(outcome.error_code)
    if outcome.kind is not OutcomeClass.ACCEPTED:
        raise UnavailableError(f"provider {binding.provider_code}", otherwise)
