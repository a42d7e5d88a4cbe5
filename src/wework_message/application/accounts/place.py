"""Placement of new accounts: an instance is made at the provider with the most room, then the account is registered (M-5, ADR 51)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from wework_message.application.accounts.registry import AccountRegistry
from wework_message.application.accounts.settings import AccountSettings, RequestedBinding
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.errors import UnknownNameError
from wework_message.application.policy import Policy
from wework_message.domain.account import Account, BindingState
from wework_message.domain.errors import WeworkMessageError
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.placement import (
    Host,
    NoRoom,
    OpenPlacementError,
    Placement,
    vain,
    was_not_made,
    with_most_room,
)
from wework_message.domain.ports.accounts import AccountReader, AccountWithBindings
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.instances import InstanceMaker
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock, IdGenerator
from wework_message.domain.registration import TakenError, check_new_id
from wework_message.domain.routing.breaker import Passage
from wework_message.domain.routing.provider import Provider

_log: Final = logging.getLogger(__name__)

_NOBODY: Final = BindingId("")
"""For the health of a provider alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """A new account that needs an instance."""

    account_id: AccountId
    """Required: a repeat with the same id makes no second instance."""
    settings: AccountSettings
    provider_code: ProviderCode | None = None
    """Only there."""
    again: bool = False
    """A person says that what an open placement has made, if anything, is not wanted."""


class Placed(NamedTuple):
    """A placed account."""

    entry: AccountWithBindings
    replayed: bool = False
    """It was there already, as the request wants it; nothing was made."""


