import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from tests.support.builders.messages import BACKUP, NOW, PROVIDER

from wework_message.adapters.observability.end_outcomes import OUTCOMES
from wework_message.adapters.observability.metrics import METHODS, MODES, NOTIFY_TYPES, UNMATCHED, Metrics
from wework_message.adapters.observability.metrics_observer import PrometheusObserver
from wework_message.adapters.observability.series import OTHER
from wework_message.adapters.sql.core.pools import Turn
from wework_message.application.maintenance.store_metrics import LEASE_MS, StoreSnapshot
from wework_message.application.queries.service import Condition, InProcess
from wework_message.domain.content import MessageType
from wework_message.domain.ids import ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.health import ProviderHealth
from wework_message.domain.ports.store_metrics import Invariant
from wework_message.domain.routing.provider import Capabilities, Provider

GOLDEN = Path(__file__).parents[2] / "golden" / "metrics.json"
SEND = ("/api/messages/send", "POST")
HEALTHY = ProviderHealth(PROVIDER, True, NOW, "CLOSED", None, None)
HEALTH_GAUGES = ("wm_provider_breaker_open", "wm_bindings_degraded")
STATUS = ("/api/messages/{message_id}/status", "GET")


class AServer(InProcess):
    """A part that runs on a server, which answers."""

    def __init__(self) -> None:
        super().__init__("redis", server=True)

    def condition(self) -> Condition:
        return Condition(healthy=True)


def the_metrics() -> Metrics:
    providers = (
        Provider(PROVIDER, "广州孤星", Capabilities(frozenset())),
        Provider(BACKUP, "backup", Capabilities(frozenset()), enabled=False),
    )
    return Metrics(providers=providers, routes=(SEND, STATUS))


def an_observer(metrics: Metrics) -> PrometheusObserver:
    return PrometheusObserver(metrics, horizon_ms=90_000, longest_call_ms=30_000, now=lambda: NOW)


def families(metrics: Metrics) -> Iterable[Metric]:
    text, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return text_string_to_metric_families(text.decode())


def samples(metrics: Metrics, name: str) -> list[Sample]:
    """Those of one name; only their lines are parsed."""
    text, _ = metrics.render()
    lines = "".join(line for line in text.decode().splitlines(keepends=True) if line.startswith(name))
    families = text_string_to_metric_families(lines)
    return [sample for family in families for sample in family.samples if sample.name == name]


def labels(metrics: Metrics, name: str, label: str) -> set[str]:
    return {sample.labels[label] for sample in samples(metrics, name)}


def test_names_types_and_labels_are_the_golden_ones() -> None:
    metrics = the_metrics()
    observer = an_observer(metrics)
    observer.http_request(*SEND, 200, 0.1)
    metrics.provider_health(HEALTHY)
    metrics.store_metrics_reporter.show(StoreSnapshot(0, {}, {}))
    metrics.backlog("dispatch", 1)
    metrics.stream_lag(PROVIDER, 1.0)
    metrics.backends.watch_pools([Turn()])
    metrics.backends.watch_servers({"cache": AServer()})
    shown = {
        family.name: {
            "type": family.type,
            "labels": sorted({label for sample in family.samples for label in sample.labels} - {"le"}),
        }
        for family in families(metrics)
        if family.name.startswith("wm_")
    }
    assert shown == json.loads(GOLDEN.read_text())


def test_an_unknown_backlog_is_absent_and_not_zero() -> None:
    metrics = the_metrics()
    metrics.backlog("dispatch", None)
    metrics.backlog("dispatch", 7)
    assert [sample.value for sample in samples(metrics, "wm_rocketmq_backlog")] == [7]
    metrics.backlog("dispatch", None)
    assert samples(metrics, "wm_rocketmq_backlog") == []


def test_every_value_of_a_closed_set_exists_at_zero() -> None:
    metrics = the_metrics()
    types = {kind.value for kind in MessageType} - {"MIXED"}
    accepted = samples(metrics, "wm_messages_accepted_total")
    assert {(sample.labels["type"], sample.labels["mode"]) for sample in accepted} == {
        (a, b) for a in types for b in MODES
    }
    finished = {tuple(sample.labels.values()) for sample in samples(metrics, "wm_messages_finished_total")}
    assert len(finished) == len(types) * 3 * len(OUTCOMES)
    assert labels(metrics, "wm_message_terminal_total", "outcome") == set(OUTCOMES)
    assert labels(metrics, "wm_callbacks_total", "type") == {*NOTIFY_TYPES, OTHER}
    calls = samples(metrics, "wm_provider_request_seconds_count")
    assert len(calls) == 2 * 2 * len(OutcomeClass)
    alarms = {
        (sample.labels["route"], sample.labels["status"]) for sample in samples(metrics, "wm_http_requests_total")
    }
    assert alarms == {(route, status) for route, _ in (SEND, STATUS) for status in ("500", "503")}
    counters = [sample for family in families(metrics) for sample in family.samples if sample.name.startswith("wm_")]
    zeros = {
        counter.name
        for counter in counters
        if counter.name.endswith(("_total", "_count", "_sum")) and counter.value == 0
    }
    assert zeros == {counter.name for counter in counters if counter.name.endswith(("_total", "_count", "_sum"))}


def test_a_provider_has_no_health_before_it_was_observed() -> None:
    metrics = the_metrics()
    assert samples(metrics, "wm_provider_up") == []
    metrics.provider_health(replace(HEALTHY, healthy=None))
    assert samples(metrics, "wm_provider_up") == []
    metrics.provider_health(replace(HEALTHY, healthy=False))
    metrics.provider_health(replace(HEALTHY, provider_code=ProviderCode("SOMEBODY_ELSE")))
    assert [(sample.labels, sample.value) for sample in samples(metrics, "wm_provider_up")] == [
        ({"provider": PROVIDER}, 0.0)
    ]


