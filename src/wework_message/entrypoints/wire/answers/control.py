"""The `data` of answers about pauses (W-5)."""

from collections.abc import Sequence

from msgspec import Struct

from wework_message.application.control.cancel_batch import CancelledBatch
from wework_message.domain.control import Pause
from wework_message.entrypoints.wire.instants import iso


class PauseAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is stopped."""

    scope: str
    """SERVICE, TENANT, PROVIDER, ACCOUNT or BATCH."""
    id: str | None
    """Null for the service."""
    reason: str | None
    since: str
    by: str | None
    """Who paused, as they said."""


class PauseList(Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything that is stopped, the oldest pause first."""

    items: tuple[PauseAnswer, ...]
    next_cursor: str | None = None
    """Always null: there are few."""


class ResumeAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What goes on."""

    scope: str
    id: str | None
    resumed: bool
    """False: it was not paused."""


class CancelledBatchAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A batch after a cancel of what it had not sent."""

    batch_id: str
    total: int
    """Its stored messages: the sum of the next five."""
    cancelled: int
    sent: int
    """SENT, DELIVERED, RECALLING and RECALLED."""
    in_flight: int
    """SENDING and UNKNOWN: what becomes of them is not known yet."""
    ended: int
    """FAILED and EXPIRED: never sent."""
    remaining: int
    """Still waiting; another request takes them."""
    newly_cancelled: int
    """By this request."""
    done: bool
    """Nothing remains."""


def pause_answer(pause: Pause) -> PauseAnswer:
    """One pause."""
    return PauseAnswer(
        scope=pause.scope.value, id=pause.id or None, reason=pause.reason, since=iso(pause.since), by=pause.by
    )


def pause_list(pauses: Sequence[Pause]) -> PauseList:
    """All of them."""
    return PauseList(items=tuple(pause_answer(pause) for pause in pauses))


def cancelled_batch(batch: CancelledBatch) -> CancelledBatchAnswer:
    """The `data` of a cancel."""
    return CancelledBatchAnswer(
        batch_id=batch.batch_id,
        total=batch.total,
        cancelled=batch.cancelled,
        sent=batch.sent,
        in_flight=batch.in_flight,
        ended=batch.ended,
        remaining=batch.remaining,
        newly_cancelled=batch.newly_cancelled,
        done=batch.remaining == 0,
    )
