"""When a standby binding takes over, and which one (M-5)."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from wework_message.domain.account import Binding, Standby
from wework_message.domain.routing.breaker import Passage
from wework_message.domain.routing.filters import Candidate


class StandbyEvent(StrEnum):
    """What came of an account that had no binding left to send through; the names are in logs and metrics."""

    ACTIVATED = "ACTIVATED"
    """A WARM binding sends now."""
    SLOT_OCCUPIED = "SLOT_OCCUPIED"
    """Its slot is held by an instance that is not known to be offline: nothing was logged in."""
    NOT_LOGGED_IN = "NOT_LOGGED_IN"
    """The instance of a WARM binding did not log in."""
    NEEDS_PERSON = "NEEDS_PERSON"
    """No binding is left that could be activated without a person."""


def to_activate(candidates: Iterable[Candidate]) -> Sequence[Binding]:
    """The WARM bindings whose providers answer, the best first, by the same order as for messages."""
    able = [
        candidate
        for candidate in candidates
        if candidate.binding.standby is Standby.WARM
        and candidate.binding.enabled
        and candidate.provider.enabled
        and not candidate.paused
        and candidate.health.provider is not Passage.SHUT
    ]
    able.sort(key=lambda candidate: (candidate.tier, candidate.binding.binding_id))
    return [candidate.binding for candidate in able]


def has_standby(bindings: Iterable[Binding]) -> bool:
    """Whether the account has an enabled binding that somebody, or something, must log in before it can send."""
    return any(binding.enabled and binding.standby in (Standby.WARM, Standby.COLD) for binding in bindings)
