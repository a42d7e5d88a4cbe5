"""A queued send, from the bytes of another system to what the application accepts. Replays of dead letters share this.

The body is that of ``POST /api/messages/send/async``, and is validated as there; the Java service's own body is one.
"""

import hashlib
from typing import Final

from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.errors import ApplicationError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.domain.ports.consumer import Delivered
from wework_message.domain.ports.dead_letters import DeadLetter, DeadLetterSource, Fault
from wework_message.entrypoints.wire.problems import ProblemCode, RequestRejected
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.send import parse_send

TENANT: Final[TenantId] = DEFAULT_TENANT
"""The tenant of these messages: a topic has no keys that distinguish tenants."""

BY_KEY: Final = "rocketmq-key:"
BY_ID: Final = "rocketmq-id:"
"""Prefixes of the idempotency keys that we make, so that no client's own key is one by accident."""

MAX_NAME_LENGTH: Final = 255
"""Characters of an idempotency key, and of a broker's names as we store them."""
MAX_FAULTS: Final = 100
MAX_PATH_LENGTH: Final = 200

POISON: Final = "POISON"
"""Reason of a message whose handling raises: a defect of ours."""
EXHAUSTED: Final = "EXHAUSTED"
"""Reason of a message that was delivered very often and neither stored nor refused."""


def command_of(body: bytes, key: str | None, source_id: str, *, limits: Limits, now: int) -> AcceptMessage:
    """What the body asks for; `key` and `source_id` as `stored_names` makes them, `now` is epoch ms.

    Idempotent by the body's `clientMessageId`, else by the producer's key, else by the broker's id of the message.
    Raises `RequestRejected` with every problem it finds.
    """
    request = parse_send(body, limits=limits, now=now)
    own_key = _own_key(BY_KEY, key) if key is not None else _own_key(BY_ID, source_id)
    return AcceptMessage(TENANT, request.drafts, "ASYNC", request.is_group, request.client_message_id or own_key)


def stored_names(delivery: Delivered) -> tuple[str | None, str]:
    """The producer's key and the broker's id of a message, in the length in which they are stored.

    Of several keys it is always the same one: brokers give them in no order.
    """
    key = min(filter(None, delivery.keys), default=None)
    return _short(key) if key is not None else None, _short(delivery.message_id)


def dead_letter(delivery: Delivered, reason: str, faults: tuple[Fault, ...], *, now: int) -> DeadLetter:
    """The dead letter of a message that is refused; `now` is epoch ms."""
    key, source_id = stored_names(delivery)
    return DeadLetter(
        source=DeadLetterSource.INTAKE,
        source_id=source_id,
        tenant_id=TENANT,
        reason=reason,
        faults=faults,
        key=key,
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


def _own_key(namespace: str, name: str) -> str:
    """Keys are printable ASCII: a name that is not, or is too long, is replaced by its hash."""
    if name.isascii() and name.isprintable() and len(namespace) + len(name) <= MAX_NAME_LENGTH:
        return namespace + name
    return f"{namespace}sha256:{_hash(name)}"


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME_LENGTH else f"sha256:{_hash(name)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
