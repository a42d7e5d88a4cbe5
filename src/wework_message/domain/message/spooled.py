"""Answers that the store could not take while it was away, as they are kept outside it (ADR 60)."""

from dataclasses import dataclass
from typing import Self

from wework_message.domain.ids import BindingId, MessageId
from wework_message.domain.message.attempt import Attempt, AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason


@dataclass(frozen=True, slots=True)
class SpooledAnswer:
    """The answer to one send. It holds ids, times and codes; nothing that a client wrote, and no text of the provider."""

    message_id: MessageId
    attempt: int
    """The attempt's number."""
    binding_id: BindingId
    epoch: int
    """The binding's epoch at the intent."""
    started_at: int
    """The intent, epoch ms."""
    outcome: AttemptOutcome
    """Without the provider's text and the details of its receipt."""
    answered_at: int
    """Epoch ms."""

    @classmethod
    def of(cls, message_id: MessageId, attempt: Attempt, outcome: AttemptOutcome, *, at: int) -> Self:
        """`outcome` came at `at`, epoch ms."""
        return cls(
            message_id, attempt.number, attempt.binding_id, attempt.epoch, attempt.started_at, outcome.without_texts(), at
        )  # fmt: skip

    def answers(self, attempt: Attempt) -> bool:
        """Whether this is the call that was answered, and it has no definite outcome yet.

        The number alone does not say so: a store that was restored gives it to another call.
        """
        same = (self.attempt, self.binding_id, self.epoch, self.started_at) == (
            attempt.number, attempt.binding_id, attempt.epoch, attempt.started_at,
        )  # fmt: skip
        return same and (attempt.outcome is None or self.outcome.corrects(attempt.outcome))


def is_worth_spooling(outcome: AttemptOutcome) -> bool:
    """Whether the answer says more than the end of the lease, which makes the message UNKNOWN.

    COMMIT_LOST does not: it is not known whether that intent is stored, and nothing was asked.
    """
    return outcome.kind is not OutcomeClass.UNCERTAIN and outcome.reason is not Reason.COMMIT_LOST
