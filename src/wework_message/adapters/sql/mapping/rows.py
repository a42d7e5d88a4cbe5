"""Row to aggregate and back: two pure functions per table, written by hand so that the domain keeps its shape."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from wework_message.adapters.sql.mapping.option_columns import options_of, options_row
from wework_message.adapters.sql.mapping.receipts import receipt_of, receipt_text
from wework_message.adapters.sql.mapping.widths import NO_PROVIDER, facts_of, facts_text
from wework_message.domain.content import ERASED, decode_content, encode_content
from wework_message.domain.ids import AccountId
from wework_message.domain.lifecycle import Lifecycle, MessageStatus
from wework_message.domain.message.attempt import Attempt, AttemptOutcome
from wework_message.domain.message.attempts import Attempts
from wework_message.domain.message.decision import Decision
from wework_message.domain.message.message import Message
from wework_message.domain.message.recall import Recall, RecallState
from wework_message.domain.message.scheduling import Due, LanePosition, Urgency
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.repositories import NewBatch

Row = Mapping[str, Any] | RowMapping
"""A result row by column name."""

_ENCODE = msgspec.json.Encoder()
_DECISION = msgspec.json.Decoder(Decision)

STATE_COLUMNS = (
    "status", "reason", "confirmed", "possible_duplicate", "recall", "recall_confirmed", "round", "tries", "strikes",
    "attempt_count", "provider_code", "version", "updated_at",
)  # fmt: skip
"""What a transition in the first round may change; all other columns of a message are written once."""

ROUND_COLUMNS = (*STATE_COLUMNS, "expires_at")
"""What a transition in a later round may change: only a new round moves the end of a message (D-40)."""


def lane(account_id: str, conversation_id: str) -> str:
    """The lane's key: account and conversation."""
    return f"{account_id} {conversation_id}"


def account_of_lane(key: str) -> AccountId:
    """The account of a lane's key."""
    return AccountId(key.partition(" ")[0])


def message_state(message: Message) -> dict[str, Any]:
    """The columns of a message that transitions may change. Flags are numbers: SQLite's driver looks for an adapter of each bool."""
    lifecycle = message.lifecycle
    return {
        "status": lifecycle.status.value,
        "reason": lifecycle.reason,
        "confirmed": lifecycle.confirmed,
        "possible_duplicate": int(message.possible_duplicate),
        "recall": message.recall.state.value,
        "recall_confirmed": message.recall.confirmed,
        "round": message.round,
        "tries": message.tries,
        "strikes": message.handling_failures,
        "attempt_count": len(message.attempts),
        "provider_code": message.attempts[-1].provider_code if message.attempts else NO_PROVIDER,
        "expires_at": message.expires_at,
        "version": message.version,
        "updated_at": lifecycle.updated_at,
    }


def message_row(message: Message) -> dict[str, Any]:
    """All columns of a new message."""
    return {
        "id": message.id,
        "tenant_id": message.tenant_id,
        "account_id": message.account_id,
        "guid": message.guid,
        "conversation_id": message.conversation_id,
        "message_type": message.message_type,
        "content": encode_content(message.content).decode(),
        "accepted_at": message.accepted_at,
        "mode": message.mode,
        "batch_id": message.batch_id,
        "group_id": message.group_id,
        "item_index": message.index,
        "trace": message.trace,
        **options_row(message.options),
        **message_state(message),
    }


def due_row(message: Message, due: Due, now: int) -> dict[str, Any]:
    """When a message is due next, as an instant and as a duration; `now` is by the store's clock."""
    scheduled = message.is_waiting() and due.place is LanePosition.FREE
    ready = due.place is LanePosition.WAITING and due.in_ms == 0
    return {
        "tenant_id": message.tenant_id,
        "message_id": message.id,
        "lane": lane(message.account_id, message.conversation_id),
        "urgency": Urgency.of(message.options.priority).value,
        "place": SCHEDULED_POSITION if scheduled else due.place.value,
        "parked": int(due.waits_in_lane),
        "paced": 0,
        "due_at": now + (due.in_ms or 0),
        "now": now,
        "in_ms": due.in_ms or 0,
        "turn": message.account_id if ready else NO_TURN,
    }


NO_TURN = ""
"""The turn of a message that waits for its time, or for no send."""


SCHEDULED_POSITION = max(LanePosition) + 1
"""The place of a scheduled or stopped message: it blocks no other before its time, and keeps its place from then on."""


