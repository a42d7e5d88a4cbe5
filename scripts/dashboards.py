"""Grafana's dashboards from what a person writes: `deploy/grafana/panels/*.yaml` becomes `deploy/grafana/dashboards/*.json`.

A panel is its title, its queries, and what it shows; the rest of Grafana's form is the same for all of them and is made here. In a query
`$processes` stands for the chosen instances, and `$cluster` for all of the chosen jobs: what one process exports for all would be missing
where another instance is chosen.

``python -m scripts.dashboards`` writes the files; a test compares them with what it would write.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, groupby
from math import ceil
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

Json: TypeAlias = dict[str, Any]

FOLDER: Final = Path(__file__).resolve().parents[1] / "deploy" / "grafana"
SCHEMA_VERSION: Final = 39
"""That of Grafana 11.0; later ones read it."""
COLUMNS: Final = 24
TAG: Final = "wework-message"
DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
MATCHERS: Final = {"$processes": 'job=~"$job",instance=~"$instance"', "$cluster": 'job=~"$job"'}
PER_LINE: Final = 3
HEIGHT: Final = 8
"""Of a panel without a size, in rows of Grafana's grid."""

_KNOWN: Final = {
    "title", "type", "size", "shows", "red", "unit", "colours", "values", "empty", "max", "stacked", "expr", "legend", "queries",
}  # fmt: skip


def dashboard(source: Mapping[str, Any]) -> Json:
    """One dashboard in Grafana's form."""
    return {
        "uid": source["uid"],
        "title": source["title"],
        "description": source["description"],
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [_links()],
        "annotations": {"list": [_firing_alerts()]},
        "templating": {"list": list(_variables(source.get("variables", ())))},
        "panels": list(_panels(source["rows"])),
    }


def _links() -> Json:
    """To the others, which keep the time and the chosen processes."""
    return {
        "type": "dashboards", "tags": [TAG], "title": "Dashboards", "icon": "external link", "tooltip": "", "url": "",
        "asDropdown": False, "includeVars": True, "keepTime": True, "targetBlank": False,
    }  # fmt: skip


def _firing_alerts() -> Json:
    expr = 'ALERTS{alertstate="firing",alertname=~"Wm.*"}'
    return {"name": "Alerts", "datasource": DATASOURCE, "enable": True, "hide": False, "iconColor": "red", "expr": expr}


def _variables(more: Sequence[str]) -> Iterator[Json]:
    yield {
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0, "refresh": 1,
        "regex": "", "multi": False, "includeAll": False, "options": [],
    }  # fmt: skip
    yield _labels("job", "wm_messages_accepted_total")
    yield _labels("instance", 'wm_messages_accepted_total{job=~"$job"}')
    for name in more:
        yield _labels(name, 'wm_provider_configured{job=~"$job"}')


def _labels(name: str, of: str) -> Json:
    return {
        "name": name, "label": name.title(), "type": "query", "datasource": DATASOURCE, "hide": 0, "refresh": 2, "sort": 1,
        "query": {"query": f"label_values({of}, {name})", "refId": name}, "regex": "", "multi": True, "includeAll": True,
        "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}, "options": [],
    }  # fmt: skip


def _panels(rows: Sequence[Mapping[str, Any]]) -> Iterator[Json]:
    numbers, top = count(1), 0
    for row in rows:
        yield {
            "id": next(numbers), "type": "row", "title": row["title"], "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
        }  # fmt: skip
        top += 1
        for line in _lines(row["panels"]):
            left, tallest = 0, 0
            for panel in line:
                width, height = panel.get("size", (COLUMNS // len(line), HEIGHT))
                yield _panel(panel, next(numbers)) | {"gridPos": {"x": left, "y": top, "w": width, "h": height}}
                left, tallest = left + width, max(tallest, height)
            top += tallest


def _lines(panels: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Those with a size are one line. The others fill lines of at most three, none of which has a gap."""
    for is_sized, group in groupby(panels, key=lambda panel: "size" in panel):
        line = list(group)
        lines = 1 if is_sized else ceil(len(line) / PER_LINE)
        for number in range(lines):
            yield line[len(line) * number // lines : len(line) * (number + 1) // lines]


def _panel(source: Mapping[str, Any], number: int) -> Json:
    if unknown := source.keys() - _KNOWN:
        raise ValueError(f"{source.get('title')}: {', '.join(sorted(unknown))} is no word of a panel")
    kind = source.get("type", "timeseries")
    texts = [source["shows"], *([f"**When it is red:** {source['red']}"] if "red" in source else [])]
    return {
        "id": number,
        "type": kind,
        "title": source["title"],
        "description": "\n\n".join(texts),
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": _field(source, kind), "overrides": []},
        "options": _OPTIONS[kind],
        "targets": list(_targets(source, kind)),
    }


def _targets(source: Mapping[str, Any], kind: str) -> Iterator[Json]:
    queries = source.get("queries") or [{"expr": source["expr"], "legend": source.get("legend", "")}]
    for place, query in enumerate(queries):
        expr = query["expr"]
        for word, matchers in MATCHERS.items():
            expr = expr.replace(word, matchers)
        # A number is that of the end of the time: the last of a range might be an hour old, and look like now.
        is_instant = kind != "timeseries"
        yield {
            "refId": chr(ord("A") + place), "datasource": DATASOURCE, "editorMode": "code", "expr": expr,
            "legendFormat": query["legend"], "instant": is_instant, "range": not is_instant,
        }  # fmt: skip


def _field(source: Mapping[str, Any], kind: str) -> Json:
    colours = source.get("colours", ["green"])
    limits = [None, *colours[1::2]]
    steps = [{"color": colour, "value": limit} for colour, limit in zip(colours[::2], limits, strict=True)]
    field: Json = {
        "unit": source.get("unit", "short"),
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "thresholds" if kind == "stat" else "palette-classic"},
    }
    if "max" in source:
        field["max"] = source["max"]
    if "empty" in source:
        field["noValue"] = source["empty"]
    if "values" in source:
        texts = {
            str(value): {"text": text, "index": place} for place, (value, text) in enumerate(source["values"].items())
        }
        field["mappings"] = [{"type": "value", "options": texts}]
    if kind == "timeseries":
        field["custom"] = _drawn(is_stacked=source.get("stacked", False), has_limits=len(steps) > 1)
    return field


def _drawn(*, is_stacked: bool, has_limits: bool) -> Json:
    return {
        "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 30 if is_stacked else 10,
        "showPoints": "never", "spanNulls": False, "axisPlacement": "auto",
        "stacking": {"mode": "normal" if is_stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if has_limits else "off"},
    }  # fmt: skip


_LAST: Final[Json] = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Final[Mapping[str, Json]] = {
    "stat": {
        "reduceOptions": _LAST, "colorMode": "value", "graphMode": "none", "textMode": "auto", "justifyMode": "auto",
        "orientation": "auto", "wideLayout": True, "showPercentChange": False,
    },
    "timeseries": {
        "legend": {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "bargauge": {
        "reduceOptions": _LAST, "displayMode": "basic", "valueMode": "color", "namePlacement": "auto", "showUnfilled": True,
        "sizing": "auto", "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300, "orientation": "horizontal",
    },
}  # fmt: skip


def written() -> dict[Path, str]:
    """The files, and what they should hold."""
    files = {}
    for source in sorted((FOLDER / "panels").glob("*.yaml")):
        made = dashboard(yaml.safe_load(source.read_text("utf-8")))
        files[FOLDER / "dashboards" / f"{source.stem}.json"] = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    return files


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, "utf-8")
