"""Which provider gets the instance of a new account: the one with the most room (M-5, ADR 51)."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, NamedTuple

from wework_message.domain.errors import DomainError, UnavailableError
from wework_message.domain.ids import AccountId, PlacementId, ProviderCode, TenantId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import REFUSALS, OutcomeClass
from wework_message.domain.routing.provider import Provider


class NoRoom(StrEnum):
    """Why a provider gets no new account now; the names are shown to people."""

    OTHER_PROVIDER = "OTHER_PROVIDER"
    """The request names another one."""
    DISABLED = "DISABLED"
    UNABLE = "UNABLE"
    """Its protocol cannot make instances."""
    FULL = "FULL"
    """It has `max-accounts` accounts."""
    PAUSED = "PAUSED"
    """An operator paused it."""
    THROTTLED = "THROTTLED"
    """It asked for no calls, just now or at this placement."""
    NOT_ANSWERING = "NOT_ANSWERING"
    """It does not answer, or its breaker is open."""
    REFUSED = "REFUSED"
    """It refused to make the instance of this placement."""


_NEVER = frozenset({NoRoom.OTHER_PROVIDER, NoRoom.DISABLED, NoRoom.UNABLE})
"""Reasons that only another request or other settings can change."""


class Host(NamedTuple):
    """A provider as a place for accounts, and what is known of it now."""

    provider: Provider
    accounts: int
    """Accounts that have an instance there, or for which one is being made; an account with two counts twice."""
    able: bool = True
    """Whether instances can be made there."""
    paused: bool = False
    throttled: bool = False
    answering: bool = True
    """False where its last probe or call failed, or its breaker is open; True also where nothing was observed."""

    @property
    def room(self) -> float:
        """How many more accounts it takes; infinite without `max_accounts`."""
        limit = self.provider.max_accounts
        return float("inf") if limit is None else limit - self.accounts


class Placement(NamedTuple):
    """An instance is being made for an account that does not exist yet. Stored before the call, deleted with its proven end."""

    placement_id: PlacementId
    tenant_id: TenantId
    account_id: AccountId
    provider_code: ProviderCode
    started_at: int
    """Epoch ms UTC."""

    def may_be_under_way(self, now: int, longest_ms: int) -> bool:
        """Whether its call may still be open, which takes `longest_ms` at most. Clocks of two machines may differ either way."""
        return abs(now - self.started_at) < longest_ms


class UnplaceableError(DomainError):
    """No provider that is in question can make instances."""

    code: ClassVar[str] = "NO_CAPABILITY"
    path: ClassVar[str] = "place"

    def __init__(self, reasons: Mapping[ProviderCode, NoRoom]) -> None:
        """`reasons` by provider, also those of providers that were not in question."""
        self.message = f"no provider can make an instance: {_text(reasons)}"
        super().__init__(f"{self.path}: {self.message}")


class FullError(DomainError):
    """Every provider that could take the account has as many as it may have."""

    code: ClassVar[str] = "ILLEGAL_STATE"
    path: ClassVar[str] = "place"

    def __init__(self, reasons: Mapping[ProviderCode, NoRoom]) -> None:
        """`reasons` by provider."""
        self.message = f"no provider has room for another account: {_text(reasons)}"
        super().__init__(f"{self.path}: {self.message}")


class OpenPlacementError(DomainError):
    """An instance was perhaps made for this account already, and nothing proves it. Another one is made only where a person says so."""

    code: ClassVar[str] = "ILLEGAL_STATE"
    path: ClassVar[str] = "place"

    def __init__(self, message: str) -> None:
        """`message` says what is known, and what to do."""
        self.message = message
        super().__init__(f"{self.path}: {message}")


def with_most_room(
    hosts: Iterable[Host],
    *,
    only: ProviderCode | None = None,
    without: Mapping[ProviderCode, NoRoom] | None = None,
) -> Provider:
    """The provider that gets the next account.

    The most room wins; where several have no limit, the one with the fewest accounts does. Then the smaller `priority`, the larger
    `weight`, and the code decide. `only` is the one that the request names, `without` those that were tried in vain, and why.

    Raises `UnplaceableError` where none could ever take it, `FullError` where all that could are full, and `UnavailableError`
    where another moment may help; each names every provider with its reason.
    """
    tried = without or {}
    every = list(hosts)
    reasons = {host.provider.code: tried.get(host.provider.code) or _obstacle(host, only) for host in every}
    open_hosts = [host for host in every if reasons[host.provider.code] is None]
    if open_hosts:
        return min(open_hosts, key=_order).provider
    raise _refusal({code: reason for code, reason in reasons.items() if reason is not None})


def was_not_made(outcome: AttemptOutcome) -> bool:
    """Whether it is proven that a call made no instance. A code that no table knows proves nothing (D-43)."""
    unsent = outcome.kind in (OutcomeClass.NOT_SENT, OutcomeClass.THROTTLED)
    return unsent or (outcome.kind in REFUSALS and outcome.confirmed)


def vain(outcome: AttemptOutcome) -> NoRoom:
    """Why a provider does not come in question again for this placement, where `was_not_made`."""
    if outcome.kind is OutcomeClass.THROTTLED:
        return NoRoom.THROTTLED
    return NoRoom.NOT_ANSWERING if outcome.kind is OutcomeClass.NOT_SENT else NoRoom.REFUSED


def _obstacle(host: Host, only: ProviderCode | None) -> NoRoom | None:
    obstacles = (
        (only not in (None, host.provider.code), NoRoom.OTHER_PROVIDER),
        (not host.provider.enabled, NoRoom.DISABLED),
        (not host.able, NoRoom.UNABLE),
        (host.room < 1, NoRoom.FULL),
        (host.paused, NoRoom.PAUSED),
        (host.throttled, NoRoom.THROTTLED),
        (not host.answering, NoRoom.NOT_ANSWERING),
    )
    return next((reason for holds, reason in obstacles if holds), None)


def _order(host: Host) -> tuple[float, int, int, int, str]:
    unlimited_load = host.accounts if host.provider.max_accounts is None else 0
    return (-host.room, unlimited_load, host.provider.priority, -host.provider.weight, host.provider.code)


def _refusal(reasons: Mapping[ProviderCode, NoRoom]) -> DomainError | UnavailableError:
    able: Sequence[NoRoom] = [reason for reason in reasons.values() if reason not in _NEVER]
    if not able:
        return UnplaceableError(reasons)
    if all(reason is NoRoom.FULL for reason in able):
        return FullError(reasons)
    return UnavailableError("place", f"no provider takes another account now: {_text(reasons)}")


def _text(reasons: Mapping[ProviderCode, NoRoom]) -> str:
    return ", ".join(f"{code} {reason}" for code, reason in reasons.items()) or "none is configured"
