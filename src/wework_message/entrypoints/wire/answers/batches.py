"""The `data` of answers about batches (W-3)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from wework_message.domain.batch import BatchMode, resting
from wework_message.domain.ids import ProviderCode
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import BatchView, MessageView
from wework_message.domain.routing.provider import Provider
from wework_message.entrypoints.wire.answers.statuses import ListedMessage, identity, is_simulated, status_fields
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.problems import FieldProblem


class BatchedMessage(ListedMessage, frozen=True, kw_only=True, rename="camel"):
    """A message of a batch."""

    index: int | None


class BatchItemAnswer(Struct, frozen=True, rename="camel"):
    """The result of one item of a batch."""

    index: int
    message_id: str | None = None
    status: str | None = None
    error: str | None = None
    """The stable code that a request of its own would have got."""
    errors: tuple[FieldProblem, ...] = ()
    duplicate: bool = False
    """Its key was used before, for the same message: nothing new was accepted, and `status` is today's."""


class ChunkAnswer(Struct, frozen=True, rename="camel"):
    """One call of a mass send."""

    number: int
    """From 0."""
    recipients: int


class ConfirmationAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a mass send to many needs before it is accepted: the same request with this token."""

    confirm_token: str
    recipients: int
    chunks: int
    expires_at: str


class MassTaskAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a provider says of mass sends that an administrator issued."""

    provider_code: str
    raw: Any
    """Its answer as it is."""


class BatchAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An accepted batch, item by item."""

    batch_id: str
    mode: str
    accepted: int
    rejected: int
    items: tuple[BatchItemAnswer, ...]
    duplicate: bool = False
    chunks: tuple[ChunkAnswer, ...] | UnsetType = UNSET
    """Of a mass send; empty where it is a duplicate."""


class ChunkProgress(ChunkAnswer, frozen=True, kw_only=True, rename="camel"):
    """One call of a mass send, and what is known of it."""

    rooms: bool
    """False: users."""
    next_attempt_at: str | None
    """When its waiting recipients are looked at."""
    task_id: str | None
    """As the provider named the last call, where it did."""


class BatchProgress(Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a batch is."""

    batch_id: str
    mode: str
    total: int
    by_status: Mapping[str, int]
    done: int
    """Messages that rest."""
    created_at: str
    finished_at: str | None
    chunks: tuple[ChunkProgress, ...] | UnsetType = UNSET
    """Of a mass send."""
    items: tuple[BatchedMessage, ...]
    next_cursor: str | None


def batch_progress(
    batch: BatchView,
    items: Sequence[MessageView],
    *,
    providers: Mapping[ProviderCode, Provider],
    next_cursor: str | None,
    paused: Callable[[Message], bool],
) -> BatchProgress:
    """The `data` of a batch; `paused` says which messages wait because of an operator."""
    return BatchProgress(
        batch_id=batch.id,
        mode=batch.mode,
        total=batch.total,
        by_status={status.value: count for status, count in batch.by_status.items()},
        done=resting(batch.by_status),
        created_at=iso(batch.created_at),
        finished_at=iso(batch.finished_at),
        chunks=tuple(
            ChunkProgress(
                number=chunk.number,
                recipients=chunk.recipients,
                rooms=chunk.are_rooms,
                next_attempt_at=iso(chunk.due_at),
                task_id=chunk.task_id,
            )
            for chunk in batch.chunks
        )
        if batch.mode == BatchMode.MASS_SEND
        else UNSET,
        items=tuple(
            BatchedMessage(
                **status_fields(view, simulated=is_simulated(view.message, providers), paused=paused(view.message)),
                **identity(view),
                attempts=len(view.message.attempts),
                index=view.message.index,
            )
            for view in items
        ),
        next_cursor=next_cursor,
    )
