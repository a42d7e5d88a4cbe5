"""What clients are told: an event, its type and its data, in the names of the API."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from wework_message.domain.ids import EventId, MessageId, ProviderCode, TenantId, WebhookId
from wework_message.domain.instants import send_instant, utc_text
from wework_message.domain.lifecycle import FINAL, MessageStatus, old_state
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.presence import PresenceCause, PresenceChange
from wework_message.domain.trace import TraceContext


class EventType(StrEnum):
    """The type of an event; the names are API."""

    MESSAGE_STATUS = "message.status"
    """A message has another status."""
    MESSAGE_UNKNOWN = "message.unknown"
    """A message became UNKNOWN: a person may have to decide."""
    MESSAGE_RECEIVED = "message.received"
    """Somebody wrote to an account."""
    ACCOUNT_ONLINE = "account.online"
    """An account came online: one of its instances is, and none was."""
    ACCOUNT_OFFLINE = "account.offline"
    """An account went offline: none of its instances is online any more."""
    WEBHOOK_DISABLED = "webhook.disabled"
    """Another endpoint was disabled."""
    WEBHOOK_TEST = "webhook.test"
    """A client asked for it."""


ROOM: Final = "R:"
"""How the conversation of a room begins."""

SUBSCRIBABLE: Final = tuple(kind for kind in EventType if kind is not EventType.WEBHOOK_TEST)
"""What an endpoint may ask for."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for every endpoint that takes its type."""

    type: EventType
    tenant_id: TenantId
    at: int
    """Epoch ms."""
    data: Mapping[str, Any]
    """JSON, in the names of the API."""
    message_id: MessageId | None = None
    """Events of one message are sent in order."""
    sequence: int | None = None
    """Of a message its version with this status: it rises from event to event, with gaps. Of an account see `PresenceChange`."""
    callback_url: str | None = None
    """Where the request wants this one to go."""
    about: WebhookId | None = None
    """The endpoint that it is about: the others are told."""
    id: EventId | None = None
    """The same wherever the same thing is noticed again: it is told once. None = it is noticed once."""
    trace: TraceContext | None = None
    """That of its message."""


def status_changed(message: Message) -> MessageStatus | None:
    """The new status of a message with unreported moves, or None where it has the same as before them.

    A status in between was never committed: nobody saw it. Another reason is no other status.
    """
    moves = message.lifecycle.moves
    return message.status if moves and moves[0].before is not message.status else None


def status_events(message: Message) -> tuple[Event, ...]:
    """The events of a message whose status has changed; `Message.version` is that of the change."""
    status = Event(
        EventType.MESSAGE_STATUS,
        message.tenant_id,
        message.lifecycle.updated_at,
        _status_data(message),
        message.id,
        message.version,
        message.options.status_callback_url,
        trace=message.trace,
    )
    if message.status is not MessageStatus.UNKNOWN:
        return (status,)
    unknown = Event(
        EventType.MESSAGE_UNKNOWN,
        status.tenant_id,
        status.at,
        status.data,
        message.id,
        message.version,
        trace=message.trace,
    )
    return status, unknown


def _status_data(message: Message) -> Mapping[str, Any]:
    attempt = message.attempts.reported
    outcome = attempt.outcome if attempt is not None else None
    accepted = outcome is not None and outcome.kind is OutcomeClass.ACCEPTED
    error_code = outcome.error_code if outcome is not None else None
    return {
        "messageId": message.id,
        "clientMessageId": message.options.client_message_id,
        "campaignId": message.options.campaign_id,
        "batchId": message.batch_id,
        "status": message.status.value,
        "state": old_state(message.status),
        "final": message.status in FINAL,
        "sequence": message.version,
        "reason": message.reason,
        "errorCode": error_code or 0 if accepted else error_code,
        "providerCode": attempt.provider_code if attempt is not None else message.options.provider_code,
        "guid": message.guid or (attempt.guid if attempt is not None else None),
        "conversationId": message.conversation_id,
        "extra": message.options.extra,
    }


def message_received(tenant_id: TenantId, provider_code: ProviderCode, record: StreamRecord, received_at: int) -> Event:
    """Somebody else's message in the stream of an account of this tenant; `received_at` is epoch ms. It has content: the text.

    A provider may report it by more than one notify type, and anew with other flags: its id makes it one event.
    """
    sent_at = send_instant(record.sent_at)
    rooms = [spelling for spelling in record.conversations if spelling.startswith(ROOM)]
    data = {
        "providerCode": provider_code,
        "guid": record.guid,
        "providerMessageId": record.provider_message_id,
        "senderId": record.sender,
        "conversationId": rooms[0] if rooms else None,
        "text": record.text,
        "sentTime": utc_text(sent_at) if sent_at is not None else None,
        "receivedTime": utc_text(received_at),
    }
    event_id = None
    if record.provider_message_id is not None and sent_at is not None:
        names = (EventType.MESSAGE_RECEIVED, provider_code, record.guid, record.provider_message_id)
        event_id = repeatable_id(sent_at, *names)
    return Event(EventType.MESSAGE_RECEIVED, tenant_id, received_at, data, id=event_id)


def repeatable_id(at: int, *names: str) -> EventId:
    """A UUIDv7 (RFC 9562) of a thing of the time `at` (epoch ms, 48 bits): instead of chance it has a hash of `names`."""
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()
    variant = "89ab"[int(digest[3], 16) % 4]
    return EventId(f"{at >> 16:08x}-{at & 0xFFFF:04x}-7{digest[:3]}-{variant}{digest[4:7]}-{digest[7:19]}")


def presence_event(change: PresenceChange, cause: PresenceCause, at: int) -> Event:
    """An account came online, or went offline, at `at` (epoch ms)."""
    data = {
        "accountId": change.account_id,
        "bindingId": change.binding.binding_id,
        "providerCode": change.binding.provider_code,
        "guid": change.binding.guid,
        "reason": cause.value,
        "sequence": change.sequence,
    }
    kind = EventType.ACCOUNT_ONLINE if change.online else EventType.ACCOUNT_OFFLINE
    return Event(kind, change.tenant_id, at, data, sequence=change.sequence)
