"""The whole message: status, request, timeline, and why each attempt went where it went (W-3)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from wework_message.domain.content import Content
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.decision import Decision
from wework_message.domain.message.message import Message
from wework_message.domain.message.timeline import Note
from wework_message.domain.ports.queries import MessageView
from wework_message.entrypoints.wire.answers.statuses import StatusFields, error_of, identity, status_fields
from wework_message.entrypoints.wire.instants import iso


class TimelineEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """One event of a message."""

    at: str
    kind: str
    """ACCEPTED, ATTEMPT_STARTED, ATTEMPT_ENDED, or the name of a note or fact such as HELD or ECHO."""
    attempt: int | None = None
    provider_code: str | None = None
    guid: str | None = None
    outcome: str | None = None
    detail: str | None = None


class CandidateAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """One binding that was considered."""

    binding_id: str
    guid: str
    provider_code: str
    score: float | None
    excluded: str | None
    """Why it could not, or did not, take the message."""


class DecisionAnswer(Struct, frozen=True, rename="camel"):
    """Why an attempt went where it went."""

    candidates: tuple[CandidateAnswer, ...]
    chosen: str | None
    """A `bindingId`."""
    reason: str


class AttemptAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """One call to a provider."""

    number: int
    provider_code: str
    guid: str
    outcome: str | None
    """An outcome class; null while the call is open."""
    started_at: str
    ended_at: str | None
    provider_message_id: str | None
    error_code: int | None
    error_message: str | None
    decision: DecisionAnswer | None


class MessageAnswer(StatusFields, frozen=True, kw_only=True, rename="camel"):
    """Everything that is known about a message."""

    conversation_id: str
    guid: str | None
    message_type: str
    client_message_id: str | None
    campaign_id: str | None
    created_at: str
    account_id: str
    content: Content | None
    """The content object as it is sent, with its `messageType`; null once it is erased."""
    content_erased: bool
    """Whether the content is erased, with `extra` and the details of answers: it is older than the service keeps it."""
    mode: str
    priority: int
    scheduled_at: str | None
    expires_at: str
    pin: str
    on_unknown: str
    duplicate_safe: bool
    retry_count: int | None
    status_callback_url: str | None
    batch_id: str | None
    group_id: str | None
    index: int | None
    extra: Mapping[str, Any] | None
    timeline: tuple[TimelineEntry, ...]
    attempts: tuple[AttemptAnswer, ...]


_ACCEPTED, _STARTED, _ENDED, _NOTE = range(4)
"""Order of entries within one millisecond."""

_Placed = tuple[int, int, TimelineEntry]


def message_answer(view: MessageView, notes: Sequence[Note], *, simulated: bool, paused: bool = False) -> MessageAnswer:
    """The `data` of a whole message; `notes` are its stored timeline, oldest first."""
    message = view.message
    return MessageAnswer(
        **status_fields(view, simulated=simulated, paused=paused),
        **identity(view),
        account_id=message.account_id,
        content=message.content,
        content_erased=message.is_erased,
        mode=message.mode,
        priority=message.options.priority,
        scheduled_at=iso(message.options.scheduled_at),
        expires_at=iso(message.expires_at),
        pin=message.options.pin.value,
        on_unknown=message.on_unknown.value,
        duplicate_safe=message.options.duplicate_safe,
        retry_count=message.options.retry_count,
        status_callback_url=message.options.status_callback_url,
        batch_id=message.batch_id,
        group_id=message.group_id,
        index=message.index,
        extra=message.options.extra,
        timeline=timeline(message, notes),
        attempts=tuple(_attempt(attempt) for attempt in message.attempts),
    )


def timeline(message: Message, notes: Iterable[Note]) -> tuple[TimelineEntry, ...]:
    """Acceptance, attempts and notes in the order of time."""
    placed = sorted([*_own_entries(message), *_note_entries(message, notes)], key=_place)
    return tuple(entry for _, _, entry in placed)


def _place(entry: _Placed) -> tuple[int, int]:
    return entry[:2]


def _own_entries(message: Message) -> Iterator[_Placed]:
    at = message.accepted_at
    yield at, _ACCEPTED, TimelineEntry(at=iso(at), kind="ACCEPTED", detail=message.mode)
    for attempt in message.attempts:
        where: dict[str, Any] = {
            "attempt": attempt.number,
            "provider_code": attempt.provider_code,
            "guid": attempt.guid,
        }
        yield attempt.started_at, _STARTED, TimelineEntry(at=iso(attempt.started_at), kind="ATTEMPT_STARTED", **where)
        if attempt.ended_at is not None and attempt.outcome is not None:
            outcome, reason = attempt.outcome.kind.value, attempt.outcome.reason
            ended = TimelineEntry(
                at=iso(attempt.ended_at), kind="ATTEMPT_ENDED", outcome=outcome, detail=reason, **where
            )
            yield attempt.ended_at, _ENDED, ended


def _note_entries(message: Message, notes: Iterable[Note]) -> Iterator[_Placed]:
    attempts = {attempt.number: attempt for attempt in message.attempts}
    for note in notes:
        attempt = attempts.get(note.attempt) if note.attempt is not None else None
        entry = TimelineEntry(
            at=iso(note.at),
            kind=note.kind,
            attempt=note.attempt,
            provider_code=attempt.provider_code if attempt is not None else None,
            guid=attempt.guid if attempt is not None else None,
            detail=note.detail or note.source,
        )
        yield note.at, _NOTE, entry


def _attempt(attempt: Attempt) -> AttemptAnswer:
    error_code, error_message = error_of(attempt.outcome)
    return AttemptAnswer(
        number=attempt.number,
        provider_code=attempt.provider_code,
        guid=attempt.guid,
        outcome=attempt.outcome.kind.value if attempt.outcome is not None else None,
        started_at=iso(attempt.started_at),
        ended_at=iso(attempt.ended_at),
        provider_message_id=attempt.provider_message_id,
        error_code=error_code,
        error_message=error_message,
        decision=decision_answer(attempt.decision) if attempt.decision is not None else None,
    )


def decision_answer(decision: Decision) -> DecisionAnswer:
    """Why a binding was chosen, or none."""
    return DecisionAnswer(
        tuple(
            CandidateAnswer(
                binding_id=candidate.binding_id,
                guid=candidate.guid,
                provider_code=candidate.provider_code,
                score=candidate.score,
                excluded=candidate.excluded,
            )
            for candidate in decision.candidates
        ),
        decision.chosen,
        decision.reason,
    )
