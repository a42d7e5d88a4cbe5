"""What the panels of the dashboards show: their queries, asked of Prometheus as Grafana asks them."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scripts.dashboards import FOLDER
from tests.support.promql import Matcher, matchers_in
from tests.support.servers.prometheus import Prometheus

RATE_INTERVAL: Final = "5s"
"""Grafana takes at least four times the scrape interval."""
_STEP: Final = "1"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one query of a panel has."""

    dashboard: str
    panel: str
    query: str
    """Letter of the query in its panel."""
    series: Mapping[str, float]
    """By its labels: the largest number of each series that has any."""
    unknown_labels: frozenset[str]
    """Those that its legend names and a series lacks."""
    unmatched: tuple[Matcher, ...]
    """What its selectors demand of a label and no series has: a value that does not exist."""

    @property
    def name(self) -> str:
        return f"{self.dashboard}: {self.panel} {self.query}"

    @property
    def line(self) -> str:
        """For a person."""
        largest = sorted(self.series.items(), key=lambda item: -item[1])[:3]
        return f"{self.name:60} {len(self.series):3}  " + "  ".join(
            f"{labels or '-'}={value:.4g}" for labels, value in largest
        )


def _unmatched(prometheus: Prometheus, job: str, expr: str) -> Iterator[Matcher]:
    for matcher in matchers_in(expr):
        if matcher.label in {"job", "instance"} or not matcher.metric.startswith("wm_"):
            continue
        for value in matcher.alternatives:
            query = f'count({matcher.metric}{{{matcher.label}=~{json.dumps(value)},job="{job}"}})'
            if not prometheus.ask("query", query=query)["result"]:
                yield matcher


def shown(prometheus: Prometheus, job: str, began: float, ended: float) -> Iterator[Shown]:
    """All queries of all panels over this time (epoch seconds), with all processes and providers of a job."""
    variables = {"job": job, "instance": ".*", "provider": ".*", "__rate_interval": RATE_INTERVAL}
    variables["__range"] = f"{math.ceil(ended - began)}s"
    for path in sorted((FOLDER / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                expr = re.sub(r"\$(\w+)", lambda match: variables[match[1]], target["expr"])
                if target["instant"]:
                    answer = prometheus.ask("query", query=expr, time=f"{ended:.3f}")
                else:
                    answer = prometheus.ask(
                        "query_range", query=expr, start=f"{began:.3f}", end=f"{ended:.3f}", step=_STEP
                    )
                named = frozenset(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                labels = [named - element["metric"].keys() for element in answer["result"]]
                yield Shown(
                    path.stem, panel["title"], target["refId"], _series(answer["result"]), frozenset().union(*labels),
                    tuple(_unmatched(prometheus, job, expr)),
                )  # fmt: skip


def indicators(page: str) -> list[str]:
    """The PromQL of the original's indicators, as a reader of the page sees it: the last but one cell of each row of its third table."""
    rows = re.findall(
        r"^\| .*? \| `((?:[^`|]|\\\|)+)`[^`|]* \| (?:Service|Providers|Callbacks|Backends)[^|]*: [^|]+ \|$",
        page,
        re.MULTILINE,
    )
    return [row.replace(r"\|", "|") for row in rows]


def without_data(prometheus: Prometheus, queries: Sequence[str], at: float) -> list[str]:
    """Those that have no number at this time (epoch seconds)."""
    answers = {query: prometheus.ask("query", query=query, time=f"{at:.3f}")["result"] for query in queries}
    return [query for query, result in answers.items() if not _series(result)]


def _series(result: list[Mapping[str, Any]]) -> dict[str, float]:
    series = {}
    for element in result:
        points = element["values"] if "values" in element else [element["value"]]
        if numbers := [number for _, text in points if math.isfinite(number := float(text))]:
            series[",".join(value for name, value in element["metric"].items() if name != "__name__")] = max(numbers)
    return series
