"""The outcome by which the end of a message is counted: by its final status, and for failures by their cause."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import INPUT_REFUSALS, FailureReason, Reason
from wework_message.domain.routing.selector import RefusalKind

Outcome = Literal[
    "delivered",
    "sent",  # SENT for 2H without an echo, counted once
    "failed_provider",  # the provider refused by a code of its own, or failed after accepting
    "failed_input",  # the request of the client cannot be sent, as we or the validation of the provider say
    "failed_system",  # our configuration, or our own defect
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
"""Statuses that determine the outcome. FAILED needs its cause, SENT and UNKNOWN need time."""

_BY_REASON: Final[Mapping[str, Outcome]] = {
    RefusalKind.NO_BINDING: "failed_input",
    RefusalKind.NO_CAPABILITY: "failed_input",
    FailureReason.POISON: "failed_system",
    FailureReason.RECALL_ASKED: "cancelled",  # an uncertain send turned out unsent, and its recall was requested
    FailureReason.NOT_SENT_BY_PERSON: "failed_provider",
    FailureReason.REFUSED_CAPABILITY: "failed_provider",
    FailureReason.SEND_FAILED_LATER: "failed_provider",
    FailureReason.UNRESOLVED: "failed_provider",
    **dict.fromkeys(MediaFailure, "failed_input"),
    MediaFailure.EXPIRED: "failed_provider",
    MediaFailure.GONE: "failed_system",
    MediaFailure.REFUSED: "failed_provider",
}

_INVALID: Final = INPUT_REFUSALS - {Reason.CODE}
"""The provider's validation. A code of its protocol is none: that a customer takes no messages (-4017) is nothing that a request could do better."""


def failure(message: Message, reason: str | None) -> Outcome:
    """The outcome of a FAILED message; an unlisted reason is a failure of our system."""
    if reason != FailureReason.REFUSED_PERMANENT:
        return _BY_REASON.get(reason or "", "failed_system")
    last = message.attempts.last
    return _refusal(last.outcome if last is not None else None)


def _refusal(outcome: AttemptOutcome | None) -> Outcome:
    if outcome is None or not outcome.confirmed or outcome.reason is None:
        return "failed_provider"
    if outcome.reason in _INVALID:
        return "failed_input"
    return "failed_system" if outcome.reason.is_client_error else "failed_provider"
