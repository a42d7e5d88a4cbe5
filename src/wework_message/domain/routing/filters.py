"""Requests for a route, candidates, and the filters that exclude candidates (M-6.1).

The filters only read; `selector` chooses among the remaining candidates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from wework_message.domain.account import Binding, BindingState, Standby
from wework_message.domain.ids import BindingId, ProviderCode
from wework_message.domain.routing.breaker import Passage
from wework_message.domain.routing.provider import Lack, Provider


class RouteHealth(NamedTuple):
    """The observed health of one candidate now. The default is that of a candidate without any observation."""

    state: BindingState = BindingState.UNKNOWN
    """As last observed; UNKNOWN = only the stored state counts."""
    suspect: bool = False
    """It answered with a code that no table knows and no probe has said ONLINE since (D-43)."""
    provider: Passage = Passage.FREE
    """The answer of the provider's breaker ..."""
    binding: Passage = Passage.FREE
    """... the binding's ..."""
    type: Passage = Passage.FREE
    """... and the one of (provider, message type)."""
    share: float = 1.0
    """How much of its traffic it should get while its weight returns after a recovery, 0-1."""
    throttled_ms: int = 0
    """How long its provider still asks for no calls; 0 = not throttled."""
    quality: float = 0.75
    """Q, 0-1 (`CallStats.quality`)."""
    latency_ms: float | None = None
    """L (`CallStats.latency_ms`); None = not known."""
    room: float = 1.0
    """Least part that is left of its provider's budgets, 0-1; 0 = a message would wait there."""
    degraded: bool = False
    """It accepts sends and shows none of them again (M-6.5)."""

    @property
    def trial(self) -> bool:
        """Whether a message that goes there is the trial of a breaker; at most one at a time."""
        return Passage.TRIAL in (self.provider, self.binding, self.type)


UNOBSERVED: Final = RouteHealth()


class Candidate(NamedTuple):
    """A binding of the account, with its provider and what is known of both."""

    binding: Binding
    provider: Provider
    health: RouteHealth = UNOBSERVED
    fenced: bool = False
    """It was changed since the account was read (M-5)."""
    paused: bool = False
    """An operator paused its provider."""

    @property
    def tier(self) -> tuple[int, int]:
        """The account's own order first, then the providers'; smaller wins (D-54)."""
        return (self.binding.priority, self.provider.priority)

    @property
    def weight(self) -> int:
        """Its share among equals."""
        return self.binding.weight * self.provider.weight


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """A message that needs a binding."""

    message_type: str
    account_enabled: bool = True
    """False: the account is switched off, and nothing of it is sent."""
    size: int | None = None
    """Body in bytes, where it has one and it is known."""
    needs_upload: bool = False
    """It names files that its provider does not have yet, or not by a handle of the client."""
    provider_code: ProviderCode | None = None
    """Only bindings at this provider (the request's `providerCode`)."""
    pin: BindingId | None = None
    """Only this binding, never a sibling (`pin: binding`)."""
    last_binding: BindingId | None = None
    """The binding that sent the conversation's last message, as far as it is known."""
    refused: frozenset[BindingId] = frozenset()
    """Bindings that said they can never send this message (REFUSED_CAPABILITY)."""
    tries: Mapping[BindingId, int] | None = None
    """How often each binding was tried in vain: those that were tried least go first (D-14). None = no call was made."""
    paced_for: ProviderCode | None = None
    """The provider in whose budgets it has its place already, if any."""
    spent: frozenset[ProviderCode] = frozenset()
    """Providers whose quick tries for this message are used up (D-47): used only if no other candidate is left."""
    random_source: tuple[float, float, float] | None = None
    """Three numbers in [0, 1): two weighted draws, and one against `RouteHealth.share` and `DEGRADED_SHARE`. None = nothing random."""


class Exclusion(StrEnum):
    """Why a candidate does not get the message; the names are shown to people (W-5)."""

    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    PINNED_ELSEWHERE = "PINNED_ELSEWHERE"
    OTHER_PROVIDER = "OTHER_PROVIDER"
    DISABLED = "DISABLED"
    TYPE_NOT_SUPPORTED = Lack.TYPE.value
    TOO_LARGE = Lack.SIZE.value
    NO_UPLOADS = Lack.UPLOADS.value
    REFUSED = "REFUSED"
    PAUSED = "PAUSED"
    """An operator paused its provider."""
    STANDBY = "STANDBY"
    OFFLINE = "OFFLINE"
    SUSPECT = "SUSPECT"
    PROVIDER_BREAKER = "PROVIDER_BREAKER"
    BINDING_BREAKER = "BINDING_BREAKER"
    TYPE_BREAKER = "TYPE_BREAKER"
    OLD_EPOCH = "OLD_EPOCH"
    THROTTLED = "THROTTLED"
    TURNED_AWAY = "TURNED_AWAY"
    """It was tried in vain more often than another candidate."""
    SPENT = "SPENT"
    """Its quick tries are used up and another provider is left."""
    OVER_BUDGET = "OVER_BUDGET"
    """Its provider's budget is used up, and another candidate is left."""
    RECOVERING = "RECOVERING"
    """Its weight returns in steps and another candidate is left."""
    DEGRADED = "DEGRADED"
    """Nothing that was sent there is seen again, and another candidate is left."""
    LOWER_TIER = "LOWER_TIER"


