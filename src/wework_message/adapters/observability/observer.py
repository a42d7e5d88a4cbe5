"""Who is told what happened, beyond the domain's own port, and how several are told."""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from wework_message.adapters.observability.log_observer import LoggingObserver
from wework_message.adapters.observability.metrics_observer import PrometheusObserver
from wework_message.domain.lifecycle import Moved
from wework_message.domain.message.message import Message
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.observers import ServiceObserver

_log = logging.getLogger(__name__)


class EdgeObserver(ServiceObserver, Protocol):
    """An observer that also hears of what comes in at the edges."""

    def http_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is its template without the context path, never the path itself."""
        ...


class Observers:
    """Tells several observers; a defect in one of them neither stops the others nor the work they watch."""

    def __init__(self, *observers: EdgeObserver) -> None:
        """They are told in this order."""
        self._accepted = tuple(observer.accepted for observer in observers)
        self._moved = tuple(observer.moved for observer in observers)
        self._called = tuple(observer.called for observer in observers)
        self._http_request = tuple(observer.http_request for observer in observers)
        self._callbacks = tuple(observer.callbacks for observer in observers)
        self._intake = tuple(observer.intake for observer in observers)

    def accepted(self, message: Message) -> None:
        """Tell all."""
        _tell(self._accepted, message)

    def moved(self, message: Message, move: Moved) -> None:
        """Tell all."""
        _tell(self._moved, message, move)

    def called(self, report: CallReport) -> None:
        """Tell all."""
        _tell(self._called, report)

    def http_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Tell all."""
        _tell(self._http_request, route, method, status, seconds)

    def callbacks(self, notify_type: int, result: str, count: int) -> None:
        """Tell all."""
        _tell(self._callbacks, notify_type, result, count)

    def intake(self, result: str, reason: str | None) -> None:
        """Tell all."""
        _tell(self._intake, result, reason)


def _tell(observers: Iterable[Callable[..., None]], *what: object) -> None:
    for tell in observers:
        try:
            tell(*what)
        except Exception:  # noqa: BLE001 -- what they watch is committed, and its callers wait for the answer
            _log.exception("observer failed")


def _conforms(metrics: PrometheusObserver, lines: LoggingObserver, both: Observers) -> tuple[EdgeObserver, ...]:
    return metrics, lines, both
