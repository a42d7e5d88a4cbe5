"""The numbers of several processes as one exposition."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.builders.messages import PROVIDER

from wework_message.adapters.observability.merged_metrics import GAUGE_RULES, MergedMetrics
from wework_message.adapters.observability.metrics import Metrics
from wework_message.adapters.sql.core.pools import Turn
from wework_message.application.maintenance.store_metrics import StoreSnapshot
from wework_message.application.queries.service import Condition
from wework_message.domain.ports.health import ProviderHealth
from wework_message.domain.routing.provider import Capabilities, Provider


@dataclass(frozen=True, slots=True)
class AServer:
    """What a part runs on."""

    healthy: bool
    kind: str = "redis"
    server: bool = True

    def condition(self) -> Condition:
        return Condition(self.healthy)


SEND = ("/api/messages/send", "POST")


def a_process(*, accepted: int = 0, up: bool | None = None, lag: float = 0.0) -> Metrics:
    metrics = Metrics(providers=(Provider(PROVIDER, "广州孤星", Capabilities(frozenset())),), routes=(SEND,))
    metrics.accepted["TEXT", "ASYNC"].inc(accepted)
    metrics.loop_lag.set(lag)
    if up is not None:
        metrics.provider_health(ProviderHealth(PROVIDER, up, 1, "CLOSED", None, None))
    return metrics


def a_merger(*processes: Metrics) -> MergedMetrics:
    merged = MergedMetrics()
    for number, metrics in enumerate(processes, 1):
        merged.show(number, metrics.snapshot())
    return merged


def value(
    merged: MergedMetrics, name: str, answering: tuple[int, ...], own: Mapping[str, float] | None = None
) -> float:
    text = merged.render(answering, own or {}).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == name)


def test_counts_are_added_and_stay_when_a_process_ends() -> None:
    merged = a_merger(a_process(accepted=3), a_process(accepted=4))
    assert value(merged, "wm_messages_accepted_total", (1, 2)) == 7
    merged.end(2)
    assert value(merged, "wm_messages_accepted_total", (1,)) == 7
    merged.show(2, a_process(accepted=1).snapshot())
    assert value(merged, "wm_messages_accepted_total", (1, 2)) == 8


def test_a_label_that_only_an_ended_process_had_stays() -> None:
    process = a_process()
    process.requests[*SEND, "404"].inc()
    merged = a_merger(a_process(), process)
    before = value(merged, "wm_http_requests_total", (1, 2))
    merged.end(2)
    assert value(merged, "wm_http_requests_total", (1,)) == before == 1


def test_buckets_of_histograms_are_added() -> None:
    processes = [a_process(), a_process()]
    for metrics in processes:
        metrics.request_seconds[SEND].observe(0.1)
    merged = a_merger(*processes)
    assert value(merged, "wm_http_request_seconds_count", (1, 2)) == 2
    assert value(merged, "wm_http_request_seconds_sum", (1, 2)) == pytest.approx(0.2)


def test_counts_of_a_process_that_does_not_answer_stay_and_its_gauges_do_not() -> None:
    merged = a_merger(a_process(accepted=3, lag=0.1), a_process(accepted=4, lag=5.0))
    assert value(merged, "wm_messages_accepted_total", (1,)) == 7
    assert value(merged, "wm_event_loop_lag_seconds", (1,)) == pytest.approx(0.1)


def test_gauges_follow_their_rules() -> None:
    first, second = a_process(up=True, lag=0.1), a_process(up=False, lag=0.3)
    first.store_metrics_reporter.show(StoreSnapshot(2000, {}, {}))
    merged = a_merger(first, second)
    assert value(merged, "wm_provider_up", (1, 2)) == 0
    assert value(merged, "wm_event_loop_lag_seconds", (1, 2)) == pytest.approx(0.3)
    assert value(merged, "wm_oldest_due_seconds", (1, 2)) == 2
    assert value(merged, "wm_provider_configured", (1, 2)) == 1
    assert value(merged, "wm_process_threads", (1, 2)) >= 2


async def test_pools_of_processes_are_added_and_one_that_does_not_reach_a_server_counts_for_all() -> None:
    processes = [a_process(), a_process()]
    for number, metrics in enumerate(processes):
        turn = Turn(8, lambda: 3)
        metrics.backends.watch_pools([turn])
        metrics.backends.watch_servers({"cache": AServer(healthy=number == 0)})
        await turn.acquire()
    merged = a_merger(*processes)
    assert value(merged, "wm_db_pool_limit", (1, 2)) == 16
    assert value(merged, "wm_db_pool_connections", (1, 2)) == 2 * (1 + 3)
    assert value(merged, "wm_db_pool_connections", (1,)) == 1 + 3
    assert value(merged, "wm_db_pool_wait_seconds_count", (1,)) == 2
    assert value(merged, "wm_backend_up", (1, 2)) == 0
    assert value(merged, "wm_backend_up", (1,)) == 1


def test_what_the_supervisor_knows_replaces_what_a_process_says() -> None:
    merged = a_merger(a_process(), a_process())
    assert value(merged, "wm_workers_up", (1, 2), {"wm_workers_up": 2}) == 2
    assert value(merged, "wm_worker_restarts_total", (1, 2), {"wm_worker_restarts_total": 5}) == 5


def test_every_gauge_has_a_rule() -> None:
    metrics = a_process(up=True)
    metrics.backlog("dispatch", 1)
    gauges = {family.name for family in metrics.snapshot() if family.kind == "gauge"}
    assert gauges - {"wm_process_memory_ratio"} <= set(GAUGE_RULES)
    assert {name for name in GAUGE_RULES if name.startswith("wm_")} <= gauges
