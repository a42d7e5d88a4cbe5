"""The recall of a message: a person or client requests it, we make it, and only the message stream confirms it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wework_message.domain.message.scheduling import Due
from wework_message.domain.outcomes import OutcomeClass


class RecallState(StrEnum):
    """The progress of a recall."""

    NONE = "NONE"
    WAITING = "WAITING"
    """Requested while the message was UNKNOWN, or before its provider id was known: it starts once it is proven sent, and has one
    (M-4.9)."""
    ASKED = "ASKED"
    CALLING = "CALLING"
    ANSWERED = "ANSWERED"
    """The provider answered 0; the stream has not confirmed it yet."""
    LOST = "LOST"
    """The answer to our recall was lost."""


TRIED_FOR_MS: Final = 24 * 3_600_000
"""How long a recall is tried that provably does not reach the provider."""

MAX_WAIT_MS: Final = 60_000
"""The longest wait between two of these tries."""

NOT_MADE: Final = frozenset({OutcomeClass.NOT_SENT, OutcomeClass.THROTTLED})
"""Answers after which a recall is tried again."""

_RUNNING: Final = frozenset({RecallState.ASKED, RecallState.CALLING, RecallState.ANSWERED, RecallState.LOST})


@dataclass(slots=True)
class Recall:
    """The recall of one message. Methods that change it return when the message is due; a recall never holds a lane."""

    state: RecallState = RecallState.NONE
    confirmed: bool | None = None
    """Whether the message stream showed it; None before it is recalled."""

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.state in _RUNNING

    def wait(self) -> None:
        """It was requested, and starts once the message is proven sent."""
        self.state = RecallState.WAITING

    def put_off(self) -> None:
        """The message is no longer proven sent: a running recall starts again once it is (M-4.9)."""
        if self.is_running:
            self.state = RecallState.WAITING

    def start(self) -> Due:
        """The dispatcher makes the call, at once."""
        self.state = RecallState.ASKED
        return Due(0)

    def call(self, *, lease_ms: int) -> Due:
        """The call's intent; recalling twice does no harm, so after a crash the recall is repeated or times out."""
        self.state = RecallState.CALLING
        return Due(lease_ms)

    def settle(self, kind: OutcomeClass, *, retry_ms: int, tried_ms: int, horizon_ms: int) -> Due | None:
        """Record the provider's answer; returns None where it refused, or is tried for too long, and the recall has ended.

        `tried_ms` is how long ago it was started: a quarter of that, `retry_ms` at least, is the wait for the next try.
        """
        if kind in NOT_MADE and tried_ms < TRIED_FOR_MS:
            self.state = RecallState.ASKED
            return Due(min(max(retry_ms, tried_ms // 4), MAX_WAIT_MS))
        if kind in (OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN):
            self.state = RecallState.ANSWERED if kind is OutcomeClass.ACCEPTED else RecallState.LOST
            return Due(2 * horizon_ms)
        self.end()
        return None

    def end(self) -> None:
        """As if it had not been requested."""
        self.state = RecallState.NONE
