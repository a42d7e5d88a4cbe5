"""The message stream of an instance as we pull it: how far it was read, and what is proven by a record that is not in it.

An absence is the only evidence that lets an uncertain message be sent again, so everything here errs towards "not proven"
(M-4.6, ADR 58). Instants are epoch ms.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from wework_message.domain.account import Binding
from wework_message.domain.conversation import without_session
from wework_message.domain.ids import AccountId
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.projection import StreamRecord

MAX_PAUSE_MS: Final = 900_000
"""A stream that was not read to its end for longer than this has a gap: nobody says how long a provider keeps records."""

LOOKED_BACK_MS: Final = 900_000
"""How long before its call a record may be stamped, and stored, and still be a doubt: a clock that was ahead when the call began hides nothing."""

_ROOM: Final = "R"
"""The kind of conversation in which others send, too."""


def clocks_ms(horizon_ms: int) -> int:
    """How far the clocks of our processes and of the provider may be apart, either way, where an absence is decided: a third of H.

    Never less than `SKEW_MS`, and a minute with the default of H: a record that is taken for too early or too late is quarantined, but an absence
    that is wrong is sent twice.
    """
    return max(SKEW_MS, horizon_ms // 3)


class StreamSupport(StrEnum):
    """What a pull of a provider's stream proves, as the operator says (`settle.sync`)."""

    NONE = "none"
    """It is never pulled."""
    POSITIVE = "positive"
    """What is in it happened, as with callbacks; what is not in it proves nothing."""
    COMPLETE = "complete"
    """What is not in it was not sent, too, once it was read far enough (`StreamPosition.proves_absent`)."""

    @property
    def is_pulled(self) -> bool:
        """Whether the stream is pulled at all."""
        return self in {StreamSupport.POSITIVE, StreamSupport.COMPLETE}


class PullOutcome(StrEnum):
    """How one pull ended; a stable word."""

    READ = "READ"
    UNREADABLE = "UNREADABLE"
    """The provider answered, and nobody knows what. Nothing is changed by it."""
    REFUSED = "REFUSED"
    """The provider answered that it does not give it."""
    UNREACHABLE = "UNREACHABLE"
    """There was no whole answer."""


@dataclass(frozen=True, slots=True)
class PageEnd:
    """What one pull says about the place that it has read up to."""

    outcome: PullOutcome
    cursor: str | None = None
    """Where the next pull begins; None = where this one began."""
    more: bool = False
    """The provider has more behind it."""
    is_whole: bool = False
    """Every record from where it began to `cursor` was in it, and could be read, as far as the protocol can see."""


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """How far the stream of one instance was read."""

    account_id: AccountId
    """Whose stream it is: another account of the same guid has another one."""
    epoch: int
    """That of the binding: a switch may have lost something."""
    cursor: str
    """Where the next pull begins, in the provider's spelling."""
    whole_since: int | None = None
    """Everything that came into the stream from then on was read; None = there is a gap behind which no end was reached."""
    reached_at: int | None = None
    """When the latest message of ours that was read was sent, by the provider's clock: so far the stream shows what we send."""
    pulled_at: int | None = None
    """When the last pull began that read to the end."""
    outcome: PullOutcome = PullOutcome.READ
    """That of the last pull."""

    def now_of(self, binding: Binding) -> "StreamPosition | None":
        """The same for the binding as it is now: None where the account is another one, with a gap where it was switched."""
        if binding.account_id != self.account_id:
            return None
        return self if binding.epoch == self.epoch else replace(self.torn(), epoch=binding.epoch)

    def after(self, page: PageEnd, sent: Iterable[int | None], *, began_at: int) -> "StreamPosition":
        """After one more pull, begun at `began_at` by our clock; `sent` are the send times of those of its records that are known to be ours.

        One that could not be read changes nothing but the outcome: the next begins at the same place. A gap is behind a page
        that is not whole, and behind a pause that is too long or, with a clock that was set back, negative. Behind that the
        stream is whole since no earlier than the last end, by the clock of then: calls of before have its times.
        """
        if page.outcome is not PullOutcome.READ:
            return replace(self, outcome=page.outcome)
        is_late = self.pulled_at is not None and not 0 <= began_at - self.pulled_at <= MAX_PAUSE_MS
        whole_since = None if is_late or not page.is_whole else self.whole_since
        at_end = page.is_whole and not page.more
        begins_at = began_at if self.pulled_at is None else max(began_at, self.pulled_at)
        # A record that claims to be of the future says nothing about how far the stream has come.
        known = [at for at in (self.reached_at, *sent) if at is not None and at <= began_at + SKEW_MS]
        return replace(
            self,
            cursor=self.cursor if page.cursor is None else page.cursor,
            whole_since=begins_at if at_end and whole_since is None else whole_since,
            reached_at=max(known, default=None),
            pulled_at=began_at if at_end else self.pulled_at,
            outcome=page.outcome,
        )

    def torn(self) -> "StreamPosition":
        """The same with a gap: of what was read until now, something may be gone."""
        return replace(self, whole_since=None)

    def proves_absent(self, attempt: OpenAttempt, *, seen_at: int, horizon_ms: int) -> bool:
        """Whether a record of this attempt would have been read by now, if the provider had executed it; `seen_at` as in `over_at`.

        It may have executed it until H after its end, and a stream may be late, or show no own messages at all. So another message of ours
        that was sent after that must have been read: this one would lie before it. The stream was read without a gap since before the
        attempt began, and the last pull to the end began later than H after it. Whether a record *is* there is another question (`may_be_of`).
        """
        if self.whole_since is None or self.reached_at is None or self.pulled_at is None:
            return False
        over = over_at(attempt, seen_at=seen_at, horizon_ms=horizon_ms)
        is_whole = self.whole_since <= attempt.started_at - clocks_ms(horizon_ms)
        return is_whole and self.reached_at > over and self.pulled_at >= over


