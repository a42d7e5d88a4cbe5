"""What the end of one call proves about each of its recipients."""

from typing import Final

from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.mass_gateway import MassOutcome

INELIGIBLE: Final = AttemptOutcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.NOT_ELIGIBLE)
"""Of a recipient that was left out of the call, because the provider had said so before it."""

_ACCEPTED: Final = AttemptOutcome(OutcomeClass.ACCEPTED)


def outcome_for(recipient: str, outcome: MassOutcome) -> AttemptOutcome:
    """The outcome of this recipient's attempt.

    Accepted is accepted for all that the answer does not name as left out. Anything else holds for every one of them: of an
    uncertain call nobody knows who got it.
    """
    if outcome.outcome.kind is not OutcomeClass.ACCEPTED:
        return outcome.outcome
    if recipient not in outcome.refused:
        return _ACCEPTED
    code = outcome.refused[recipient]
    return AttemptOutcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.LEFT_OUT, error_code=code)
