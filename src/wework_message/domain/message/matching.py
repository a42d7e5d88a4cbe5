"""Which attempt does a stream record belong to? (M-4.6, D-44).

An id identifies its attempt. Without an id, only what the account itself sent, in the same conversation, equal in type and
content and in time, may settle an uncertain attempt, and only where there is one such message; everything else stays UNKNOWN
for a person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wework_message.domain.ids import Guid, MessageId
from wework_message.domain.message.fitting import SKEW_MS, is_in, is_overdue
from wework_message.domain.message.projection import StreamRecord


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An uncertain attempt that an echo may settle."""

    message_id: MessageId
    number: int
    guid: Guid
    conversation_id: str
    content_key: str | None
    started_at: int
    """Epoch ms."""
    ended_at: int
    """Epoch ms."""
    own_user_id: str | None = None
    """The account's own user id, where it is known."""
    unsettled: bool = True
    """Its message waits for evidence about it. Not so where it was refused by an unknown code, proven absent, or given up."""


def is_own(stream_record: StreamRecord, own_user_id: str | None) -> bool:
    """Whether the account itself sent the record; the provider's mark counts until the account's user id is known."""
    return stream_record.sender == own_user_id if own_user_id is not None else stream_record.marked_own


def match(
    stream_record: StreamRecord, attempts: Iterable[OpenAttempt], *, horizon_ms: int, received_at: int
) -> OpenAttempt | None:
    """The attempt that this record, which arrived at `received_at`, settles by content, or None.

    Of attempts of one message it is the oldest. Where attempts of two messages fit, nothing tells them apart, and the record
    settles neither: their lane keeps them apart by twice H, unless they were restored, or refused by an unknown code.
    `horizon_ms` is H: how long after the end of an attempt its echo may still be stamped, and a failure may be reported.
    """
    fitting = _fitting(stream_record, attempts, horizon_ms, received_at)
    if len({attempt.message_id for attempt in fitting}) > 1:
        return None
    return min(fitting, key=lambda attempt: (attempt.started_at, attempt.number), default=None)


def open_calls_of(
    stream_record: StreamRecord, calls: Iterable[OpenAttempt], *, horizon_ms: int
) -> Sequence[OpenAttempt]:
    """Those of the open `calls` that this record may be the echo of: an echo may be faster than its answer.

    While there is one, the record settles nothing else by its content. When it arrived says nothing about a call that goes
    on: the clocks of two processes differ.
    """
    return _fitting(stream_record, calls, horizon_ms, None)


def _fitting(
    stream_record: StreamRecord, attempts: Iterable[OpenAttempt], horizon_ms: int, received_at: int | None
) -> Sequence[OpenAttempt]:
    """Without an arrival it came at the end of each; thousands may be open, so what they share is made once."""
    if stream_record.shown is None:
        return []
    key = stream_record.shown.key
    return [
        attempt
        for attempt in attempts
        if _fits(stream_record, key, attempt, horizon_ms, attempt.ended_at if received_at is None else received_at)
    ]


def _fits(stream_record: StreamRecord, key: str, attempt: OpenAttempt, horizon_ms: int, received_at: int) -> bool:
    return (
        attempt.guid == stream_record.guid
        and attempt.content_key == key
        and is_own(stream_record, attempt.own_user_id)
        and is_in(stream_record, attempt.conversation_id)
        and stream_record.sent_at is not None
        and attempt.started_at - SKEW_MS <= stream_record.sent_at <= attempt.ended_at + horizon_ms
        and attempt.started_at <= received_at
        and not is_overdue(stream_record, attempt.ended_at, horizon_ms, received_at)
    )
