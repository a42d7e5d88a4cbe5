"""All metrics of this process in one registry: the table of names, the labels, and the text for Prometheus.

Labels have values of closed sets only: no tenant, guid, conversation or message id (cardinality, and ids of people). All
values of a closed set exist at 0 from the start: a counter that starts at 1 is invisible to `increase()` (R-M1).
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.openmetrics import exposition as openmetrics

from wework_message.adapters.observability.backend_metrics import BackendMetrics
from wework_message.adapters.observability.end_outcomes import OUTCOMES
from wework_message.adapters.observability.merged_metrics import Family, families_of
from wework_message.adapters.observability.metric_names import TEXTS, MetricName
from wework_message.adapters.observability.process import register_process
from wework_message.adapters.observability.series import OTHER, Child, Domain, Series
from wework_message.adapters.observability.store_gauges import StoreGauges
from wework_message.domain.access.rates import Limited
from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.content import MessageType
from wework_message.domain.control import PauseScope
from wework_message.domain.lifecycle import RESTING
from wework_message.domain.load.priorities import Priority
from wework_message.domain.media.outcome import OUTCOMES as MEDIA_OUTCOMES
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.health import ProviderHealth
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.routing.breaker import BreakerState
from wework_message.domain.routing.provider import Provider
from wework_message.domain.standby import StandbyEvent
from wework_message.domain.stream import PullOutcome
from wework_message.domain.webhooks.delivery import DeliveryState

MODES: Final = ("SYNC", "ASYNC", "BATCH", "MIXED")
CALL_KINDS: Final = ("send", "recall")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
STATUSES: Final = tuple(str(status) for status in range(100, 600))
ALARMING_STATUSES: Final = ("500", "503")
"""Statuses that exist from the start: the alert on the error rate must see the first such answer."""

CALLBACK_RESULTS: Final = (
    "new", "duplicate", "refused", "applied", "parked", "orphan", "quarantined", "failed",
)  # fmt: skip
"""On arrival: new, duplicate, refused (unreadable or unauthorised). The projection gives the other five."""

STREAM_RESULTS: Final = ("new", "known")
MEDIA_KINDS: Final = ("fetch", "upload")
INTAKE_RESULTS: Final = ("received", "stored", "duplicate", "dead", "left", "unavailable")
"""What is `received` is one of the next four in the end; `unavailable` counts tries while the store is away."""

PUBLISH_RESULTS: Final = ("ok", "failed")
WAKEUP_RESULTS: Final = ("ok", "garbage", "given_up")
"""`garbage` cannot be read, `given_up` came too often. Both are acknowledged; the table has the ids."""

NOTIFY_TYPES: Final = tuple(str(number) for number in range(11001, 11014))
"""The vendor's own notify types (P-12); others count as `other`."""

UNMATCHED: Final = "unmatched"
"""The route label of a request without a matching route."""
NO_PROVIDER: Final = "none"
"""The provider label of a message that ended without a call."""

PROVIDER_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)
PUBLISH_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0)
MESSAGE_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
HTTP_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REDIS_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
REDIS_OPS: Final = ("reserve", "health", "books", "status", "requests")
"""The operations: leases of budgets, health events, the token of the account cache, statuses, leases of limits of requests."""
REDIS_RESULTS: Final = ("ok", "timeout", "unreachable", "refused")


