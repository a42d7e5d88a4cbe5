"""Grafana's dashboards: the files are those of their sources, Grafana can read them, and no metric is forgotten.

Whether their queries have data is tested on a real Prometheus: `tests/e2e/test_dashboards.py`.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import yaml
from scripts.dashboards import COLUMNS, FOLDER, TAG, dashboard, written
from tests.support.grafana_schema import UNITS, objections
from tests.support.panels import indicators

from wework_message.adapters.observability.metric_names import MetricName

Json = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]
FILES: Final = sorted((FOLDER / "dashboards").glob("*.json"))
RULES: Final = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
TITLES: Final = {
    "service": "Service",
    "providers": "Providers",
    "callbacks": "Callbacks and UNKNOWN",
    "backends": "Backends",
}
NOWHERE: Final[dict[str, str]] = {}
"""Metrics that neither a panel nor a rule shows, and why."""

NAME: Final = re.compile(r"\bwm_[a-z_]+[a-z]\b")


def documents() -> dict[str, Json]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in FILES}


def panels(document: Json) -> Iterator[Json]:
    return (panel for panel in document["panels"] if panel["type"] != "row")


def expressions() -> Iterator[str]:
    for document in documents().values():
        for panel in panels(document):
            yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in _rules())


def _rules() -> Iterator[Json]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]:
            yield from group["rules"]


def test_the_files_are_those_that_their_sources_make() -> None:
    assert {path: path.read_text("utf-8") for path in FILES} == written(), "run `make dashboards`"
    assert {path.stem for path in FILES} == set(TITLES)


def test_each_has_its_title_and_a_name_of_its_own_and_leads_to_the_others() -> None:
    named = documents()
    assert {name: document["title"] for name, document in named.items()} == TITLES
    assert len({document["uid"] for document in named.values()}) == len(named)
    for document in named.values():
        assert document["tags"] == [TAG]
        assert [(link["type"], link["tags"], link["includeVars"]) for link in document["links"]] == [
            ("dashboards", [TAG], True)
        ]


@pytest.mark.parametrize("name", TITLES)
def test_grafana_s_schema_has_no_objection(name: str) -> None:
    assert objections(documents()[name]) == []


WRONG: Final[dict[str, tuple[Callable[[Json], Any], str]]] = {
    "a name that Grafana does not know": (lambda panel: panel.update(titel="x"), "titel is not in the schema"),
    "an option that the kind of panel lacks": (lambda panel: panel["options"].update(colour="x"), "options.colour"),
    "a word that is none of its words": (lambda panel: panel["options"].update(colorMode="vivid"), "color_mode"),
    "text for a number": (lambda panel: panel["gridPos"].update(w="6"), "grid_pos.w"),
    "a query of another form": (lambda panel: panel["targets"][0].update(query="up"), "targets[0].query"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_schema_objects_to(wrong: str) -> None:
    document = copy.deepcopy(documents()["service"])
    change, said = WRONG[wrong]
    change(next(panels(document)))
    assert [said in objection for objection in objections(document)] == [True]


@pytest.mark.parametrize("name", TITLES)
def test_panels_fill_the_grid_and_do_not_lie_upon_each_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in documents()[name]["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len(taken) == COLUMNS * (1 + max(y for _, y in taken)), "there is a gap"


@pytest.mark.parametrize("name", TITLES)
def test_each_panel_says_what_it_shows_and_what_to_do_when_it_is_red(name: str) -> None:
    document = documents()[name]
    titles = [panel["title"] for panel in panels(document)]
    assert len(set(titles)) == len(titles)
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
    for panel in panels(document):
        shows, _, red = panel["description"].partition("\n\n**When it is red:** ")
        assert shows.endswith("."), panel["title"]
        field = panel["fieldConfig"]["defaults"]
        assert field["unit"] in UNITS, panel["title"]
        if len(field["thresholds"]["steps"]) > 1:
            assert red.endswith((".", "?")), f"{panel['title']} can be red: what then?"


def test_pages_that_a_description_names_are_there() -> None:
    texts = [panel["description"] for document in documents().values() for panel in panels(document)]
    pages = {page for text in texts for page in re.findall(r"\bdocs/[\w/.-]+\.md", text)}
    assert pages
    assert [page for page in pages if not (ROOT / page).is_file()] == []


def test_queries_ask_for_the_chosen_processes_and_name_only_variables_that_are_there() -> None:
    """A gauge that one process exports for all would be missing where another instance is chosen."""
    for name, document in documents().items():
        known = {variable["name"] for variable in document["templating"]["list"]} | {"__rate_interval", "__range"}
        for panel in panels(document):
            for expr in (target["expr"] for target in panel["targets"]):
                used = set(re.findall(r"\$(\w+)", expr))
                assert used <= known, f"{name}: {panel['title']}"
                selected = [selector for selector in re.findall(r"\{([^}]*)\}", expr) if "ALERTS" not in expr]
                assert all('job=~"$job"' in selector for selector in selected), f"{name}: {panel['title']}"
                assert not re.search(r"\b(wm_|up\b|process_|python_)\w*(?![\w{])", expr), f"{name}: {panel['title']}"


def test_the_panels_of_delivery_success_and_api_errors_show_what_their_alerts_read() -> None:
    read = {rule.get("record") or rule["alert"]: "".join(rule["expr"].split()) for rule in _rules()}
    service = {panel["title"]: "".join(panel["targets"][0]["expr"].split()) for panel in panels(documents()["service"])}
    plain = {title: expr.replace('job=~"$job",instance=~"$instance",', "") for title, expr in service.items()}
    assert plain["Delivery success"] == plain["Delivery success over time"] == read["wm:deliver_success:ratio5m"]
    assert read["WmErrorRateHigh"].startswith(f"{plain['API errors']}>0.01")


@pytest.mark.parametrize("page", ["monitoring.md", "monitoring.zh.md"])
def test_the_panels_that_the_documentation_names_are_there(page: str) -> None:
    titles = {document["title"]: {panel["title"] for panel in panels(document)} for document in documents().values()}
    text = (ROOT / "docs" / page).read_text("utf-8")
    cells = re.findall(rf"\| ((?:{'|'.join(titles)}): [^|]+) \|$", text, re.MULTILINE)
    assert len(cells) == 15
    for cell in cells:
        place = ""
        for named in cell.split("; "):
            where, _, panel_title = named.rpartition(": ")
            place = where or place
            assert panel_title in titles[place], named


def test_both_pages_have_the_same_promql_for_the_original_s_indicators() -> None:
    english, chinese = [
        indicators((ROOT / "docs" / page).read_text("utf-8")) for page in ("monitoring.md", "monitoring.zh.md")
    ]
    assert len(english) == 15
    assert english == chinese


def test_every_metric_is_in_a_panel_or_a_rule() -> None:
    text = "\n".join(expressions())
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(text)}
    known = set(get_args(MetricName))
    assert shown - known == set(), "no metric of ours"
    assert known - shown == set(NOWHERE)


def test_a_word_that_is_none_of_a_panel_is_an_error() -> None:
    source = {
        "uid": "x",
        "title": "X",
        "description": "",
        "rows": [{"title": "", "panels": [{"shows": "", "color": []}]}],
    }
    with pytest.raises(ValueError, match="color is no word of a panel"):
        dashboard(source)
