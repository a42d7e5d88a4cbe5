"""What some providers let us do with their instances beside sending."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome


class Notify(StrEnum):
    """Which messages an instance reports in callbacks."""

    OWN = "OWN"
    """Those that its own account sent: enough for DELIVERED and for the settlement of UNKNOWN."""
    ALL = "ALL"
    """Those of others, too."""


@runtime_checkable
class SessionRestorer(Protocol):
    """A gateway that has this method can log instances in again; a protocol that cannot do it leaves it out."""

    async def log_in(self, guid: Guid) -> AttemptOutcome:
        """Log an instance in with its stored session, as far as that works without a person. It never raises.

        ACCEPTED means that the provider has begun; `client_state` says when the instance is online. One that is online stays so.
        """
        ...


@runtime_checkable
class InstanceAdmin(Protocol):
    """A gateway that also has these methods offers them; a protocol that cannot do it leaves them all out.

    No method raises. An outcome ACCEPTED means that the provider answered that it did it.
    """

    async def instances(self) -> Sequence[Guid] | None:
        """The guids of all instances there, sorted; None where the provider gave no list. Read-only."""
        ...

    async def set_callback_url(self, guid: Guid, url: str) -> AttemptOutcome:
        """Where the instance sends its callbacks."""
        ...

    async def set_notify(self, guid: Guid, notify: Notify) -> AttemptOutcome:
        """Which messages it reports."""
        ...

    async def mark_read(self, guid: Guid, conversation_id: str) -> AttemptOutcome:
        """Mark a conversation as read in its account."""
        ...
