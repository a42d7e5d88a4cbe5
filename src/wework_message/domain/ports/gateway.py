"""The way to a provider. What it answers is a value, never an exception (D-14)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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
    """One recall to ask for, through the binding that sent the message (M-4.9)."""

    message_id: MessageId
    guid: Guid
    conversation_id: str
    provider_message_id: ProviderMessageId


class ClientState(StrEnum):
    """What a probe of an instance says."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    UNKNOWN = "UNKNOWN"
    """Not observed, or the provider did not answer."""


class MessageGateway(Protocol):
    """One provider's API, for one configured provider. No method raises."""

    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        """Make the call within the provider's total deadline. A cancelled call leaves an uncertain outcome behind."""
        ...

    async def recall(self, recall: Recall) -> AttemptOutcome:
        """Ask for a recall: ACCEPTED means the provider answered 0, not that it happened."""
        ...

    async def probe(self) -> bool:
        """A read-only call: whether the provider answers at all."""
        ...

    async def client_state(self, guid: Guid) -> ClientState:
        """Whether this instance is online, by a read-only call."""
        ...


class NoticeKind(StrEnum):
    """What a callback that is no stream record says about the instance."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class CallbackItem:
    """One thing a callback said, ready to be stored: raw, named and read."""

    guid: Guid
    notify_type: int
    event_key: str
    """De-duplicates within (provider, guid, notify type)."""
    raw: str
    """The item as JSON; for a list callback one item of the list in the same envelope."""
    stream_record: StreamRecord | None = None
    notice: NoticeKind = NoticeKind.OTHER
    wecom_user_id: str | None = None
    """The account's own user id where the callback tells it (11003)."""
    defect: str | None = None
    """Why it could not be read: it is stored as QUARANTINED and reported, not refused."""


class CallbackReader(Protocol):
    """Reads a provider's callbacks; pure, and tolerant: an unknown type is an item like any other."""

    def read(self, body: bytes) -> tuple[CallbackItem, ...]:
        """The items of one callback. Raises `InvalidValueError` where the body is no callback at all."""
        ...

    def reread(self, notify_type: int, raw: str) -> CallbackItem:
        """A stored item again, for projection and replay."""
        ...
