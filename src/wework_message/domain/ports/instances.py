"""What some providers let us do with their instances beside sending."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

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


class MadeInstance(NamedTuple):
    """What came of a call that makes an instance."""

    outcome: AttemptOutcome
    guid: Guid | None = None
    """Of the new instance, where the outcome is ACCEPTED."""


class LoginCode(NamedTuple):
    """What a person scans to log an instance in. Whoever has it can put an account of theirs there: nothing prints or logs it."""

    outcome: AttemptOutcome
    content: str | None = None
    """The text of the QR code, where the outcome is ACCEPTED."""
    image: str | None = None
    """The same as an image in base64, where the provider gave one."""

    def __repr__(self) -> str:
        return f"LoginCode({self.outcome.kind})"


@runtime_checkable
class InstanceMaker(Protocol):
    """A gateway that has these methods can make instances, and let a person log them in; a protocol that cannot leaves both out.

    No method raises, and none repeats a call.
    """

    async def make_instance(self) -> MadeInstance:
        """Make an instance that nobody is logged in on.

        UNCERTAIN means that it was perhaps made: a lost answer, one that cannot be read, or a success without a guid.
        """
        ...

    async def login_code(self, guid: Guid) -> LoginCode:
        """A QR code with which a person logs an account in there; each call may give another one. Not for an instance that is online."""
        ...


@runtime_checkable
class LoginVerifier(Protocol):
    """A gateway that has this method passes on the code that some logins ask a person for after the scan; others leave it out."""

    async def verify_login(self, guid: Guid, code: str) -> AttemptOutcome:
        """Pass `code` on, once; it never raises, and its outcome does not show the code.

        ACCEPTED means that the provider took it; `client_state` says when the instance is online. Any refusal means that the code
        is wrong, too late, or was not asked for.
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
