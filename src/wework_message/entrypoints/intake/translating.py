"""A queued send, from the bytes of another system to what the application accepts. Replays of dead letters share this.

The body is that of ``POST /api/messages/send/async``, and is validated as there; the Java service's own body is one.
"""

import dataclasses
import hashlib
from typing import Final

from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.errors import ApplicationError, IdempotencyConflictError
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.consumer import Delivered
from wework_message.domain.ports.dead_letters import DeadLetter, DeadLetterSource, DeadLetterView, Fault
from wework_message.entrypoints.wire.commands import accept_command
from wework_message.entrypoints.wire.problems import ProblemCode, RequestRejected
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.send import parse_send

BY_KEY: Final = "\x1frocketmq-key:"
BY_PART: Final = "\x1frocketmq-part:"
"""Prefixes of the idempotency keys that we make. No client's own key is one: it may not have their first character."""

MAX_NAME_LENGTH: Final = 255
"""Characters of an idempotency key, and of a broker's names as we store them."""
MAX_FAULTS: Final = 100
MAX_PATH_LENGTH: Final = 200

POISON: Final = "POISON"
"""Reason of a message whose handling raises: a defect of ours."""
EXHAUSTED: Final = "EXHAUSTED"
"""Reason of a message that was delivered very often and neither stored nor refused."""
UNREADABLE: Final = "UNREADABLE_BODY"
"""Reason of a message whose body could not be decompressed; a fault says why."""


def command_of(body: bytes, *, tenant_id: TenantId, limits: Limits, now: int) -> AcceptMessage:
    """What the body asks for, for `tenant_id`: a topic has no keys that distinguish tenants. Idempotent by its own `clientMessageId` or not at all; `now` is epoch ms.

    Raises `RequestRejected` with every problem it finds.
    """
    request = parse_send(body, limits=limits, now=now)
    return accept_command(request, tenant_id, "ASYNC")


def by_part(part_id: str) -> str:
    """The idempotency key of what a broker stored once (ADR 23)."""
    return _own_key(BY_PART, stored_name(part_id))


def by_key(key: str) -> str:
    """The idempotency key of everything that a producer sends under one key, where its keys are said to be unique."""
    return _own_key(BY_KEY, stored_name(key))


def idempotency_key(client_message_id: str | None, key: str | None, part_id: str) -> str:
    """The client's own key, else that of its producer's `key` where it has one that is unique, else that of the part."""
    if client_message_id is not None:
        return client_message_id
    return by_key(key) if key is not None else by_part(part_id)


def stored_under(body: bytes, part_id: str, key: str | None, *, limits: Limits, now: int) -> str:
    """The idempotency key under which a part is stored, if it is not refused; `key` is a producer's that is unique."""
    try:
        client_message_id = parse_send(body, limits=limits, now=now).client_message_id
    except RequestRejected:
        client_message_id = None
    return idempotency_key(client_message_id, key, part_id)


def stored_name(name: str) -> str:
    """A name in the length in which it is stored."""
    return name if len(name) <= MAX_NAME_LENGTH else f"sha256:{_hash(name)}"


def producer_key(delivery: Delivered) -> str | None:
    """The producer's key as it is stored. Of several keys it is always the same one: brokers give them in no order."""
    key = min(filter(None, delivery.keys), default=None)
    return stored_name(key) if key is not None else None


def dead_letter(
    delivery: Delivered, part_id: str, reason: str, faults: tuple[Fault, ...], *, tenant_id: TenantId, now: int
) -> DeadLetter:
    """The dead letter of a part that is refused, of the topic's tenant; `now` is epoch ms."""
    return DeadLetter(
        source=DeadLetterSource.INTAKE,
        source_id=stored_name(part_id),
        message_id=stored_name(delivery.message_id),
        tenant_id=tenant_id,
        reason=reason,
        faults=faults,
        key=producer_key(delivery),
        body=delivery.body,
        deliveries=delivery.attempt,
        received_at=now,
    )


def faults_of(refusal: RequestRejected | ApplicationError) -> tuple[Fault, ...]:
    """The fields that a refusal is about."""
    if isinstance(refusal, RequestRejected):
        return tuple(
            [Fault(error.path[:MAX_PATH_LENGTH], error.code, error.message) for error in refusal.errors[:MAX_FAULTS]]
        )
    path, message = getattr(refusal, "path", None), getattr(refusal, "message", None)
    return (Fault(path, ProblemCode.INVALID_VALUE, message),) if path is not None and message is not None else ()


def replay_of(
    letter: DeadLetterView, body: bytes, *, tenant_id: TenantId, limits: Limits, now: int, unique_keys: bool
) -> AcceptMessage:
    """What a replay asks for, of the letter's tenant: idempotent as the delivery was. Raises `RequestRejected`.

    A letter that conflicts with another message under its key is sent as the part that it is: a person decided so.
    """
    command = command_of(body, tenant_id=tenant_id, limits=limits, now=now)
    key = letter.key if unique_keys and letter.reason != IdempotencyConflictError.code else None
    return dataclasses.replace(command, key=idempotency_key(command.key, key, letter.source_id))


def _own_key(namespace: str, name: str) -> str:
    """Keys are printable ASCII: a name that is not, or is too long, is replaced by its hash."""
    if name.isascii() and name.isprintable() and len(namespace) + len(name) <= MAX_NAME_LENGTH:
        return namespace + name
    return f"{namespace}sha256:{_hash(name)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
