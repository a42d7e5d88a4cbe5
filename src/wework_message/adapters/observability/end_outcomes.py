"""How a message's end is counted: one outcome per status that ends it, and whose fault a failure was."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass

Outcome = Literal[
    "delivered",
    "sent",  # SENT for 2H without an echo, counted once
    "failed_provider",  # the provider refused, or failed after accepting
    "failed_input",  # what the client asked for cannot be sent
    "failed_system",  # our configuration, or a defect of ours
    "unknown",  # UNKNOWN for longer than H, counted once; a later resolution adds its own outcome
    "expired",
    "cancelled",
    "recalled",
]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

ENDS: Final[Mapping[MessageStatus, Outcome]] = {
    MessageStatus.DELIVERED: "delivered",
    MessageStatus.RECALLED: "recalled",
    MessageStatus.EXPIRED: "expired",
    MessageStatus.CANCELLED: "cancelled",
}
"""Statuses that are an outcome by themselves; FAILED needs its cause, SENT and UNKNOWN need time."""

_BY_REASON: Final[Mapping[str, Outcome]] = {
    "NO_BINDING": "failed_input",
    "NO_CAPABILITY": "failed_input",
    "POISON": "failed_system",
    "RECALL_ASKED": "cancelled",  # a doubtful send turned out unsent, and somebody had asked for its recall
    "REFUSED_CAPABILITY": "failed_provider",
    "SEND_FAILED_LATER": "failed_provider",
    "UNRESOLVED": "failed_provider",
}
_INPUT_REFUSALS: Final = frozenset({"CODE", "HTTP_400", "HTTP_413", "HTTP_422"})
"""Causes of a permanent refusal that lie in the message: a code that a table knows, or the provider's validation."""


def failure(message: Message, reason: str | None) -> Outcome:
    """Whose failure a FAILED message is; a reason that nobody listed is ours."""
    if reason != OutcomeClass.REFUSED_PERMANENT:
        return _BY_REASON.get(reason or "", "failed_system")
    last = message.last_attempt
    return _refusal(last.outcome if last is not None else None)


def _refusal(outcome: AttemptOutcome | None) -> Outcome:
    if outcome is None or not outcome.confirmed or outcome.reason is None:
        return "failed_provider"
    if outcome.reason in _INPUT_REFUSALS:
        return "failed_input"
    return "failed_system" if outcome.reason.startswith("HTTP_4") else "failed_provider"
