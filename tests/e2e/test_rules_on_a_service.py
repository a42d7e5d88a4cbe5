"""Every metric, label and value of a label that an alert rule names is in a scrape of a real service, and so is what the pages name in the place of Micrometer's."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.polling import until
from tests.support.processes.running_service import running_service, text
from tests.support.promql import grouped_labels, matchers_in, metrics_in, other_words, rules

pytestmark = pytest.mark.e2e

DOCS: Final = Path(__file__).parents[2] / "docs"
MICROMETER: Final = re.compile(r"`(?:http_(?:server|client)|jvm|process|hikaricp|lettuce|resilience4j)_\w+`")
GOLDEN: Final = Path(__file__).parents[1] / "golden" / "metrics.json"
FOREIGN: Final[Mapping[str, frozenset[str]]] = {
    "container_memory_working_set_bytes": frozenset({"namespace", "pod", "container"}),
    "kube_pod_container_resource_limits": frozenset({"namespace", "pod", "container", "resource"}),
    "up": frozenset({"instance", "job"}),
}
"""Metrics of cAdvisor, kube-state-metrics and Prometheus itself, and their labels that the rules may name."""
OF_PROMETHEUS: Final = frozenset({"instance", "job", "le"})
"""Labels that Prometheus adds, and the one of its buckets."""
OF_SERVERS: Final = frozenset({"wm_provider_up", "wm_stream_lag_seconds", "wm_rocketmq_backlog", "wm_backend_up"})
"""Gauges without a sample until there is something to see. No rule names a value of their labels."""


@pytest.fixture
async def exposed(tmp_path: Path) -> str:
    """A scrape of a service that has sent a message and looked at its database."""
    async with running_service(tmp_path) as running:
        await running.api.reaches(await running.api.accept(text()), "DELIVERED")
        scrapes: list[str] = []

        async def complete() -> bool:
            scrapes.append((await running.api.client.get("/actuator/prometheus")).text)
            return re.search(r"^wm_oldest_open_seconds\{", scrapes[-1], re.MULTILINE) is not None

        await until(complete)
        return scrapes[-1]


def labels_of(exposed: str) -> dict[str, dict[str, set[str]]]:
    """Each metric with its labels and their values."""
    metrics: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(exposed):
        for sample in family.samples:
            for label, value in sample.labels.items():
                metrics[sample.name][label].add(value)
            metrics[sample.name]  # one without labels exists, too
    for name, golden in json.loads(GOLDEN.read_text("utf-8")).items():
        if name in OF_SERVERS and f"# TYPE {name} gauge" in exposed:
            for label in golden["labels"]:
                metrics[name][label]  # the label exists, and no value does
    return metrics


def in_place_of_micrometer() -> set[str]:
    """Our metrics in the tables of the pages whose rows have a name of Micrometer."""
    cells: list[str] = []
    for page, column in (("migration", 1), ("monitoring", 2)):
        for path in sorted(DOCS.glob(f"{page}*.md")):
            rows = [line.strip("| ").split(" | ") for line in path.read_text("utf-8").splitlines() if line[:2] == "| "]
            named = [row[column] for row in rows if len(row) > column and MICROMETER.search(row[column - 1])]
            assert len(named) > 5, path
            cells += named
    return set(re.findall(r"`((?:wm|process|python)_\w+)`", " ".join(cells)))


async def test_the_rules_and_the_pages_name_only_what_a_service_shows(exposed: str) -> None:
    metrics = labels_of(exposed)
    for name in in_place_of_micrometer():
        assert {name, f"{name}_count"} & set(metrics), name
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert len(metrics) > 80
    for rule in rules():
        expression = rule["expr"]
        named = metrics_in(expression)
        assert named, rule
        assert other_words(expression) == set(), rule
        assert named <= set(metrics) | recorded | set(FOREIGN), rule
        known = {label for name in named for label in (metrics[name] if name in metrics else FOREIGN.get(name, ()))}
        assert grouped_labels(expression) <= known | OF_PROMETHEUS, rule
        for matcher in matchers_in(expression):
            if matcher.metric in FOREIGN:
                assert matcher.label in FOREIGN[matcher.metric], rule
                continue
            values = metrics[matcher.metric][matcher.label]
            lost = [
                wording for wording in matcher.alternatives if not any(re.fullmatch(wording, value) for value in values)
            ]
            assert lost == [], (rule, matcher)
