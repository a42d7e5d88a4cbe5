"""The least interval between two calls of a conversation, where an account has one (ADR 49)."""

from collections.abc import Mapping, Sequence

from wework_message.application.dispatch.routing import Router
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Lane
from wework_message.domain.ports.repositories import UnitOfWork


class Intervals:
    """When the last calls began in the conversations of the set that is decided on, as the database has it."""

    def __init__(self, router: Router) -> None:
        """`router` knows the limits of accounts."""
        self._router = router
        self._starts: Mapping[Lane, int] = {}

    async def prepare(self, unit: UnitOfWork, messages: Sequence[Message]) -> None:
        """Read what these messages need; nothing where no account has an interval."""
        lanes = {
            (message.account_id, message.conversation_id)
            for message in messages
            if message.is_waiting() and self._router.limits(message).min_interval_ms is not None
        }
        self._starts = await unit.messages.last_starts(lanes) if lanes else {}

    def left_ms(self, message: Message, *, now: int) -> int:
        """How long until the next call of its conversation may begin, never longer than the interval; 0 = now.

        A call that began more than an interval from now began before the clock was set back: it keeps nobody waiting.
        """
        if not self._starts:
            return 0
        interval_ms = self._router.limits(message).min_interval_ms
        started_at = self._starts.get((message.account_id, message.conversation_id))
        if interval_ms is None or started_at is None:
            return 0
        ahead_ms = started_at - now
        return min(interval_ms, max(0, ahead_ms + interval_ms)) if ahead_ms <= interval_ms else 0
