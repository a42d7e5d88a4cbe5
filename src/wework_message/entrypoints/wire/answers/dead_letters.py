"""The `data` of answers about dead letters of the intake."""

import base64
from typing import Literal

from msgspec import Struct

from wework_message.domain.ports.dead_letters import DeadLetterView
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.problems import FieldProblem


class DeadLetterItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A dead letter without its body."""

    dead_letter_id: str
    broker_message_id: str
    """The parts of a batch share it."""
    part_id: str
    """The broker's own name of what it stored: topic, broker, queue, offset, message id. No two letters share it."""
    key: str | None
    """The producer's."""
    reason: str
    errors: tuple[FieldProblem, ...]
    """What is wrong with each field; without values."""
    size: int
    """Bytes of the body."""
    deliveries: int
    received_at: str
    replayed_at: str | None
    target: str | None
    """Id of the message or group that its replay created."""


class DeadLetterAnswer(DeadLetterItem, frozen=True, kw_only=True, rename="camel"):
    """A dead letter with its body."""

    body: str
    encoding: Literal["utf-8", "base64"]
    """Base64 where the body is no UTF-8."""


class DeadLetterPage(Struct, frozen=True, rename="camel"):
    """Newest first."""

    items: tuple[DeadLetterItem, ...]
    next_cursor: str | None


class ReplayAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The result of a replay."""

    dead_letter_id: str
    message_id: str | None
    """Null for a MIXED message."""
    group_id: str | None
    """Of a MIXED message."""
    duplicate: bool
    """It had been accepted before: nothing new was."""


def dead_letter_item(view: DeadLetterView) -> DeadLetterItem:
    """A dead letter in a list."""
    return DeadLetterItem(
        dead_letter_id=str(view.id),
        broker_message_id=view.message_id,
        part_id=view.source_id,
        key=view.key,
        reason=view.reason,
        errors=tuple([FieldProblem(fault.path, fault.code, fault.message) for fault in view.faults]),
        size=view.size,
        deliveries=view.deliveries,
        received_at=iso(view.received_at),
        replayed_at=iso(view.replayed_at),
        target=view.target,
    )


def dead_letter_answer(view: DeadLetterView, body: bytes) -> DeadLetterAnswer:
    """A dead letter with its body."""
    item = dead_letter_item(view)
    fields = {name: getattr(item, name) for name in DeadLetterItem.__struct_fields__}
    try:
        return DeadLetterAnswer(**fields, body=body.decode(), encoding="utf-8")
    except UnicodeDecodeError:
        return DeadLetterAnswer(**fields, body=base64.b64encode(body).decode(), encoding="base64")