@dataclass(frozen=True, slots=True)
class PlaceAccount:
    """Stores the placement, makes the instance, and registers the account with it, which ends the placement."""

    registry: AccountRegistry
    units: UnitOfWorkFactory
    reader: AccountReader
    bindings: BindingReader
    makers: Mapping[ProviderCode, InstanceMaker]
    """The providers that can make instances."""
    board: HealthBoard
    pauses: PauseBoard
    policy: Policy
    ids: IdGenerator
    clock: Clock

    async def __call__(self, tenant_id: TenantId, command: Place) -> Placed:
        """The account with its instance, which is OFFLINE until a person logs it in.

        Raises `InvalidValueError`, `UnknownNameError`, `TakenError` (another account of this id), `OpenPlacementError` (perhaps made),
        `UnplaceableError`, `FullError` and `UnavailableError`. After all of them but `OpenPlacementError` nothing is stored, unless the
        store goes away in the middle: then the placement stays open.
        """
        self._check(command)
        known = await self.reader.account(tenant_id, command.account_id)
        if known is not None and known[0].registered:
            return self._replayed(command, known)
        tried: dict[ProviderCode, NoRoom] = {}
        while True:
            placement = await self._begun(tenant_id, command, tried)
            if placement is None:
                continue
            guid, outcome = await self._made(placement)
            if guid is not None:
                return Placed(await self._registered(command, placement, guid))
            tried[placement.provider_code] = vain(outcome)
            await self._end(placement)

    def _check(self, command: Place) -> None:
        if command.provider_code is not None and command.provider_code not in self.policy.providers:
            raise UnknownNameError("providerCode", "provider")
        check_new_id(command.account_id, ())
        command.settings.applied_to(Account(command.account_id))  # raises for what no account may have

    @staticmethod
    def _replayed(command: Place, known: AccountWithBindings) -> Placed:
        """The same request again gets what it has made; any other one is refused as every second registration is."""
        account, bindings = known
        is_placed = any(command.provider_code in (None, binding.provider_code) for binding in bindings)
        if is_placed and command.settings.applied_to(account) == account:
            return Placed(known, replayed=True)
        text = f"account {command.account_id} is registered already, and not as this request wants it"
        raise TakenError("accountId", text, command.account_id)

    async def _begun(self, tenant_id: TenantId, command: Place, tried: dict[ProviderCode, NoRoom]) -> Placement | None:
        """The stored placement; None where others took the last room meanwhile, which `tried` then says."""
        hosts = self._hosts(await self.bindings.occupied())
        provider = with_most_room(hosts, only=command.provider_code, without=tried)
        placement = Placement(self.ids.placement_id(), tenant_id, command.account_id, provider.code, self.clock.now())
        async with self.units() as unit:
            stored = await unit.placements.begin(placement)
            entry = (await unit.accounts.accounts([command.account_id], latest=True)).get(command.account_id)
            if entry is not None and entry[0].registered:  # by whoever had the placement until just now
                raise TakenError("accountId", "was registered just now: ask again", command.account_id)
            if stored.tenant_id != tenant_id:
                raise TakenError("accountId", f"account {command.account_id} is registered already", command.account_id)
            if stored != placement:
                self._check_again(command, stored)
                await unit.placements.end(tenant_id, stored.account_id, stored.placement_id)
                if await unit.placements.begin(placement) != placement:  # another person gave it up at the same moment
                    raise OpenPlacementError(self._under_way(provider.code))
            await unit.commit()
        limit = provider.max_accounts
        if limit is not None and (await self.bindings.occupied()).get(provider.code, 0) > limit:
            tried[provider.code] = NoRoom.FULL
            await self._end(placement)
            return None
        return placement

    def _check_again(self, command: Place, stored: Placement) -> None:
        """Raises `OpenPlacementError` unless a person gives the open placement up, and its call has surely ended."""
        if stored.may_be_under_way(self.clock.now(), self._longest_ms(stored.provider_code)):
            raise OpenPlacementError(self._under_way(stored.provider_code))
        if not command.again:
            raise OpenPlacementError(_perhaps_made(stored.provider_code))
        _log.warning(
            "the placement of account %s at %s is given up: an instance there may be nobody's",
            stored.account_id, stored.provider_code,
        )  # fmt: skip

    def _under_way(self, provider_code: ProviderCode) -> str:
        seconds = self._longest_ms(provider_code) // 1000
        return f"an instance is being made at {provider_code} now, for up to {seconds} s: ask again later"

    def _longest_ms(self, provider_code: ProviderCode) -> int:
        known = self.policy.providers
        return max(self.policy.lease_ms(code) for code in ([provider_code] if provider_code in known else known))

    def _hosts(self, occupied: Mapping[ProviderCode, int]) -> list[Host]:
        return [self._host(provider, occupied.get(code, 0)) for code, provider in self.policy.providers.items()]

    def _host(self, provider: Provider, accounts: int) -> Host:
        health = self.board.provider(provider.code)
        shut = self.board.route(provider.code, _NOBODY, "", self.clock.now()).provider is Passage.SHUT
        return Host(
            provider,
            accounts,
            able=provider.code in self.makers,
            paused=self.pauses.shows_provider(provider.code),
            throttled=health.throttled_ms > 0,
            answering=not shut and health.healthy is not False,
        )

    async def _made(self, placement: Placement) -> tuple[Guid | None, AttemptOutcome]:
        """The guid, or an outcome that proves that there is none. Raises `OpenPlacementError` where nothing is proven."""
        outcome, guid = await self.makers[placement.provider_code].make_instance()
        if guid is not None:
            _log.info("instance %s was made at %s for account %s", guid, placement.provider_code, placement.account_id)
        elif not was_not_made(outcome):
            _log.warning(
                "an instance was perhaps made at %s for account %s: %s, reason %s, code %s",
                placement.provider_code, placement.account_id, outcome.kind, outcome.reason, outcome.error_code,
            )  # fmt: skip
            raise OpenPlacementError(_perhaps_made(placement.provider_code, outcome))
        return guid, outcome

    async def _registered(self, command: Place, placement: Placement, guid: Guid) -> AccountWithBindings:
        """Raises `OpenPlacementError`, with the guid in it, where the account cannot be stored: the instance is there."""
        state = BindingState.OFFLINE
        requested = RequestedBinding(placement.provider_code, guid, state=state)
        try:
            return await self.registry.register(placement.tenant_id, command.account_id, command.settings, [requested])
        except WeworkMessageError as error:
            text = f"instance {guid} was made at {placement.provider_code}, and the account is not stored"
            _log.warning("%s: account %s: %s", text, command.account_id, error)
            raise OpenPlacementError(f"{text} ({error}); register it with a binding to that guid") from error

    async def _end(self, placement: Placement) -> None:
        """What is proven not to have made anything leaves nothing behind."""
        async with self.units() as unit:
            await unit.placements.end(placement.tenant_id, placement.account_id, placement.placement_id)
            await unit.commit()


def _perhaps_made(provider_code: ProviderCode, outcome: AttemptOutcome | None = None) -> str:
    code = "" if outcome is None or outcome.error_code is None else f" (it answered with code {outcome.error_code})"
    return (
        f"an instance was perhaps made for this account at {provider_code}{code}: look for it among the provider's clients without"
        " an account; register the account with a binding to its guid, or set placeAgain to make another one"
    )
