"""The `data` of answers about batches (W-3)."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from wework_message.domain.batch import resting
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


class BatchAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An accepted batch, item by item."""

    batch_id: str
    mode: str
    accepted: int
    rejected: int
    items: tuple[BatchItemAnswer, ...]
    duplicate: bool = False


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
