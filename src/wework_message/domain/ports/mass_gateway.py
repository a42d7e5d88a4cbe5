"""Native mass sends of a provider: one call for many recipients."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import BatchId, Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason


@dataclass(frozen=True, slots=True)
class MassCall:
    """One call to make; the intents of all its recipients are durable."""

    batch_id: BatchId
    chunk: int
    """Its number in the batch, from 0."""
    attempt: int
    guid: Guid
    recipients: tuple[str, ...]
    """Conversation ids, at most 200, all of users or all of rooms."""
    are_rooms: bool
    content: MassContent
    """Every attachment with its handle."""
    write_before_boot_ms: float
    """As that of `Dispatch`."""


@dataclass(frozen=True, slots=True)
class MassOutcome:
    """The end of one call. The outcome is that of the call as a whole; ACCEPTED needs no id of a message."""

    outcome: AttemptOutcome
    task_id: str | None = None
    """The provider's name of the task, where its answer has one (assumed; no answer is documented)."""
    refused: Mapping[str, int | None] = field(default_factory=dict)
    """With ACCEPTED: recipients that the answer says were left out, with the provider's code (assumed)."""

    def of(self, recipient: str) -> AttemptOutcome:
        """The outcome of this recipient's attempt.

        Accepted is accepted for all that the answer does not name as left out. Anything else holds for every one of them: of an
        uncertain call nobody knows who got it.
        """
        if self.outcome.kind is not OutcomeClass.ACCEPTED:
            return self.outcome
        if recipient not in self.refused:
            return AttemptOutcome(OutcomeClass.ACCEPTED)  # an id of the whole is that of no message
        code = self.refused[recipient]
        return AttemptOutcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.LEFT_OUT, error_code=code)


@dataclass(frozen=True, slots=True)
class MassResult:
    """What the provider says of one recipient of a task (assumed)."""

    sent: bool
    error_code: int | None = None


@runtime_checkable
class MassGateway(Protocol):
    """The mass sends of one provider: a gateway that has these methods makes them. No method raises."""

    async def send_mass(self, call: MassCall) -> MassOutcome:
        """Make the call within the provider's total deadline. A cancelled call has an uncertain outcome."""
        ...

    async def mass_results(self, guid: Guid, task_id: str) -> Mapping[str, MassResult] | None:
        """By conversation id what is known of a task's recipients; None where the provider does not answer, or cannot be understood."""
        ...

    async def ineligible(self, guid: Guid, recipients: tuple[str, ...], *, are_rooms: bool) -> frozenset[str] | None:
        """Recipients that cannot get a mass send, by a read-only call; None where the answer is not understood."""
        ...

    async def tasks(self, guid: Guid, next_page: str) -> Any:
        """The tasks that an administrator issued and that wait for confirmation, as the provider answers; None: no answer."""
        ...

    async def task(self, guid: Guid, task_id: str) -> Any:
        """One of these tasks, as the provider answers; None: no answer."""
        ...
