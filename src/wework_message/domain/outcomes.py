"""Outcome classes of an attempt: the one vocabulary between a gateway and the rules (decision 14)."""

from enum import StrEnum
from typing import Final


class OutcomeClass(StrEnum):
    """What one call to a provider proved; the gateway returns exactly one and never raises."""

    ACCEPTED = "ACCEPTED"
    """error_code 0, an id that is new for this guid, `is_svr_fail` false."""
    NOT_SENT = "NOT_SENT"
    """Provably not sent: no byte left us, or our own breaker or limiter said no."""
    THROTTLED = "THROTTLED"
    """429 or the provider's rate code: not sent, wait as long as it says."""
    REFUSED_BINDING = "REFUSED_BINDING"
    """This instance cannot send now (logged out, stopped, unknown guid); a sibling binding may."""
    REFUSED_CAPABILITY = "REFUSED_CAPABILITY"
    """This provider cannot send this type or size; another may."""
    REFUSED_PERMANENT = "REFUSED_PERMANENT"
    """The same answer anywhere: bad parameter, no permission for the contact, an unknown code."""
    UNCERTAIN = "UNCERTAIN"
    """Perhaps sent: every loss after the first byte, and every contradictory answer. Never re-sent by itself."""


REFUSALS: Final = frozenset(
    {OutcomeClass.REFUSED_BINDING, OutcomeClass.REFUSED_CAPABILITY, OutcomeClass.REFUSED_PERMANENT}
)
"""The provider answered and said no."""