def over_at(attempt: OpenAttempt, *, seen_at: int, horizon_ms: int) -> int:
    """When the provider no longer executes the attempt, whatever the clocks say.

    `seen_at` is when the process that decides found it uncertain, by its own clock: that of the process that made the call may be
    behind by any time.
    """
    return max(attempt.ended_at, seen_at) + horizon_ms + clocks_ms(horizon_ms)


def may_be_of(stream_record: StreamRecord, attempt: OpenAttempt, *, seen_at: int, horizon_ms: int) -> bool:
    """Whether this record, which belongs to no message, could be what the attempt sent, whatever it contains; `seen_at` as in `over_at`.

    What a record shows is not looked at: a field that the protocol reads wrongly must not prove that nothing was sent. So a picture in the
    same conversation and time is a doubt about a text, and so is a record that the provider marks as the account's own
    although its sender is another one, or that names no conversation of the same kind. One that changes an earlier record, such
    as a recall on the phone, has its own time: it is a doubt however late it is.
    """
    if not stream_record.kinds or not _may_be_in(stream_record, attempt) or _is_foreign(stream_record, attempt):
        return False
    sent_at, over = stream_record.sent_at, over_at(attempt, seen_at=seen_at, horizon_ms=horizon_ms)
    if sent_at is None:
        return True
    return attempt.started_at - LOOKED_BACK_MS <= sent_at and (sent_at <= over or stream_record.refers_to is not None)


def _may_be_in(stream_record: StreamRecord, attempt: OpenAttempt) -> bool:
    """False only where it names another conversation of the same kind, such as another room; sessions with a person are one."""
    named = set(map(without_session, stream_record.conversations))
    return without_session(attempt.conversation_id) in named or _kind(attempt.conversation_id) not in map(_kind, named)


def _is_foreign(stream_record: StreamRecord, attempt: OpenAttempt) -> bool:
    """Whether it shows that somebody else sent it. Whoever writes to the one person of a conversation is the account, by whatever id."""
    own, sender = attempt.own_user_id, stream_record.sender
    if own is None or sender is None or sender == own or stream_record.marked_own:
        return False
    person = without_session(attempt.conversation_id)
    return _kind(person) == _ROOM or person not in map(without_session, stream_record.conversations)


def _kind(conversation_id: str) -> str:
    return conversation_id.partition(":")[0]


def is_of_others(stream_record: StreamRecord, ours: Collection[str]) -> bool:
    """Whether this is what somebody else sent, so that it is evidence about no message of ours; `ours` are all user ids that may be ours.

    False where it is not sure: without a sender, where the provider marks it as own, where it changes an earlier message, and where it
    is addressed to a person who is none of ours: the account sent that, by whatever id.
    """
    if stream_record.marked_own or stream_record.refers_to is not None:
        return False
    if stream_record.sender is None or stream_record.sender in ours:
        return False
    return any(
        kind == _ROOM or recipient in ours
        for kind, _, recipient in (named.partition(":") for named in map(without_session, stream_record.conversations))
    )
