"""What happened, as numbers. Called after the commit, on the event loop, and cheap there."""

from collections.abc import Callable, Iterable

from wework_message.adapters.observability.delayed_counts import DelayedCounts, Kind
from wework_message.adapters.observability.end_outcomes import ENDS, Outcome, failure
from wework_message.adapters.observability.metrics import NO_PROVIDER, Metrics
from wework_message.domain.ids import ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message, Moved
from wework_message.domain.ports.health import CallReport, HealthBoard

_SENDING, _SENT, _UNKNOWN = MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.UNKNOWN


class PrometheusObserver:
    """Counts."""

    def __init__(self, metrics: Metrics, *, horizon_ms: int, longest_call_ms: int, now: Callable[[], int]) -> None:
        """`horizon_ms` is H; `longest_call_ms` the largest `timeout-ms` of the providers; `now` in epoch ms.

        SENT counts as an outcome 2H, UNKNOWN H plus the longest call, after the message's last call began.
        """
        self._metrics = metrics
        self._now = now
        self._retries = metrics.retries
        self._unechoed = DelayedCounts(2 * horizon_ms)
        self._unresolved = DelayedCounts(horizon_ms + longest_call_ms)
        metrics.before_render(self.ripen)

    def watch_health(self, board: HealthBoard, codes: Iterable[ProviderCode]) -> None:
        """Show `wm_provider_up` of these providers as the board sees them when somebody asks."""
        from_board = tuple(codes)

        def look() -> None:
            for code in from_board:
                healthy = board.provider(code).healthy
                if healthy is not None:
                    self._metrics.provider_up(code, healthy)

        self._metrics.before_render(look)

    def accepted(self, message: Message) -> None:
        """Count it by type and mode."""
        self._metrics.accepted[message.message_type, message.mode].inc()

    def moved(self, message: Message, move: Moved) -> None:
        """Count ends and retries. A new reason for the same status is neither."""
        before, after = move.before, move.after
        if before is after:
            return
        if before is _SENT or before is _UNKNOWN:
            self._leave(message, before, after)
        if after is _SENDING:
            if message.attempt_count > 1:
                self._retries.inc()
        elif after is _SENT or after is _UNKNOWN:
            self._enter(message, before, after)
        elif (outcome := _end(message, move)) is not None:
            self._count(_kind(message), outcome, 1)

    def called(self, report: CallReport) -> None:
        """Observe its duration by what it proved."""
        kind = "recall" if report.message_type == "RECALL" else "send"
        self._metrics.calls[report.provider_code, kind, report.outcome].observe(report.elapsed_ms / 1000)

    def http_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count it and observe its duration; long polls should not be reported (the alert reads the mean)."""
        self._metrics.requests[route, method, str(status)].inc()
        self._metrics.request_seconds[route, method].observe(seconds)

    def callbacks(self, notify_type: int, result: str, count: int) -> None:
        """Count the items."""
        self._metrics.callbacks[str(notify_type), result].inc(count)

    def intake(self, result: str, reason: str | None) -> None:  # noqa: ARG002 -- reasons are no closed set
        """Count it."""
        self._metrics.intake[(result,)].inc()

    def ripen(self) -> None:
        """Count what has been SENT without an echo, or UNKNOWN, for long enough."""
        now = self._now()
        for kind, count in self._unechoed.ripe(now):
            self._count(kind, "sent", count)
        for kind, count in self._unresolved.ripe(now):
            self._count(kind, "unknown", count)

    def _count(self, kind: Kind, outcome: Outcome, count: int) -> None:
        self._metrics.terminal[(outcome,)].inc(count)
        self._metrics.finished[*kind, outcome].inc(count)

    def _enter(self, message: Message, before: MessageStatus, after: MessageStatus) -> None:
        if before is MessageStatus.RECALLING:
            return  # it was SENT before the recall that came to nothing, and counts as that
        ripening = self._unechoed if after is _SENT else self._unresolved
        if ripening.enter(_since(message), _kind(message)):
            self.ripen()

    def _leave(self, message: Message, before: MessageStatus, after: MessageStatus) -> None:
        if before is _UNKNOWN:
            self._unresolved.leave(_since(message), _kind(message))
        elif after is not MessageStatus.RECALLING and after is not MessageStatus.RECALLED:  # a recalled one was sent
            self._unechoed.leave(_since(message), _kind(message))


def _end(message: Message, move: Moved) -> Outcome | None:
    if move.after is MessageStatus.FAILED:
        return failure(message, move.reason)
    if move.after is MessageStatus.DELIVERED and move.before is MessageStatus.RECALLING:
        return None  # counted when it was sent or delivered; the recall came to nothing
    return ENDS.get(move.after)


def _kind(message: Message) -> Kind:
    last = message.last_attempt
    return message.message_type, (last.provider_code if last is not None else None) or NO_PROVIDER


def _since(message: Message) -> int:
    """A time that an answer, however late, does not change: the start of the last call."""
    last = message.last_attempt
    return last.started_at if last is not None else message.updated_at