def message_of(row: Row, attempts: Sequence[Attempt]) -> Message:
    """A stored message with its attempts, oldest first."""
    return Message(
        id=row["id"],
        tenant_id=row["tenant_id"],
        account_id=row["account_id"],
        guid=row["guid"],
        conversation_id=row["conversation_id"],
        content=None if row["content"] == ERASED else decode_content(row["content"]),
        message_type=row["message_type"],
        accepted_at=row["accepted_at"],
        expires_at=row["expires_at"],
        mode=row["mode"],
        options=options_of(row),
        batch_id=row["batch_id"],
        group_id=row["group_id"],
        index=row["item_index"],
        lifecycle=Lifecycle(MessageStatus(row["status"]), row["reason"], _flag(row["confirmed"]), row["updated_at"]),
        attempts=Attempts(attempts),
        recall=Recall(RecallState(row["recall"]), _flag(row["recall_confirmed"])),
        possible_duplicate=bool(row["possible_duplicate"]),
        round=row["round"],
        tries=row["tries"],
        handling_failures=row["strikes"],
        version=row["version"],
        trace=row["trace"],
    )


def attempt_row(message: Message, attempt: Attempt) -> dict[str, Any]:
    """One attempt of a message."""
    return {
        "message_id": message.id, "number": attempt.number, "tenant_id": message.tenant_id, "round": attempt.round,
        "account_id": attempt.account_id, "conversation_id": message.conversation_id,
        "binding_id": attempt.binding_id, "provider_code": attempt.provider_code,
        "guid": attempt.guid,
        "epoch": attempt.epoch,
        "started_at": attempt.started_at,
        "decision": _ENCODE.encode(attempt.decision).decode() if attempt.decision is not None else None,
        "content_key": attempt.content_key,
        "holder": attempt.holder,
        **settled_row(attempt),
    }  # fmt: skip


def settled_row(attempt: Attempt) -> dict[str, Any]:
    """What is written about an attempt after its intent."""
    outcome = attempt.outcome
    return {
        "ended_at": attempt.ended_at,
        "outcome": outcome.kind.value if outcome is not None else None,
        "reason": outcome.reason if outcome is not None else None,
        "error_code": outcome.error_code if outcome is not None else None,
        "error_message": outcome.error_message if outcome is not None else None,
        "confirmed": outcome.confirmed if outcome is not None else None,
        "receipt": receipt_text(outcome.receipt) if outcome is not None and outcome.receipt else None,
        "provider_message_id": attempt.provider_message_id, "app_info_key": attempt.app_info_key, "sent_at": attempt.sent_at,
        "facts": facts_text(attempt.facts),
        "unsettled": 1 if attempt.unsettled else None, "lane_open": 1 if attempt.lane_open else None,
    }  # fmt: skip


SETTLED_COLUMNS = (
    "ended_at", "outcome", "reason", "error_code", "error_message", "confirmed", "receipt", "provider_message_id",
    "app_info_key", "sent_at", "facts", "unsettled", "lane_open",
)  # fmt: skip
"""The columns of `settled_row`."""


def settled_part(attempt: Attempt) -> tuple[Any, ...]:
    """What `SETTLED_COLUMNS` are made of, but the facts."""
    return (
        attempt.ended_at, attempt.outcome, attempt.provider_message_id, attempt.app_info_key, attempt.sent_at,
        attempt.unsettled, attempt.lane_open,
    )  # fmt: skip


def attempt_of(row: Row) -> Attempt:
    """A stored attempt."""
    outcome = None
    if row["outcome"] is not None:
        outcome = AttemptOutcome(
            kind=OutcomeClass(row["outcome"]),
            reason=Reason.stored(row["reason"]) if row["reason"] is not None else None,
            error_code=row["error_code"],
            error_message=row["error_message"],
            confirmed=bool(row["confirmed"]),
            receipt=receipt_of(row["receipt"]) if row["receipt"] is not None else None,
        )
    return Attempt(
        number=row["number"],
        round=row["round"],
        account_id=row["account_id"],
        binding_id=row["binding_id"],
        provider_code=row["provider_code"],
        guid=row["guid"],
        epoch=row["epoch"],
        started_at=row["started_at"],
        decision=_DECISION.decode(row["decision"]) if row["decision"] is not None else None,
        ended_at=row["ended_at"],
        outcome=outcome,
        provider_message_id=row["provider_message_id"],
        app_info_key=row["app_info_key"],
        sent_at=row["sent_at"],
        content_key=row["content_key"],
        holder=row["holder"],
        unsettled=row["unsettled"] is not None,
        lane_open=row["lane_open"] is not None,
        facts=facts_of(row["facts"]),
    )


def note_row(message: Message, note: Note) -> dict[str, Any]:
    """One line of a timeline."""
    return {
        "tenant_id": message.tenant_id,
        "message_id": message.id,
        "kind": note.kind,
        "at": note.at,
        "attempt": note.attempt,
        "detail": note.detail,
        "event_key": note.event_key,
        "source": note.source,
    }


def note_of(row: Row) -> Note:
    """A stored line of a timeline."""
    return Note(row["kind"], row["at"], row["attempt"], row["detail"], row["event_key"], row["source"])


def batch_row(batch: NewBatch) -> dict[str, Any]:
    """A new batch."""
    return {
        "id": batch.id, "tenant_id": batch.tenant_id, "mode": batch.mode, "total": batch.total,
        "created_at": batch.created_at,
    }  # fmt: skip


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)
