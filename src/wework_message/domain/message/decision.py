"""Why an attempt went where it went: stored with the attempt, and apart from the router that decides."""

from dataclasses import dataclass

from wework_message.domain.ids import BindingId, Guid, ProviderCode

__all__ = ("Considered", "Decision")


@dataclass(frozen=True, slots=True)
class Considered:
    """One candidate, as it was seen."""

    binding_id: BindingId
    guid: Guid
    provider_code: ProviderCode
    score: float | None = None
    """0-1; None where it was left out before scores were compared."""
    excluded: str | None = None
    """An `Exclusion`; None where it could have taken the message."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was considered for one attempt, what was chosen, and why."""

    candidates: tuple[Considered, ...]
    chosen: BindingId | None
    reason: str
    """ONLY_CANDIDATE, TRIAL, STICKY, BEST_SCORE, or a `RefusalKind`."""
