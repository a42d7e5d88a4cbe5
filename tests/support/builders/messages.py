"""Complete and valid values for tests; a test changes only what it is about."""

import dataclasses
import itertools
from typing import Any, Final

from wework_message.domain.account import implicit_account_id
from wework_message.domain.content import TextContent
from wework_message.domain.content.mass import MassContent
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.ids import (
    DEFAULT_TENANT,
    BatchId,
    BindingId,
    Guid,
    MessageId,
    ProviderCode,
    ProviderMessageId,
)
from wework_message.domain.lifecycle import Lifecycle
from wework_message.domain.message.attempt import Attempt, AttemptOutcome, Receipt
from wework_message.domain.message.attempts import Attempts
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.echo_keys import Form, Shown
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import OnUnknown, SendOptions
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.message.sent_message import SentMessage
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.retry import RetryAt, Settle, Verdict
from wework_message.domain.trace import TraceContext

NOW: Final = 1_750_000_000_000
DAY_MS: Final = 24 * 3_600_000
LEASE_MS: Final = 42_000
HORIZON_MS: Final = 90_000

GUID: Final = Guid("guid-a")
PROVIDER: Final = ProviderCode("GUANGZHOU_GUXING")
BACKUP: Final = ProviderCode("BACKUP_PROVIDER_A")
CONVERSATION: Final = "S:1001"

OPTION_NAMES: Final = {*SendOptions._fields}
STATE_NAMES: Final = {field.name for field in dataclasses.fields(Lifecycle)}

_serial = itertools.count(1)


def a_message_id(at: int = NOW) -> MessageId:
    """UUIDv7 of this time, epoch ms."""
    time = f"{at:012x}"
    return MessageId(f"{time[:8]}-{time[8:]}-7000-8000-{next(_serial):012x}")


def a_batch_id() -> BatchId:
    return BatchId(a_message_id())


def _pop(changes: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Remove the entries with these names from `changes` and return them."""
    return {name: changes.pop(name) for name in names & changes.keys()}


def a_message(**changes: Any) -> Message:
    guid = changes.get("guid", GUID)
    expires_at = changes.pop("expires_at", NOW + DAY_MS)
    options = SendOptions(**{"on_unknown": OnUnknown.HOLD} | _pop(changes, OPTION_NAMES))
    fields: dict[str, Any] = {
        "id": a_message_id(),
        "tenant_id": DEFAULT_TENANT,
        "account_id": implicit_account_id(guid),
        "guid": guid,
        "conversation_id": CONVERSATION,
        "content": TextContent(content="hello"),
        "message_type": "TEXT",
        "accepted_at": NOW,
        "expires_at": expires_at,
        "options": options,
        "lifecycle": Lifecycle(**{"updated_at": NOW} | _pop(changes, STATE_NAMES)),
        "attempts": Attempts(changes.pop("attempts", ())),
    }
    return Message(**fields | changes)


A_TRACE: Final = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
A_LONG_TRACE: Final = TraceContext(f"{A_TRACE} {'k' * 200}={'v' * 200},{'l' * 55}={'w' * 54}")
"""As long as one may be."""


def a_due_message(**changes: Any) -> Message:
    message = a_message(**changes)
    message.make_due(now=message.accepted_at)
    return message


def a_mass_message(batch_id: BatchId, index: int, **changes: Any) -> Message:
    """One recipient of a mass send."""
    fields = {
        "batch_id": batch_id, "index": index, "mode": "MASS_SEND", "message_type": "MASS_SEND",
        "content": MassContent(content="hello"), "conversation_id": f"S:{1000 + index}",
    }  # fmt: skip
    return a_due_message(**fields | changes)


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
    options = SendOptions(**_pop(changes, OPTION_NAMES))
    fields: dict[str, Any] = {
        "conversation": PEERS_AND_ROOMS.parse(CONVERSATION),
        "content": TextContent(content="hello"),
        "guid": GUID,
        "options": options,
    }
    return Draft(**fields | changes)


def a_receipt(provider_message_id: str | None = None, **changes: Any) -> Receipt:
    if provider_message_id is None:
        provider_message_id = str(8_000_000 + next(_serial))
    fields: dict[str, Any] = {"app_info_key": f"key-{provider_message_id}", "sent_at": NOW} | changes
    details = {name: fields.pop(name) for name in list(fields) if name not in Receipt.__dataclass_fields__}
    return Receipt(ProviderMessageId(provider_message_id), **fields, details=details)


def an_outcome(kind: OutcomeClass, **changes: Any) -> AttemptOutcome:
    if kind is OutcomeClass.ACCEPTED:
        changes.setdefault("receipt", a_receipt())
    return AttemptOutcome(kind, **changes)


def a_stream_record(text: Any = "hello", **changes: Any) -> StreamRecord:
    """A record of a text, or with `text=None` one that shows nothing."""
    fields: dict[str, Any] = {
        "guid": GUID,
        "event_key": f"event-{next(_serial)}",
        "conversations": (CONVERSATION,),
        "marked_own": True,
        "sent_at": NOW,
        "shown": None if text is None else Shown(Form.TEXT, (text,)),
        "kinds": frozenset({FactKind.ECHO}),
    }
    return StreamRecord(**fields | changes)


def an_item(**changes: Any) -> CallbackItem:
    fields: dict[str, Any] = {"guid": GUID, "notify_type": 11010, "event_key": f"event-{next(_serial)}", "raw": "{}"}
    return CallbackItem(**fields | changes)


def begin_call(message: Message, *, now: int = NOW, **changes: Any) -> Attempt:
    """Begin the next call, on the aggregate only."""
    number = len(message.attempts) + 1
    fields = {"number": number, "round": message.round, "account_id": message.account_id, "started_at": now}
    if message.guid is not None:
        fields["guid"] = message.guid
    attempt = an_attempt(**fields | changes)
    message.begin_attempt(attempt, lease_ms=LEASE_MS, now=now)
    return attempt


def a_sent_message() -> SentMessage:
    """A message at rest that an echo would find."""
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711")))
    sent = SentMessage.of(message)
    assert sent is not None
    return sent


def settle(message: Message, outcome: AttemptOutcome, *, verdict: Verdict | None = None, now: int = NOW) -> None:
    """Record the answer to the newest call, on the aggregate only."""
    retry = RetryAt(1_000) if outcome.kind is OutcomeClass.NOT_SENT else Settle()
    message.settle(len(message.attempts), outcome, verdict or retry, horizon_ms=HORIZON_MS, now=now)
