"""Which binding sends a message (M-6, D-19, D-21 and D-54).

Pure: candidates carry their health, random numbers arrive as arguments. Every decision explains itself: it names each
candidate with its score or the reason of its exclusion.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wework_message.domain.account import Binding
from wework_message.domain.message.decision import Considered, Decision
from wework_message.domain.routing.filters import (
    UNOBSERVED,
    Candidate,
    Exclusion,
    RouteHealth,
    RouteRequest,
    excluded,
    is_stranded,
)
from wework_message.domain.routing.provider import Provider
from wework_message.domain.routing.scoring import score

__all__ = (
    "DEGRADED_SHARE",
    "HYSTERESIS",
    "UNOBSERVED",
    "Candidate",
    "Choice",
    "Exclusion",
    "ProviderSelector",
    "Refusal",
    "RefusalKind",
    "RouteHealth",
    "RouteRequest",
)

HYSTERESIS: Final = 0.15
"""A conversation stays with its last binding unless another one's score is better by more than this."""

DEGRADED_SHARE: Final = 0.1
"""How much of its traffic a degraded binding keeps while a sibling takes the rest: an echo of it ends the suspicion."""


class RefusalKind(StrEnum):
    """Why no binding can take a message, from the most to the least final (M-6.2)."""

    NO_BINDING = "NO_BINDING"
    """Fails: there is no binding that may send it. Holds where the account has none at all for the moment (ADR 44)."""
    NO_CAPABILITY = "NO_CAPABILITY"
    """Fails: none of the bindings can ever send it."""
    ALL_OFFLINE = "ALL_OFFLINE"
    """Holds: nothing is sent to a binding that is known to be offline."""
    STANDBY_ONLY = "STANDBY_ONLY"
    """Holds: the account is online, but only a standby could carry this message, and no message activates that."""
    PAUSED = "PAUSED"
    """Holds: what could send it belongs to a provider that an operator paused."""
    BREAKERS_OPEN = "BREAKERS_OPEN"
    """Holds: only breakers are in the way."""
    THROTTLED = "THROTTLED"
    """Holds until the provider accepts calls again."""
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    """Holds until the account is switched on."""


_RANK: Final = {kind: rank for rank, kind in enumerate(RefusalKind)}

_KINDS: Final = {
    Exclusion.ACCOUNT_DISABLED: RefusalKind.ACCOUNT_DISABLED,
    Exclusion.TYPE_NOT_SUPPORTED: RefusalKind.NO_CAPABILITY,
    Exclusion.TOO_LARGE: RefusalKind.NO_CAPABILITY,
    Exclusion.NO_UPLOADS: RefusalKind.NO_CAPABILITY,
    Exclusion.REFUSED: RefusalKind.NO_CAPABILITY,
    Exclusion.PAUSED: RefusalKind.PAUSED,
    Exclusion.STANDBY: RefusalKind.ALL_OFFLINE,
    Exclusion.OFFLINE: RefusalKind.ALL_OFFLINE,
    Exclusion.SUSPECT: RefusalKind.ALL_OFFLINE,
    Exclusion.OLD_EPOCH: RefusalKind.ALL_OFFLINE,
    Exclusion.PROVIDER_BREAKER: RefusalKind.BREAKERS_OPEN,
    Exclusion.BINDING_BREAKER: RefusalKind.BREAKERS_OPEN,
    Exclusion.TYPE_BREAKER: RefusalKind.BREAKERS_OPEN,
    Exclusion.THROTTLED: RefusalKind.THROTTLED,
}
"""The refusal that follows from the exclusion of the candidate that got furthest; others mean NO_BINDING."""