@pytest.mark.parametrize(("breaker", "value"), [("CLOSED", 0.0), ("OPEN", 1.0), ("HALF_OPEN", 1.0)])
def test_the_breaker_and_the_degraded_bindings_of_a_provider_are_shown(breaker: str, value: float) -> None:
    metrics = the_metrics()
    metrics.provider_health(replace(HEALTHY, breaker=breaker, degraded=3))
    shown = {name: [sample.value for sample in samples(metrics, name)] for name in HEALTH_GAUGES}
    assert shown == {"wm_provider_breaker_open": [value], "wm_bindings_degraded": [3.0]}


def test_configured_providers_are_shown_with_whether_they_are_enabled() -> None:
    shown = {sample.labels["provider"]: sample.value for sample in samples(the_metrics(), "wm_provider_configured")}
    assert shown == {PROVIDER: 1.0, BACKUP: 0.0}


def test_unknown_paths_and_methods_are_counted_in_one_series() -> None:
    metrics = the_metrics()
    observer = an_observer(metrics)
    for number in range(500):
        observer.http_request(f"/api/callbacks/webhook/secret-{number}", f"HACK{number}", 1000 + number, 0.001)
    observer.http_request("/nowhere", "GET", 404, 0.001)
    assert labels(metrics, "wm_http_requests_total", "route") == {SEND[0], STATUS[0], UNMATCHED}
    assert labels(metrics, "wm_http_requests_total", "method") <= {*METHODS, OTHER}
    hits = [sample for sample in samples(metrics, "wm_http_requests_total") if sample.labels["method"] == OTHER]
    assert [(hit.labels["route"], hit.labels["status"], hit.value) for hit in hits] == [(UNMATCHED, OTHER, 500.0)]
    assert b"secret-" not in metrics.render()[0]
    assert len(metrics.requests._children) < 10


@pytest.mark.parametrize(("notify_type", "shown"), [(11010, "11010"), (99999, OTHER), (-1, OTHER)])
def test_notify_types_are_a_closed_set(notify_type: int, shown: str) -> None:
    metrics = the_metrics()
    an_observer(metrics).callbacks(notify_type, "new", 3)
    counted = [sample for sample in samples(metrics, "wm_callbacks_total") if sample.value]
    assert [(sample.labels["type"], sample.labels["result"], sample.value) for sample in counted] == [
        (shown, "new", 3.0)
    ]


def test_requests_are_counted_and_timed_by_route_method_and_status() -> None:
    metrics = the_metrics()
    observer = an_observer(metrics)
    observer.http_request(*SEND, 200, 0.25)
    observer.http_request(*SEND, 200, 0.5)
    observer.http_request(*SEND, 500, 1.0)
    counted = {
        sample.labels["status"]: sample.value for sample in samples(metrics, "wm_http_requests_total") if sample.value
    }
    assert counted == {"200": 2.0, "500": 1.0}
    sums = {sample.labels["route"]: sample.value for sample in samples(metrics, "wm_http_request_seconds_sum")}
    assert sums == {SEND[0]: 1.75, STATUS[0]: 0.0}


def test_process_metrics_are_in_this_registry_and_two_registries_do_not_mix() -> None:
    metrics, other = the_metrics(), the_metrics()
    names = {family.name for family in families(metrics)}
    assert {
        "process_resident_memory_bytes",
        "process_cpu_seconds",
        "python_gc_objects_collected",
        "python_info",
    } <= names
    assert samples(metrics, "wm_process_threads")[0].value >= 1
    an_observer(metrics).http_request(*SEND, 500, 1.0)
    assert sum(sample.value for sample in samples(other, "wm_http_requests_total")) == 0


def test_no_series_carries_a_creation_time() -> None:
    assert b"_created" not in the_metrics().render()[0]


def test_hooks_run_before_every_rendering() -> None:
    metrics = the_metrics()
    calls: list[int] = []
    metrics.before_render(lambda: calls.append(1))
    metrics.render()
    metrics.render()
    assert calls == [1, 1]


def test_store_metrics_are_shown_by_the_process_that_reads_them_and_not_after_its_lease() -> None:
    metrics = the_metrics()
    seconds = [1_000.0]
    metrics.store_metrics_reporter._clock = lambda: seconds[0]
    names = ("wm_oldest_due_seconds", "wm_unknown_open", "wm_invariant_violations")
    assert [samples(metrics, name) for name in names] == [[], [], []]
    metrics.store_metrics_reporter.show(StoreSnapshot(1_500, {PROVIDER: 2}, {Invariant.STRANDED: 3}))
    assert [sample.value for sample in samples(metrics, names[0])] == [1.5]
    assert {sample.labels["provider"]: sample.value for sample in samples(metrics, names[1])}[PROVIDER] == 2
    assert {sample.labels["kind"]: sample.value for sample in samples(metrics, names[2])} == {
        kind.value: 3 * (kind is Invariant.STRANDED) for kind in Invariant
    }
    seconds[0] += LEASE_MS / 1000
    assert len(samples(metrics, names[0])) == 1
    seconds[0] += 0.1
    assert [samples(metrics, name) for name in names] == [[], [], []]
    metrics.store_metrics_reporter.show(StoreSnapshot(0, {}, {}))
    assert len(samples(metrics, names[0])) == 1
    metrics.store_metrics_reporter.show(None)
    assert [samples(metrics, name) for name in names] == [[], [], []]
