"""The attempts of one message, oldest first, and what they prove together."""

from collections.abc import Sequence
from typing import Final

from wework_message.domain.ids import ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.projection import CallbackProjection, Evidence, FactKind

_PROVEN_SENT: Final = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.RECALLING})


class Attempts(list[Attempt]):
    """A message's calls in the order of their numbers, which have no gaps; at most one of them is unsettled."""

    __slots__ = ()

    @property
    def last(self) -> Attempt | None:
        """The newest attempt, if there was one."""
        return self[-1] if self else None

    @property
    def open(self) -> Attempt | None:
        """The attempt that is in flight or uncertain; there is at most one."""
        return next((attempt for attempt in reversed(self) if attempt.unsettled), None)

    @property
    def open_reason(self) -> str | None:
        """Why nobody knows what became of the open attempt, where its call has ended."""
        attempt = self.open
        return attempt.outcome.reason if attempt is not None and attempt.outcome is not None else None

    @property
    def named(self) -> Attempt | None:
        """The attempt whose provider id a recall must name: the strongest one that has an id."""
        named = [attempt for attempt in self if attempt.provider_message_id is not None]
        return max(named, key=lambda attempt: (attempt.evidence, attempt.number), default=None)

    @property
    def reported(self) -> Attempt | None:
        """The attempt whose outcome answers show: the one whose provider id counts, else the newest."""
        return self.named or self.last

    def tried_in(self, number: int) -> Sequence[Attempt]:
        """The tries of round `number`; a claim that its process took back is none (ADR 64), and neither is an old handle (ADR 66)."""
        return [
            attempt
            for attempt in self
            if attempt.round == number and not (attempt.was_not_made or attempt.met_old_handle)
        ]

    def old_handles(self, number: int, provider_code: ProviderCode) -> int:
        """How often this provider refused its own handle of a file in round `number`."""
        return sum(
            attempt.round == number and attempt.provider_code == provider_code and attempt.met_old_handle
            for attempt in self
        )

    @property
    def sent_twice(self) -> bool:
        """Whether two of them are known to have been sent, recalled or not: their recipient got the message twice."""
        return len(self) > 1 and sum(attempt.evidence >= Evidence.REVOKED for attempt in self) > 1

    @property
    def revoked(self) -> bool:
        """Whether the message stream showed that one of them was recalled."""
        return any(FactKind.REVOKED in attempt.facts for attempt in self)

    def numbered(self, number: int) -> Attempt:
        """Attempt `number` (from 1); raises `KeyError` if it is not there."""
        for attempt in self:
            if attempt.number == number:
                return attempt
        raise KeyError(number)

    def proven(self, *, status: MessageStatus, current_round: int) -> MessageStatus | None:
        """The status that their evidence proves for a message with this status; None where the rules decide.

        An open call ends first: only its answer ends SENDING. A failure that the server reported about an earlier round
        does not end a later one, unless the message was proven sent by that earlier round.
        """
        proven = CallbackProjection.of(attempt.evidence for attempt in self)
        if proven is None or any(attempt.outcome is None and attempt.unsettled for attempt in self):
            return None
        if proven is MessageStatus.FAILED and status not in _PROVEN_SENT:
            failed = {attempt.round for attempt in self if attempt.evidence is Evidence.SEND_FAILED}
            return proven if current_round in failed else None
        return proven

    def give_up(self) -> bool:
        """Settle the open attempt; False where there was none."""
        if (attempt := self.open) is None:
            return False
        attempt.release()
        return True

    def free_lane(self) -> Attempt | None:
        """Free the lane of the open attempt, which stays unsettled; returns it, or None where none held the lane."""
        attempt = self.open
        if attempt is None or not attempt.lane_open:
            return None
        attempt.lane_open = False
        return attempt
