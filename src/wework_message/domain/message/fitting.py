"""Does a stream record fit the attempt whose provider id it names? (D-63, ADR 24).

Anybody who reaches the callback route can count provider ids up. So an id alone proves nothing: a record must also name the
sender, the conversation and the time of the attempt, as far as we know them ourselves.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from wework_message.domain.conversation import ERASED_CONVERSATION, without_session
from wework_message.domain.message.projection import FactKind, StreamRecord

SKEW_MS: Final = 5_000
"""How far the provider's clock may be from ours, either way, in ms; its send times are whole seconds."""

_STAMPED_BY_THE_SEND: Final = frozenset({FactKind.ECHO, FactKind.SEND_FAIL})
"""A record of these kinds has the time of the send. A recall, or the server's own retry, may have its own, later one."""

_OUTWEIGH_A_FAILURE: Final = frozenset({FactKind.SERVER_RETRY_OK, FactKind.REVOKED})


class Misfit(StrEnum):
    """The first thing in which a record does not fit the attempt that it names; a stable word."""

    SENDER = "SENDER"
    """It does not name the account as its sender."""
    CONVERSATION = "CONVERSATION"
    """It does not name the conversation."""
    APP_INFO = "APP_INFO"
    """Both have a key that is the same in every member's view, and it is not the same."""
    SEND_TIME = "SEND_TIME"
    """It is stamped before or after the time in which the attempt can have been executed; without a stamp, it arrived then."""
    OLDER = "OLDER"
    """It arrived before the attempt began: it cannot know it."""
    OVERDUE = "OVERDUE"
    """It reports a failed send later than H after the end of the call."""


class JudgedAttempt(Protocol):
    """What a record must fit: an attempt, or a message at rest with what it knows of its newest one."""

    @property
    def started_at(self) -> int:
        """See `Attempt`."""
        ...

    @property
    def ended_at(self) -> int | None:
        """See `Attempt`."""
        ...

    @property
    def sent_at(self) -> int | None:
        """See `Attempt`."""
        ...

    @property
    def app_info_key(self) -> str | None:
        """See `Attempt`."""
        ...


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of an attempt that a record may be about. `horizon_ms` is H; instants are epoch ms."""

    attempt: JudgedAttempt
    conversation_id: str
    horizon_ms: int
    own_user_id: str | None = None
    """The account's own user id; None = not known."""
    admin_user_ids: Collection[str] = ()
    """Others who may recall the account's messages."""

    def misfit(self, stream_record: StreamRecord, *, received_at: int) -> Misfit | None:
        """Why the record, which arrived at `received_at`, is no evidence about the attempt; None where it is."""
        contradictions = (
            (Misfit.SENDER, self._is_foreign(stream_record)),
            (Misfit.CONVERSATION, not is_in(stream_record, self.conversation_id)),
            (Misfit.APP_INFO, self._has_another_key(stream_record)),
            (Misfit.OLDER, not self._has_the_key(stream_record) and received_at < self.attempt.started_at),
            (Misfit.SEND_TIME, not self._is_in_time(stream_record, received_at)),
            (Misfit.OVERDUE, is_overdue(stream_record, self.attempt.ended_at, self.horizon_ms, received_at)),
        )
        return next((misfit for misfit, contradicts in contradictions if contradicts), None)

    def _is_foreign(self, stream_record: StreamRecord) -> bool:
        sender = stream_record.sender
        if self.own_user_id is None or sender == self.own_user_id:
            return False
        return stream_record.kinds != {FactKind.REVOKED} or sender not in self.admin_user_ids

    def _has_another_key(self, stream_record: StreamRecord) -> bool:
        """A record that changes an earlier one has a key of its own."""
        own, recorded = stream_record.app_info_key, self.attempt.app_info_key
        return stream_record.refers_to is None and None not in {own, recorded} and own != recorded

    def _has_the_key(self, stream_record: StreamRecord) -> bool:
        """Nobody can guess the key of a message before it is sent: with it, the clocks of two processes may differ by minutes."""
        own = self.attempt.app_info_key
        return own is not None and stream_record.app_info_key == own

    def _is_in_time(self, stream_record: StreamRecord, received_at: int) -> bool:
        sent_at = received_at if stream_record.sent_at is None else stream_record.sent_at
        attempt = self.attempt
        unbounded = stream_record.refers_to is not None or not stream_record.kinds <= _STAMPED_BY_THE_SEND
        age_ms = received_at - attempt.started_at
        return any(
            start - SKEW_MS <= sent_at <= max(end + self.horizon_ms, start + age_ms if unbounded else 0) + SKEW_MS
            for start, end in self._spans(received_at)
        )

    def _spans(self, received_at: int) -> Iterator[tuple[int, int]]:
        """When the send was executed: by our clock, and by the provider's where its answer had the time."""
        attempt = self.attempt
        yield attempt.started_at, received_at if attempt.ended_at is None else attempt.ended_at
        if attempt.sent_at is not None:
            yield attempt.sent_at, attempt.sent_at


def is_overdue(stream_record: StreamRecord, ended_at: int | None, horizon_ms: int, received_at: int) -> bool:
    """Whether it reports a failed send, and arrived later than H after the call had ended at `ended_at` (None = it is open)."""
    failed = FactKind.SEND_FAIL in stream_record.kinds and not stream_record.kinds & _OUTWEIGH_A_FAILURE
    return failed and ended_at is not None and received_at > ended_at + horizon_ms


def is_in(stream_record: StreamRecord, conversation_id: str) -> bool:
    """Whether the record is of this conversation, as far as it and we say: without its session it is of any of the same person."""
    if conversation_id in {ERASED_CONVERSATION, *stream_record.conversations}:
        return True
    return not stream_record.names_session and without_session(conversation_id) in stream_record.conversations
