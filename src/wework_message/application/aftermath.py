"""What follows a commit: one ring, watchers, observers, the projector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wework_message.application.group_commit import Flush
from wework_message.application.watching import StatusFeed
from wework_message.domain.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.doorbell import Doorbell
from wework_message.domain.ports.health import CallReport, HealthBoard
from wework_message.domain.ports.observing import Observer


@dataclass(frozen=True, slots=True)
class CallReports:
    """Tells everybody that a call has ended."""

    board: HealthBoard
    observer: Observer
    ask_now: Callable[[], None]
    """Has the prober look at once."""

    def __call__(self, report: CallReport) -> None:
        """Health first: the next route should know. What says that an instance may be offline is asked about at once."""
        self.board.report(report)
        if report.outcome is OutcomeClass.REFUSED_BINDING or not report.confirmed:
            self.ask_now()
        self.observer.called(report)


def _nobody(messages: Sequence[Message], /) -> None:
    """Nothing is kept of older versions."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Tells everybody, in this order: who waits for the answer, who works on, who watches."""

    feed: StatusFeed
    doorbell: Doorbell
    observer: Observer
    wake_projector: Callable[[], None]
    committed: Callable[[Sequence[Message]], None] = _nobody
    """Told of new versions of messages before anybody can ask for them; it does not wait."""

    async def __call__(self, flush: Flush, /) -> None:
        """Called once per committed transaction (decision 10: one ring carries everything of a class that became due)."""
        if flush.moved:
            self.committed(flush.moved)
        for urgency, message_ids in flush.due.items():
            await self.doorbell.ring(message_ids, urgency)
        if flush.lanes_freed:
            await self.doorbell.ring(())
        if flush.inbox:
            self.wake_projector()
        for (notify_type, result), count in flush.callbacks.items():
            self.observer.callbacks(notify_type, result, count)
        for message in flush.accepted:
            self.observer.accepted(message)
        for message in flush.moved:
            for move in message.lifecycle.moves:
                self.observer.moved(message, move)
            if message.lifecycle.moves:
                self.feed.publish(message.id)
                message.lifecycle.moves = []
