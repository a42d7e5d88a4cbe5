"""Answers that the store could not take while it was away, as they are kept outside it (ADR 60)."""

from dataclasses import dataclass
from typing import Self

from wework_message.domain.ids import BindingId, HolderToken, MessageId
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
    holder: HolderToken | None = None
    """Of the claim."""

    @classmethod
    def of(cls, message_id: MessageId, attempt: Attempt, outcome: AttemptOutcome, *, at: int) -> Self:
        """`outcome` came at `at`, epoch ms."""
        return cls(
            message_id, attempt.number, attempt.binding_id, attempt.epoch, attempt.started_at, outcome.without_texts(), at,
            attempt.holder,
        )  # fmt: skip

    def answers(self, attempt: Attempt) -> bool:
        """Whether this is the call that was answered, and it has no definite outcome yet.

        The number alone does not say so: a store that was restored gives it to another call, and so does one that did not take
        this claim, whose COMMIT had no answer, but the next one, perhaps of another process.
        """
        same = (self.attempt, self.binding_id, self.epoch, self.started_at, self.holder) == (
            attempt.number, attempt.binding_id, attempt.epoch, attempt.started_at, attempt.holder,
        )  # fmt: skip
        if self.outcome.reason is Reason.COMMIT_LOST:
            return same and self.holder is not None and _says_nothing(attempt.outcome)
        return same and (attempt.outcome is None or self.outcome.corrects(attempt.outcome))


def is_worth_spooling(outcome: AttemptOutcome) -> bool:
    """Whether the answer says more than the end of the lease, which makes the message UNKNOWN."""
    return outcome.kind is not OutcomeClass.UNCERTAIN


def _says_nothing(recorded: AttemptOutcome | None) -> bool:
    """Whether nobody has learned anything about the attempt: it is open, or its lease has ended."""
    return recorded is None or recorded.reason is Reason.LEASE_EXPIRED
