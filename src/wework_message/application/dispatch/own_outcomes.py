"""Outcomes of calls to which no provider gave an answer: they are ours, of single messages and of mass sends."""

from typing import Final

from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason

SHUTDOWN: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.SHUTDOWN)
"""The process ended while the call was open."""
RAISED: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.GATEWAY_RAISED)
"""A gateway never raises; one that does has perhaps sent."""
FENCED: Final = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.FENCED)
"""The binding has changed since the call was decided on."""