_PASSING: Final = frozenset({RefusalKind.ALL_OFFLINE, RefusalKind.PAUSED, RefusalKind.BREAKERS_OPEN})
"""Refusals that may end at any time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The binding that sends a message."""

    binding: Binding
    provider: Provider
    decision: Decision
    trial: bool = False
    """It is the trial of a breaker: admit it there before the call starts (D-21)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """No binding can take a message, now or ever."""

    kind: RefusalKind
    decision: Decision
    retry_in_ms: int | None = None
    """For THROTTLED: the shortest wait that a provider asked for."""
    sibling_may_return: bool = False
    """For THROTTLED: another candidate is only offline, paused or behind a breaker, and may take it before."""


@dataclass(frozen=True, slots=True)
class ProviderSelector:
    """Filters, then tiers by priority, then scores; never a binding of another account, never one that is known to be offline."""

    hysteresis: float = HYSTERESIS

    def choose(self, request: RouteRequest, candidates: Sequence[Candidate]) -> Choice | Refusal:
        """Pick one of the account's `candidates`. Their order breaks ties."""
        if len(candidates) == 1:
            return self._only(request, candidates[0])
        out: dict[int, Exclusion] = {}
        for place, candidate in enumerate(candidates):
            if (exclusion := excluded(request, candidate)) is not None:
                out[place] = exclusion
        able = [place for place in range(len(candidates)) if place not in out]
        if not able:
            return _refuse(request, candidates, out)
        able = _drop(able, out, Exclusion.TURNED_AWAY, _tried_more(request, candidates, able))
        able = _drop(able, out, Exclusion.SPENT, (p for p in able if candidates[p].provider.code in request.spent))
        able = _drop(able, out, Exclusion.DEGRADED, (p for p in able if _stands_back(request, candidates[p])))
        able = _drop(able, out, Exclusion.OVER_BUDGET, (p for p in able if _is_over_budget(request, candidates[p])))
        able = _drop(able, out, Exclusion.RECOVERING, (p for p in able if _recovers(request, candidates[p])))
        tier = min(candidates[place].tier for place in able)
        able = _drop(able, out, Exclusion.LOWER_TIER, (p for p in able if candidates[p].tier != tier))
        scores = _scores(request, candidates, able)
        chosen, reason = self._pick(request, candidates, scores)
        winner = candidates[chosen]
        decision = Decision(_explain(candidates, scores, out), winner.binding.binding_id, reason)
        return Choice(winner.binding, winner.provider, decision, winner.health.trial)

    @staticmethod
    def _only(request: RouteRequest, candidate: Candidate) -> Choice | Refusal:
        """The common case: a single candidate."""
        exclusion = excluded(request, candidate)
        if exclusion is not None:
            return _refuse(request, (candidate,), {0: exclusion})
        binding = candidate.binding
        considered = Considered(
            binding.binding_id,
            binding.guid,
            binding.provider_code,
            _score(request, candidate, candidate.health.latency_ms),
        )
        decision = Decision((considered,), binding.binding_id, "ONLY_CANDIDATE")
        return Choice(binding, candidate.provider, decision, candidate.health.trial)

    def _pick(
        self, request: RouteRequest, candidates: Sequence[Candidate], scores: Mapping[int, float]
    ) -> tuple[int, str]:
        """One of the places that have a score, and why."""
        places = list(scores)
        if len(places) == 1:
            return places[0], "ONLY_CANDIDATE"
        for place in places:
            if candidates[place].health.trial:
                return place, "TRIAL"  # a recovering one comes back only by trials, one message at a time
        best = max(places, key=lambda place: scores[place])
        for place in places:
            if candidates[place].binding.binding_id == request.last_binding:
                stays = scores[best] - scores[place] <= self.hysteresis
                return (place, "STICKY") if stays else (best, "BEST_SCORE")
        if request.random_source is not None:
            weights = [scores[place] * candidates[place].weight for place in places]
            first, second = (places[draw(weights, chance)] for chance in request.random_source[:2])
            best = second if scores[second] > scores[first] else first
        return best, "BEST_SCORE"


