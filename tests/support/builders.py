"""Values for tests: whole and valid, with the one thing changed that the test is about."""

import dataclasses
import itertools
from typing import Any, Final

from wework_message.domain.account import implicit_account_id
from wework_message.domain.content import TextContent
from wework_message.domain.conversation import Conversation
from wework_message.domain.ids import (
    DEFAULT_TENANT,
    BatchId,
    BindingId,
    Guid,
    MessageId,
    ProviderCode,
    ProviderMessageId,
)
from wework_message.domain.message.attempt import Attempt, AttemptOutcome, Receipt
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.retry import RetryAt, Settle, Verdict

NOW: Final = 1_750_000_000_000
DAY_MS: Final = 24 * 3_600_000
LEASE_MS: Final = 42_000
HORIZON_MS: Final = 90_000

GUID: Final = Guid("guid-a")
PROVIDER: Final = ProviderCode("GUANGZHOU_GUXING")
BACKUP: Final = ProviderCode("BACKUP_PROVIDER_A")
CONVERSATION: Final = "S:1001"

_serial = itertools.count(1)


def a_message_id() -> MessageId:
    return MessageId(f"01970000-0000-7000-8000-{next(_serial):012x}")


def a_batch_id() -> BatchId:
    return BatchId(a_message_id())


def a_message(**changes: Any) -> Message:
    guid = changes.get("guid", GUID)
    fields: dict[str, Any] = {
        "id": a_message_id(),
        "tenant_id": DEFAULT_TENANT,
        "account_id": implicit_account_id(guid),
        "guid": guid,
        "conversation_id": CONVERSATION,
        "content": TextContent(content="hello"),
        "message_type": "TEXT",
        "accepted_at": NOW,
        "expires_at": NOW + DAY_MS,
        "updated_at": NOW,
    }
    return Message(**fields | changes)


def a_due_message(**changes: Any) -> Message:
    message = a_message(**changes)
    message.make_due(now=message.accepted_at)
    return message


def an_attempt(**changes: Any) -> Attempt:
    fields: dict[str, Any] = {
        "number": 1,
        "round": 1,
        "account_id": implicit_account_id(changes.get("guid", GUID)),
        "binding_id": BindingId(f"bind:{PROVIDER}:{changes.get('guid', GUID)}"),
        "provider_code": PROVIDER,
        "guid": GUID,
        "epoch": 0,
        "started_at": NOW,
    }
    return Attempt(**fields | changes)


def a_draft(**changes: Any) -> Draft:
    fields: dict[str, Any] = {
        "conversation": Conversation.parse(CONVERSATION),
        "content": TextContent(content="hello"),
        "guid": GUID,
    }
    return Draft(**fields | changes)


def a_receipt(name: str | None = None, **changes: Any) -> Receipt:
    name = name if name is not None else str(7_000_000 + next(_serial))
    return dataclasses.replace(Receipt(ProviderMessageId(name), app_info_key=f"key-{name}", sent_at=NOW), **changes)


def an_outcome(kind: OutcomeClass, **changes: Any) -> AttemptOutcome:
    if kind is OutcomeClass.ACCEPTED:
        changes.setdefault("receipt", a_receipt())
    return AttemptOutcome(kind, **changes)


def a_stream_record(**changes: Any) -> StreamRecord:
    fields: dict[str, Any] = {
        "guid": GUID,
        "event_key": f"event-{next(_serial)}",
        "conversations": (CONVERSATION,),
        "send_flag": True,
        "sent_at": NOW,
        "text": "hello",
        "kinds": frozenset({FactKind.ECHO}),
    }
    return StreamRecord(**fields | changes)


def an_item(**changes: Any) -> CallbackItem:
    fields: dict[str, Any] = {"guid": GUID, "notify_type": 11010, "event_key": f"event-{next(_serial)}", "raw": "{}"}
    return CallbackItem(**fields | changes)


def depart(message: Message, *, now: int = NOW, **changes: Any) -> Attempt:
    """The intent of the next call, on the aggregate only."""
    number = message.attempt_count + 1
    fields = {"number": number, "round": message.round, "account_id": message.account_id, "started_at": now}
    if message.guid is not None:
        fields["guid"] = message.guid
    attempt = an_attempt(**fields | changes)
    message.depart(attempt, lease_ms=LEASE_MS, now=now)
    return attempt


def settle(message: Message, outcome: AttemptOutcome, *, verdict: Verdict | None = None, now: int = NOW) -> None:
    """The answer to the newest call, on the aggregate only."""
    retry = RetryAt(1_000) if outcome.kind is OutcomeClass.NOT_SENT else Settle()
    message.settle(message.attempt_count, outcome, verdict or retry, horizon_ms=HORIZON_MS, now=now)
