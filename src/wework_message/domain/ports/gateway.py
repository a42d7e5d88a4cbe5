"""The gateway to a provider. It answers with values, never with exceptions (D-14)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from wework_message.domain.content import Content
from wework_message.domain.ids import Guid, MessageId, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.projection import StreamRecord


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One call to make; its intent is already durable."""

    message_id: MessageId
    attempt: int
    guid: Guid
    conversation_id: str
    content: Content
    write_before_boot_ms: float
    """On `Clock.boot`: if the first byte has not left by then, the call is not made (NOT_SENT, reason TOO_LATE)."""


@dataclass(frozen=True, slots=True)
class Recall:
    """One recall to request, through the binding that sent the message (M-4.9)."""

    message_id: MessageId
    guid: Guid
    conversation_id: str
    provider_message_id: ProviderMessageId
    write_before_boot_ms: float | None = None
    """As that of `Dispatch`; None = no limit."""


class ClientState(StrEnum):
    """The result of a probe of an instance."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    UNKNOWN = "UNKNOWN"
    """Not observed, or the provider did not answer."""


class MessageGateway(Protocol):
    """One provider's API, for one configured provider. No method raises."""

    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        """Make the call within the provider's total deadline. A cancelled call has an uncertain outcome."""
        ...

    async def recall(self, recall: Recall) -> AttemptOutcome:
        """Request a recall: ACCEPTED means that the provider answered 0, not that the message was recalled."""
        ...

    async def probe(self) -> bool:
        """A read-only call: whether the provider answers at all."""
        ...

    async def client_state(self, guid: Guid) -> ClientState:
        """Whether this instance is online, by a read-only call."""
        ...


MAX_CALLBACK_RECORDS: Final = 1_000
"""Records of one callback that are stored each for itself (`app.message.limits.max-callback-records`).

A row costs about 1 KiB, whatever its record holds: without a limit a body of 4 MiB would become half a million rows.
"""


class NoticeKind(StrEnum):
    """What a callback that has no stream record reports about the instance."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class CallbackItem:
    """One item of a callback, ready to be stored: raw, with its key, and parsed."""

    guid: Guid
    notify_type: int
    event_key: str
    """De-duplicates within (provider, guid, notify type)."""
    raw: str
    """The item as JSON; for a list callback one item of the list in the same envelope."""
    stream_record: StreamRecord | None = None
    notice: NoticeKind = NoticeKind.OTHER
    wecom_user_id: str | None = None
    """The account's own user id where the callback has it (11003)."""
    defect: str | None = None
    """Why it could not be read: it is stored as QUARANTINED and reported, not refused."""


class CallbackReader(Protocol):
    """Reads a provider's callbacks; pure, and tolerant: an unknown type is an item like any other."""

    def read(self, body: bytes, *, max_records: int = MAX_CALLBACK_RECORDS) -> tuple[CallbackItem, ...]:
        """The items of one callback: at most `max_records`, and at most one more with a defect, which has all that is left.

        A callback is never refused for one of its records. Raises `InvalidValueError` where the body is no callback at all.
        """
        ...

    def reread(self, notify_type: int, raw: str) -> CallbackItem:
        """Read a stored item again, for projection and replay."""
        ...
