"""Why an attempt used its binding: stored with the attempt, and independent of the router that decides."""

from dataclasses import dataclass

from wework_message.domain.ids import BindingId, Guid, ProviderCode

__all__ = ("Considered", "Decision")


@dataclass(frozen=True, slots=True)
class Considered:
    """One candidate, as it was when the decision was made."""

    binding_id: BindingId
    guid: Guid
    provider_code: ProviderCode
    score: float | None = None
    """0-1; None where it was excluded before scores were compared."""
    excluded: str | None = None
    """An `Exclusion`; None where it could have taken the message."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was considered for one attempt, what was chosen, and why."""

    candidates: tuple[Considered, ...]
    chosen: BindingId | None
    reason: str
    """ONLY_CANDIDATE, TRIAL, STICKY, BEST_SCORE, or a `RefusalKind`."""
