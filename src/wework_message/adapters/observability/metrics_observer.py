"""Counts events as metrics. It runs after the commit, on the event loop, and must be cheap."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from wework_message.adapters.observability.delayed_counts import DelayedCounts, Kind
from wework_message.adapters.observability.end_outcomes import ENDS, Outcome, failure
from wework_message.adapters.observability.metrics import NO_PROVIDER, Metrics
from wework_message.application.tracing import CURRENT
from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.lifecycle import RESTING, MessageStatus, Moved
from wework_message.domain.media.outcome import MediaOutcome
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.sent_message import DELIVERED, SentMessage
from wework_message.domain.ports.health import CallReport, HealthBoard
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.standby import StandbyEvent
from wework_message.domain.stream import PullOutcome
from wework_message.domain.trace import trace_id_of
from wework_message.domain.webhooks.delivery import DeliveryState

_Observe: TypeAlias = Callable[[float, dict[str, str] | None], None]
_RESTED: Final = RESTING | {MessageStatus.RECALLING}
_SENDING, _SENT, _UNKNOWN = MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.UNKNOWN


class PrometheusObserver:
    """Updates the metrics of `Metrics`."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        horizon_ms: int,
        longest_call_ms: int,
        now: Callable[[], int],
        without_echoes: Collection[ProviderCode] = (),
        traced: bool = False,
    ) -> None:
        """`horizon_ms` is H; `longest_call_ms` the largest `timeout-ms` of the providers; `now` in epoch ms.

        SENT counts as an outcome 2H, UNKNOWN H plus the longest call, after the last call of the message began. The providers
        `without_echoes` never send an echo: SENT counts at once. Durations of what is `traced` have exemplars.
        """
        self._traced = traced
        self._without_echoes = frozenset(without_echoes)
        self._metrics = metrics
        self._now = now
        self._retries = metrics.retries
        self._of_requests: dict[tuple[str, str, int], tuple[Callable[[], None], _Observe]] = {}
        """By route, method and status, whose values are closed sets: the children that every request changes."""
        self._unechoed = DelayedCounts(2 * horizon_ms)
        self._unresolved = DelayedCounts(horizon_ms + longest_call_ms)
        metrics.before_render(self.count_due)

    def watch_health(self, board: HealthBoard, codes: Iterable[ProviderCode]) -> None:
        """Update the health of these providers from the board before every rendering."""
        provider_codes = tuple(codes)

        def update() -> None:
            for code in provider_codes:
                self._metrics.provider_health(board.provider(code))

        self._metrics.before_render(update)

    def accepted(self, messages: Sequence[Message]) -> None:
        for kind, count in Counter([(message.message_type, message.mode) for message in messages]).items():
            self._metrics.accepted[kind].inc(count)

    def moved(self, message: Message, move: Moved) -> None:
        """Count ends and retries. A new reason for the same status is neither."""
        before, after = move.before, move.after
        if before is after:
            return
        if after in RESTING:
            self._rest(message, before, after)
        if before is _SENT or before is _UNKNOWN:
            self._leave(message, before, after)
        if after is _SENDING:
            if len(message.attempts) > 1:
                self._retries.inc()
        elif after is _SENT or after is _UNKNOWN:
            self._enter(message, before, after)
        elif (outcome := _end(message, move)) is not None:
            self._count(_kind(message), outcome, 1)

    def delivered(self, messages: Sequence[SentMessage]) -> None:
        """As `moved`: they no longer count as SENT without an echo."""
        kinds = [(message.message_type, message.provider_code) for message in messages]
        for message, kind in zip(messages, kinds, strict=True):
            self._unechoed.leave(message.started_at, kind)
        for kind, count in Counter(kinds).items():
            self._count(kind, ENDS[DELIVERED.after], count)
        now = self._now()
        for message in messages:
            self._echo(message.provider_code, now - message.started_at)

    def called(self, report: CallReport) -> None:
        kind = "recall" if report.message_type == "RECALL" else "send"
        observe = self._metrics.calls[report.provider_code, kind, report.outcome].observe
        observe(report.elapsed_ms / 1000, self._exemplar())

    def http_request(
        self,
        route: str,
        method: str,
        status: int,
        seconds: float,
        request_id: str = "",  # noqa: ARG002 -- no label
        problem: Mapping[str, str] | None = None,  # noqa: ARG002 -- as above
    ) -> None:
        """Long polls should not be reported here: the alert reads the mean duration."""
        children = self._of_requests.get((route, method, status))
        if children is None:
            requests, durations = self._metrics.requests[route, method, str(status)], self._metrics.request_seconds
            children = self._of_requests[route, method, status] = requests.inc, durations[route, method].observe
        count, observe = children
        count()
        observe(seconds, self._exemplar())

    def _exemplar(self) -> dict[str, str] | None:
        """The trace in which the present task works."""
        trace = CURRENT.get() if self._traced else None
        return None if trace is None else {"trace_id": trace_id_of(trace)}

    def callbacks(self, notify_type: int, result: str, count: int, guid: Guid | None = None) -> None:  # noqa: ARG002 -- instances are no labels
        self._metrics.callbacks[str(notify_type), result].inc(count)

    def misfits(self, misfit: Misfit, count: int, guid: Guid | None = None) -> None:  # noqa: ARG002 -- as above
        self._metrics.misfits[(misfit.value,)].inc(count)

    def quarantined(self, reason: QuarantineReason, count: int, guid: Guid | None = None) -> None:
        """`callbacks` counts them."""

    def foreign_ids(self, count: int) -> None:
        self._metrics.foreign_ids.inc(count)

    def callbacks_refused(self, refusal: CallbackRefusal, count: int) -> None:
        self._metrics.callbacks_refused[(refusal.value,)].inc(count)

    def degraded(self, provider_code: ProviderCode, binding_id: BindingId, *, ended: bool) -> None:
        """The gauge comes from the board (`watch_health`)."""

    def pulled(
        self, provider_code: ProviderCode, outcome: PullOutcome, *, new: int, known: int, lag_ms: int | None
    ) -> None:
        self._metrics.stream_pulls[provider_code, outcome].inc()
        self._metrics.stream_records[provider_code, "new"].inc(new)
        self._metrics.stream_records[provider_code, "known"].inc(known)
        if lag_ms is not None:
            self._metrics.stream_lag(provider_code, lag_ms / 1000)

    def standby(self, account_id: AccountId, event: StandbyEvent) -> None:  # noqa: ARG002 -- accounts are no labels
        self._metrics.standbys[(event.value,)].inc()

    def webhook(self, outcome: OutboundOutcome, state: DeliveryState) -> None:
        self._metrics.webhooks[outcome.value, state.value].inc()

    def media(self, provider_code: ProviderCode | None, outcome: MediaOutcome, *, seconds: float, size: int) -> None:
        if provider_code is None:
            self._metrics.media_fetches[(outcome,)].inc()
        else:
            self._metrics.media_uploads[provider_code, outcome].inc()
        kind = "fetch" if provider_code is None else "upload"
        self._metrics.media_seconds[(kind,)].observe(seconds)
        self._metrics.media_bytes[(kind,)].inc(size)

    def spooled(self, count: int) -> None:
        self._metrics.spooled.set(count)

    def unspooled(self, count: int) -> None:
        self._metrics.unspooled.set(count)

    def intake(self, result: str, reason: str | None) -> None:  # noqa: ARG002 -- reasons are not a closed set
        self._metrics.intake[(result,)].inc()

    def count_due(self) -> None:
        """Count messages that have been SENT without an echo, or UNKNOWN, for long enough."""
        now = self._now()
        for kind, count in self._unechoed.take_due(now):
            self._count(kind, "sent", count)
        for kind, count in self._unresolved.take_due(now):
            self._count(kind, "unknown", count)

    def _rest(self, message: Message, before: MessageStatus, after: MessageStatus) -> None:
        """A message rests for the first time once; the time that its client asked to wait for is no delay."""
        now = message.lifecycle.updated_at
        if before not in _RESTED and message.round == 1:
            due_at = max(message.accepted_at, message.options.scheduled_at or 0)
            self._metrics.rested[(after.value,)].observe(max(0, now - due_at) / 1000)
        if after is MessageStatus.DELIVERED and before is not MessageStatus.RECALLING:
            self._echo(_kind(message)[1], now - _since(message))

    def _echo(self, provider_code: str, milliseconds: int) -> None:
        self._metrics.echoed[(provider_code,)].observe(max(0, milliseconds) / 1000)

    def _count(self, kind: Kind, outcome: Outcome, count: int) -> None:
        self._metrics.terminal[(outcome,)].inc(count)
        self._metrics.finished[*kind, outcome].inc(count)

    def _enter(self, message: Message, before: MessageStatus, after: MessageStatus) -> None:
        if before is MessageStatus.RECALLING:
            return  # it was SENT before the recall, which had no effect, and counts as SENT
        kind = _kind(message)
        if after is _SENT and kind[1] in self._without_echoes:
            self._count(kind, "sent", 1)
            return
        delayed = self._unechoed if after is _SENT else self._unresolved
        if delayed.enter(_since(message), kind):
            self.count_due()

    def _leave(self, message: Message, before: MessageStatus, after: MessageStatus) -> None:
        if before is _UNKNOWN:
            self._unresolved.leave(_since(message), _kind(message))
        elif (
            after is not MessageStatus.RECALLING and after is not MessageStatus.RECALLED
        ):  # a recalled message was sent
            self._unechoed.leave(_since(message), _kind(message))


def _end(message: Message, move: Moved) -> Outcome | None:
    if move.after is MessageStatus.FAILED:
        return failure(message, move.reason)
    if move.after is MessageStatus.DELIVERED and move.before is MessageStatus.RECALLING:
        return None  # counted when it was sent or delivered; the recall had no effect
    return ENDS.get(move.after)


def _kind(message: Message) -> Kind:
    last = message.attempts.last
    return message.message_type, (last.provider_code if last is not None else None) or NO_PROVIDER


def _since(message: Message) -> int:
    """The start of the last call, which a late answer does not change (epoch ms)."""
    last = message.attempts.last
    return last.started_at if last is not None else message.lifecycle.updated_at