class Metrics:
    """The registry of one process; the other classes of this package write into it."""

    def __init__(
        self,
        *,
        providers: Iterable[Provider],
        routes: Iterable[tuple[str, str]],
        notify_types: Iterable[str] = NOTIFY_TYPES,
    ) -> None:
        """`routes` are (template without the context path, method), such as ``("/api/messages/send", "POST")``."""
        # A creation time for every counter and bucket doubles the text, and no rule reads it. The switch is global to the library.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotation here
        configured = tuple(providers)
        codes = tuple(str(provider.code) for provider in configured)
        self.registry = CollectorRegistry(auto_describe=False)
        self._hooks: list[Callable[[], None]] = []
        self._watch_messages(codes)
        self._watch_callbacks(tuple(dict.fromkeys(notify_types)))
        self._watch_streams(codes)
        self.webhooks = self._webhook_attempts()
        self._watch_media(codes)
        self.standbys = self._counters("wm_standby_total", event=tuple(event.value for event in StandbyEvent))
        self.spooled = self._plain(Gauge, "wm_spooled_answers")
        self.unspooled = self._plain(Gauge, "wm_unspooled_answers")
        self.intake = self._counters("wm_intake_total", result=INTAKE_RESULTS)
        self.retries = self._plain(Counter, "wm_retries_total")
        self.loop_lag = self._plain(Gauge, "wm_event_loop_lag_seconds")
        self._plain(Gauge, "wm_process_threads").set_function(threading.active_count)
        self._count_workers()
        self._up = self._labelled(Gauge, "wm_provider_up", "provider")
        self._breaker_open = self._labelled(Gauge, "wm_provider_breaker_open", "provider")
        self._degraded = self._labelled(Gauge, "wm_bindings_degraded", "provider")
        self._codes = frozenset(codes)
        self._watch_calls(codes)
        self._watch_requests(tuple(routes))
        self._watch_load()
        self._watch_queue()
        self._watch_redis()
        self.backends = BackendMetrics(self.registry)
        enabled = self._labelled(Gauge, "wm_provider_configured", "provider")
        for provider in configured:
            enabled.labels(provider.code).set(int(provider.enabled))
        self._watch_operators()
        self.store_metrics_reporter = self._store_metrics(codes)
        self.gc_pauses = register_process(self.registry)

    def _watch_messages(self, codes: tuple[str, ...]) -> None:
        types = tuple(kind.value for kind in MessageType if kind is not MessageType.MIXED)
        self.accepted = self._counters("wm_messages_accepted_total", type=types, mode=MODES)
        self.finished = self._counters(
            "wm_messages_finished_total", type=types, provider=(*codes, NO_PROVIDER), outcome=OUTCOMES
        )
        self.terminal = self._counters("wm_message_terminal_total", outcome=OUTCOMES)
        rests = tuple(sorted(status.value for status in RESTING))
        self.rested = self._histograms("wm_message_seconds", MESSAGE_BUCKETS, status=rests)
        self.echoed = self._histograms("wm_echo_seconds", MESSAGE_BUCKETS, provider=codes)

    def _watch_operators(self) -> None:
        self.security_open = self._plain(Gauge, "wm_security_open")
        self.spans_dropped = self._plain(Counter, "wm_trace_spans_dropped_total")
        self._paused = self._labelled(Gauge, "wm_paused", "scope")
        self.paused({scope.value: 0 for scope in PauseScope})

    def provider_health(self, health: ProviderHealth) -> None:
        """Record the health of a configured provider; others are ignored. `wm_provider_up` is absent until it was observed."""
        code = health.provider_code
        if code not in self._codes:
            return
        if health.healthy is not None:
            self._up.labels(code).set(int(health.healthy))
        self._breaker_open.labels(code).set(int(health.breaker != BreakerState.CLOSED))
        self._degraded.labels(code).set(health.degraded)

    def paused(self, counts: Mapping[str, int]) -> None:
        """How many things are paused, by scope."""
        for scope, count in counts.items():
            self._paused.labels(scope).set(count)

    def load(self, limit: int, in_flight: int) -> None:
        """Requests that may be in flight, and those that are."""
        self._in_flight_limit.set(limit)
        self._in_flight.set(in_flight)

    def redis_call(self, op: str, result: str, seconds: float) -> None:
        self._redis_calls[op, result].observe(seconds)

    def before_render(self, hook: Callable[[], None]) -> None:
        """`hook` runs before every rendering, to update values."""
        self._hooks.append(hook)

    def render(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        self._update()
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def render_with_traces(self) -> tuple[bytes, str]:
        """The same as OpenMetrics, which has the exemplars."""
        self._update()
        text: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]  # no annotation there
        return text, openmetrics.CONTENT_TYPE_LATEST

    def snapshot(self) -> list[Family]:
        """The same as values, for a process that puts several together."""
        self._update()
        return families_of(self.registry)

    def _update(self) -> None:
        for hook in self._hooks:
            hook()

    def _webhook_attempts(self) -> Series[Counter]:
        outcomes, states = tuple(map(str, OutboundOutcome)), tuple(map(str, DeliveryState))
        return self._counters("wm_webhook_attempts_total", outcome=outcomes, state=states)

    def _store_metrics(self, codes: tuple[str, ...]) -> StoreGauges:
        gauges = StoreGauges(codes)
        self.registry.register(gauges)
        return gauges

    def _watch_calls(self, codes: tuple[str, ...]) -> None:
        classes = tuple(kind.value for kind in OutcomeClass)
        labels = {"provider": codes, "kind": CALL_KINDS, "class": classes}
        self.calls = self._histograms("wm_provider_request_seconds", PROVIDER_BUCKETS, **labels)

    def _watch_callbacks(self, notify_types: tuple[str, ...]) -> None:
        types = (*notify_types, OTHER)  # the first one that fails is seen, of an unknown type too
        self.callbacks = self._counters("wm_callbacks_total", type=types, result=CALLBACK_RESULTS)
        self.callbacks_refused = self._counters("wm_callbacks_refused_total", reason=tuple(map(str, CallbackRefusal)))
        self.misfits = self._counters("wm_callback_misfits_total", reason=tuple(map(str, Misfit)))
        self.foreign_ids = self._plain(Counter, "wm_callback_foreign_ids_total")

    def _watch_streams(self, codes: tuple[str, ...]) -> None:
        outcomes = tuple(outcome.value for outcome in PullOutcome)
        self.stream_pulls = self._counters("wm_stream_pulls_total", provider=codes, outcome=outcomes)
        self.stream_records = self._counters("wm_stream_records_total", provider=codes, result=STREAM_RESULTS)
        self._stream_lag = self._labelled(Gauge, "wm_stream_lag_seconds", "provider")

    def stream_lag(self, provider_code: str, seconds: float) -> None:
        """How far behind the stream was that was pulled last; absent until one was pulled twice."""
        self._stream_lag.labels(provider_code).set(seconds)

    def _watch_media(self, codes: tuple[str, ...]) -> None:
        self.media_uploads = self._counters("wm_media_uploads_total", provider=codes, outcome=MEDIA_OUTCOMES)
        self.media_fetches = self._counters("wm_media_fetches_total", outcome=MEDIA_OUTCOMES)
        self.media_bytes = self._counters("wm_media_bytes_total", kind=MEDIA_KINDS)
        self.media_seconds = self._histograms("wm_media_seconds", PROVIDER_BUCKETS, kind=MEDIA_KINDS)

    def _watch_requests(self, pairs: tuple[tuple[str, str], ...]) -> None:
        route = Domain(frozenset(template for template, _ in pairs), UNMATCHED)
        method, status = Domain(frozenset(METHODS)), Domain(frozenset(STATUSES))
        total: MetricName = "wm_http_requests_total"
        counter = Counter(total, TEXTS[total], ("route", "method", "status"), registry=self.registry)
        alarming = ((*pair, status) for pair in pairs for status in ALARMING_STATUSES)
        self.requests: Series[Counter] = Series(counter, (route, method, status), alarming)
        name: MetricName = "wm_http_request_seconds"
        seconds = Histogram(name, TEXTS[name], ("route", "method"), registry=self.registry, buckets=HTTP_BUCKETS)
        self.request_seconds: Series[Histogram] = Series(seconds, (route, method), pairs)

    def _watch_load(self) -> None:
        self.shed = self._counters("wm_requests_shed_total", priority=tuple(map(str, Priority)))
        self.rate_limited = self._counters("wm_rate_limited_total", limit=tuple(map(str, Limited)))
        self._in_flight_limit = self._plain(Gauge, "wm_in_flight_limit")
        self._in_flight = self._plain(Gauge, "wm_requests_in_flight")

    def _count_workers(self) -> None:
        """A process alone; the supervisor of several replaces the numbers."""
        self._plain(Gauge, "wm_workers").set(1)
        self._plain(Gauge, "wm_workers_up").set(1)
        self._plain(Counter, "wm_worker_restarts_total")

    def _watch_queue(self) -> None:
        self.wakeup_publish = self._histograms("wm_rocketmq_publish_seconds", PUBLISH_BUCKETS, result=PUBLISH_RESULTS)
        self.wakeups_received = self._counters("wm_rocketmq_received_total", result=WAKEUP_RESULTS)
        self._backlog = self._labelled(Gauge, "wm_rocketmq_backlog", "group")

    def backlog(self, group: str, count: int | None) -> None:
        """Record the backlog of a consumer group of the settings; None = unknown, and absent from the output."""
        if count is not None:
            self._backlog.labels(group).set(count)
        else:
            with contextlib.suppress(KeyError):
                self._backlog.remove(group)

    def _watch_redis(self) -> None:
        self._redis_calls = self._histograms("wm_redis_call_seconds", REDIS_BUCKETS, op=REDIS_OPS, result=REDIS_RESULTS)

    def _histograms(self, name: MetricName, buckets: tuple[float, ...], **labels: tuple[str, ...]) -> Series[Histogram]:
        family = Histogram(name, TEXTS[name], tuple(labels), registry=self.registry, buckets=buckets)
        return Series(family, tuple(Domain(frozenset(values)) for values in labels.values()), product(*labels.values()))

    def _counters(self, name: MetricName, **labels: tuple[str, ...]) -> Series[Counter]:
        family = self._labelled(Counter, name, *labels)
        return Series(family, tuple(Domain(frozenset(values)) for values in labels.values()), product(*labels.values()))

    def _labelled(self, kind: type[Child], name: MetricName, *labels: str) -> Child:
        return kind(name, TEXTS[name], labels, registry=self.registry)

    def _plain(self, kind: type[Child], name: MetricName) -> Child:
        return kind(name, TEXTS[name], registry=self.registry)