def excluded(request: RouteRequest, candidate: Candidate) -> Exclusion | None:
    """The first filter that drops the candidate, in the order of M-6.1; None = it may take the message."""
    return _unbound(request, candidate) or _unable(request, candidate) or _unready(candidate)


def may_ever_take(request: RouteRequest, candidate: Candidate) -> bool:
    """Whether it could take the message without a change of settings: it may be away now, or its account switched off."""
    return _elsewhere(request, candidate) is None and _unable(request, candidate) is None


def _unbound(request: RouteRequest, candidate: Candidate) -> Exclusion | None:
    return _elsewhere(request, candidate) if request.account_enabled else Exclusion.ACCOUNT_DISABLED


def _elsewhere(request: RouteRequest, candidate: Candidate) -> Exclusion | None:
    binding, provider = candidate.binding, candidate.provider
    if request.pin is not None and binding.binding_id != request.pin:
        return Exclusion.PINNED_ELSEWHERE
    if request.provider_code is not None and provider.code != request.provider_code:
        return Exclusion.OTHER_PROVIDER
    return None if binding.enabled and provider.enabled else Exclusion.DISABLED


def _unable(request: RouteRequest, candidate: Candidate) -> Exclusion | None:
    lack = candidate.provider.capabilities.missing(
        request.message_type, request.size, needs_upload=request.needs_upload
    )
    if lack is not None:
        return Exclusion(lack.value)
    return Exclusion.REFUSED if candidate.binding.binding_id in request.refused else None


class BindingHealth(NamedTuple):
    """The health of one binding, for operators."""

    state: BindingState
    healthy: bool | None
    """Whether it takes messages as far as is known; None until something was observed."""


def known_state(binding: Binding, health: RouteHealth) -> BindingState:
    """What was observed counts more than what is stored."""
    return binding.state if health.state is BindingState.UNKNOWN else health.state


def binding_health(binding: Binding, health: RouteHealth) -> BindingHealth:
    """What was observed counts more than what is stored; of breakers the binding's own counts."""
    state = known_state(binding, health)
    if state is BindingState.OFFLINE or health.suspect or health.binding is Passage.SHUT:
        return BindingHealth(state, False)
    return BindingHealth(state, True if state is BindingState.ONLINE else None)


def is_gone(candidate: Candidate) -> bool:
    """Whether it is no use to wait for this binding: switched off, offline, or its instance or provider does not answer."""
    health = candidate.health
    return (
        not (candidate.binding.enabled and candidate.provider.enabled)
        or known_state(candidate.binding, health) is BindingState.OFFLINE
        or Passage.SHUT in (health.provider, health.binding)
    )


def is_stranded(candidates: Iterable[Candidate]) -> bool:
    """Whether none of an account's HOT bindings is left; then a standby is needed."""
    return all(is_gone(candidate) for candidate in candidates if candidate.binding.standby is Standby.HOT)


def _unready(candidate: Candidate) -> Exclusion | None:
    health = candidate.health
    if candidate.paused:
        return Exclusion.PAUSED
    if candidate.binding.standby is not Standby.HOT:
        return Exclusion.STANDBY
    if known_state(candidate.binding, health) is BindingState.OFFLINE:
        return Exclusion.OFFLINE
    if health.suspect:
        return Exclusion.SUSPECT
    return _shut(health) or _held_up(candidate)


def _shut(health: RouteHealth) -> Exclusion | None:
    if health.provider is Passage.SHUT:
        return Exclusion.PROVIDER_BREAKER
    if health.binding is Passage.SHUT:
        return Exclusion.BINDING_BREAKER
    return Exclusion.TYPE_BREAKER if health.type is Passage.SHUT else None


def _held_up(candidate: Candidate) -> Exclusion | None:
    if candidate.fenced:
        return Exclusion.OLD_EPOCH
    return Exclusion.THROTTLED if candidate.health.throttled_ms > 0 else None
