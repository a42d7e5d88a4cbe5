"""What follows a commit: wake-ups, watchers, observers, the projector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wework_message.application.commit.scope import CommitScope
from wework_message.application.queries.status_feed import StatusFeed
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.sent_message import NewVersion, SentMessage
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.health import CallReport, HealthBoard
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.notifier import Notifier
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.tracer import Tracer


@dataclass(frozen=True, slots=True)
class CallReports:
    """Reports the end of a call to health board and observer."""

    board: HealthBoard
    observer: Observer
    ask_now: Callable[[], None]
    """Makes the prober probe at once."""

    def __call__(self, report: CallReport) -> None:
        """Health first: the next route should use it. An instance that may be offline is probed at once."""
        self.board.report(report)
        if report.outcome is OutcomeClass.REFUSED_BINDING or not report.confirmed:
            self.ask_now()
        self.observer.called(report)


@dataclass(frozen=True, slots=True)
class PostCommit:
    """Passes on what a commit changed: first caches, then dispatchers and the projector, then observers and watchers."""

    feed: StatusFeed
    board: HealthBoard
    """Learns of every echo."""
    notifier: Notifier
    observer: Observer
    wake_projector: Callable[[], None]
    committed: Callable[[Sequence[NewVersion]], None]
    """Called with new versions of messages before a client can ask for them; it does not wait."""
    wake_webhooks: Callable[[], None]
    wake_mass: Callable[[], None]
    wake_media: Callable[[], None]
    tracer: Tracer = NO_TRACER

    async def __call__(self, scope: CommitScope, /) -> None:
        """Called once per committed transaction (D-10: one notification carries everything of a class that became due)."""
        if scope.moved or scope.delivered:
            self.committed([*scope.moved, *scope.delivered])
        for urgency, message_ids in scope.due.items():
            await self.notifier.notify(message_ids, urgency, scope.traces.get(urgency, ()))
        if scope.lanes_freed:
            await self.notifier.notify(())
        if scope.inbox:
            self.wake_projector()
        if scope.webhooks:
            self.wake_webhooks()
        if scope.mass:
            self.wake_mass()
        if scope.media:
            self.wake_media()
        self._observe(scope)
        for report in scope.reports:
            self.tracer.reported(
                report.trace, report.message_id, report.number, report.request, since_ms=report.since_ms
            )

    def _observe(self, scope: CommitScope) -> None:
        self._observe_callbacks(scope)
        if scope.accepted:
            self.observer.accepted(scope.accepted)
        if scope.delivered:
            self._deliver(scope.delivered)
        for message in scope.moved:
            for move in message.lifecycle.moves:
                self.observer.moved(message, move)
                if move.after is MessageStatus.DELIVERED and (seen := message.attempts.reported) is not None:
                    self.board.echoed(seen.provider_code, seen.guid)
            if message.lifecycle.moves:
                self.feed.publish(message.id)
                message.lifecycle.moves = []

    def _observe_callbacks(self, scope: CommitScope) -> None:
        for (notify_type, result), count in scope.callbacks.items():
            self.observer.callbacks(notify_type, result, count, scope.guids.get((notify_type, result)))
        for misfit, count in scope.misfits.items():
            self.observer.misfits(misfit, count, scope.guids.get(misfit))
        for reason, quarantined in scope.quarantined.items():
            self.observer.quarantined(reason, quarantined, scope.guids.get(reason))
        if scope.foreign_ids:
            self.observer.foreign_ids(scope.foreign_ids)

    def _deliver(self, messages: Sequence[SentMessage]) -> None:
        self.observer.delivered(messages)
        for message in messages:
            self.feed.publish(message.id)
            self.board.echoed(message.provider_code, message.guid)