def _drop(able: list[int], out: dict[int, Exclusion], exclusion: Exclusion, places: Iterable[int]) -> list[int]:
    """Exclude `places`, unless no candidate would remain."""
    dropped = set(places)
    if not dropped or len(dropped) == len(able):
        return able
    out.update(dict.fromkeys(dropped, exclusion))
    return [place for place in able if place not in dropped]


def _tried_more(request: RouteRequest, candidates: Sequence[Candidate], places: Sequence[int]) -> Iterable[int]:
    """Of these places those that were tried more often than the least tried one."""
    if not request.tries:
        return ()
    tries = {place: request.tries.get(candidates[place].binding.binding_id, 0) for place in places}
    least = min(tries.values())
    return [place for place in places if tries[place] > least]


def _recovers(request: RouteRequest, candidate: Candidate) -> bool:
    health = candidate.health
    return request.random_source is not None and not health.trial and request.random_source[2] >= health.share


def _is_over_budget(request: RouteRequest, candidate: Candidate) -> bool:
    return candidate.health.room <= 0 and candidate.provider.code != request.paced_for


def _stands_back(request: RouteRequest, candidate: Candidate) -> bool:
    degraded = candidate.health.degraded and not candidate.health.trial
    return degraded and request.random_source is not None and request.random_source[2] >= DEGRADED_SHARE


def _score(request: RouteRequest, candidate: Candidate, best_latency_ms: float | None) -> float:
    health = candidate.health
    affine = candidate.binding.binding_id == request.last_binding
    return score(health.quality, health.latency_ms, best_latency_ms, health.room, affine=affine)


def _scores(request: RouteRequest, candidates: Sequence[Candidate], places: Iterable[int]) -> dict[int, float]:
    scored = list(places)
    latencies = [value for place in scored if (value := candidates[place].health.latency_ms) is not None]
    best = min(latencies, default=None)
    return {place: _score(request, candidates[place], best) for place in scored}


def draw(weights: Sequence[float], chance: float) -> int:
    """The index that `chance` in [0, 1) falls on, each as wide as its weight."""
    point = chance * sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return len(weights) - 1


def _explain(
    candidates: Sequence[Candidate], scores: Mapping[int, float], out: Mapping[int, Exclusion]
) -> tuple[Considered, ...]:
    return tuple(
        Considered(
            candidate.binding.binding_id,
            candidate.binding.guid,
            candidate.provider.code,
            scores.get(place),
            out.get(place),
        )
        for place, candidate in enumerate(candidates)
    )


def _refuse(request: RouteRequest, candidates: Sequence[Candidate], out: Mapping[int, Exclusion]) -> Refusal:
    """The candidate that got furthest decides: the least final refusal holds for the account."""
    kinds = {place: _KINDS.get(exclusion, RefusalKind.NO_BINDING) for place, exclusion in out.items()}
    none = RefusalKind.NO_BINDING if request.account_enabled else RefusalKind.ACCOUNT_DISABLED
    kind = max(kinds.values(), key=_RANK.__getitem__, default=none)
    if kind is RefusalKind.ALL_OFFLINE and _needs_a_standby(candidates, out, kinds):
        kind = RefusalKind.STANDBY_ONLY
    decision = Decision(_explain(candidates, {}, out), None, kind.value)
    if kind is RefusalKind.THROTTLED:
        waits = (candidates[place].health.throttled_ms for place in kinds if kinds[place] is kind)
        return Refusal(kind, decision, min(waits), sibling_may_return=not _PASSING.isdisjoint(kinds.values()))
    return Refusal(kind, decision)


def _needs_a_standby(
    candidates: Sequence[Candidate], out: Mapping[int, Exclusion], kinds: Mapping[int, RefusalKind]
) -> bool:
    """Whether of those that could carry it none is anything but a standby, while another HOT binding of the account works."""
    away = {out[place] for place, kind in kinds.items() if kind is RefusalKind.ALL_OFFLINE}
    return away == {Exclusion.STANDBY} and not is_stranded(candidates)
