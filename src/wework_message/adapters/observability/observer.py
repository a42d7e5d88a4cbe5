"""An observer that also gets the HTTP requests, and the composition of several observers."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from wework_message.adapters.observability.log_observer import LoggingObserver
from wework_message.adapters.observability.metrics_observer import PrometheusObserver
from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.lifecycle import Moved
from wework_message.domain.media.outcome import MediaOutcome
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.sent_message import SentMessage
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.observers import ServiceObserver
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.standby import StandbyEvent
from wework_message.domain.stream import PullOutcome
from wework_message.domain.webhooks.delivery import DeliveryState

_log = logging.getLogger(__name__)


class EdgeObserver(ServiceObserver, Protocol):
    """An observer that also gets the requests of the HTTP API."""

    def http_request(
        self, route: str, method: str, status: int, seconds: float, request_id: str, problem: Mapping[str, str] | None
    ) -> None:
        """A request was answered; `route` is its template without the context path, never the path itself.

        `problem` is what a line about an error names: its code as `error`, and ids; None where it was none.
        """
        ...


class Observers:
    """Calls several observers; a defect in one of them stops neither the others nor the caller."""

    def __init__(self, *observers: EdgeObserver) -> None:
        """They are called in this order."""
        self._accepted = tuple(observer.accepted for observer in observers)
        self._moved = tuple(observer.moved for observer in observers)
        self._delivered = tuple(observer.delivered for observer in observers)
        self._called = tuple(observer.called for observer in observers)
        self._http_request = tuple(observer.http_request for observer in observers)
        self._callbacks = tuple(observer.callbacks for observer in observers)
        self._misfits = tuple(observer.misfits for observer in observers)
        self._quarantined = tuple(observer.quarantined for observer in observers)
        self._foreign_ids = tuple(observer.foreign_ids for observer in observers)
        self._callbacks_refused = tuple(observer.callbacks_refused for observer in observers)
        self._degraded = tuple(observer.degraded for observer in observers)
        self._pulled = tuple(observer.pulled for observer in observers)
        self._standby = tuple(observer.standby for observer in observers)
        self._spooled = tuple(observer.spooled for observer in observers)
        self._unspooled = tuple(observer.unspooled for observer in observers)
        self._webhook = tuple(observer.webhook for observer in observers)
        self._media = tuple(observer.media for observer in observers)
        self._intake = tuple(observer.intake for observer in observers)

    def accepted(self, messages: Sequence[Message]) -> None:
        _notify(self._accepted, messages)

    def moved(self, message: Message, move: Moved) -> None:
        _notify(self._moved, message, move)

    def delivered(self, messages: Sequence[SentMessage]) -> None:
        _notify(self._delivered, messages)

    def called(self, report: CallReport) -> None:
        _notify(self._called, report)

    def http_request(
        self, route: str, method: str, status: int, seconds: float, request_id: str, problem: Mapping[str, str] | None
    ) -> None:
        _notify(self._http_request, route, method, status, seconds, request_id, problem)

    def callbacks(self, notify_type: int, result: str, count: int, guid: Guid | None = None) -> None:
        _notify(self._callbacks, notify_type, result, count, guid)

    def misfits(self, misfit: Misfit, count: int, guid: Guid | None = None) -> None:
        _notify(self._misfits, misfit, count, guid)

    def quarantined(self, reason: QuarantineReason, count: int, guid: Guid | None = None) -> None:
        _notify(self._quarantined, reason, count, guid)

    def foreign_ids(self, count: int) -> None:
        _notify(self._foreign_ids, count)

    def callbacks_refused(self, refusal: CallbackRefusal, count: int) -> None:
        _notify(self._callbacks_refused, refusal, count)

    def degraded(self, provider_code: ProviderCode, binding_id: BindingId, *, ended: bool) -> None:
        _notify(self._degraded, provider_code, binding_id, ended=ended)

    def pulled(
        self, provider_code: ProviderCode, outcome: PullOutcome, *, new: int, known: int, lag_ms: int | None
    ) -> None:
        _notify(self._pulled, provider_code, outcome, new=new, known=known, lag_ms=lag_ms)

    def standby(self, account_id: AccountId, event: StandbyEvent) -> None:
        _notify(self._standby, account_id, event)

    def webhook(self, outcome: OutboundOutcome, state: DeliveryState) -> None:
        _notify(self._webhook, outcome, state)

    def media(self, provider_code: ProviderCode | None, outcome: MediaOutcome, *, seconds: float, size: int) -> None:
        _notify(self._media, provider_code, outcome, seconds=seconds, size=size)

    def spooled(self, count: int) -> None:
        _notify(self._spooled, count)

    def unspooled(self, count: int) -> None:
        _notify(self._unspooled, count)

    def intake(self, result: str, reason: str | None) -> None:
        _notify(self._intake, result, reason)


def _notify(observers: Iterable[Callable[..., None]], *arguments: object, **named: object) -> None:
    for observe in observers:
        try:
            observe(*arguments, **named)
        except Exception:  # noqa: BLE001 -- the observed work is committed, and its callers wait for the answer
            _log.exception("observer failed")


def _conforms(metrics: PrometheusObserver, lines: LoggingObserver, both: Observers) -> tuple[EdgeObserver, ...]:
    return metrics, lines, both
