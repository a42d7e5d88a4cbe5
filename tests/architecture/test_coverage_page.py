"""The original's README, row by row: no line of it is left out, and what the pages name exists."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import REGISTRY
from tests.support.apps.rest import empty_metrics
from tests.support.promql import rules

from wework_message.adapters.observability.metric_names import TEXTS
from wework_message.bootstrap.settings.environment import variable_of
from wework_message.bootstrap.settings.schema import known_leaves
from wework_message.bootstrap.settings.spring import ALIASES, PROFILES_KEY, REDIS_PARTS
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.openapi import camel
from wework_message.entrypoints.rest.routes import route_templates

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "tests" / "golden" / "seed-readme.zh.md").read_text("utf-8")
ENGLISH, CHINESE = [(ROOT / "docs" / name).read_text("utf-8") for name in ("coverage.md", "coverage.zh.md")]
PAGES: Final = {"english": ENGLISH, "chinese": CHINESE}
VERDICTS: Final = {"english": ("works", "differs"), "chinese": ("可用", "有差异")}

ROUTES: Final = {
    f"{method} {camel(path)}" for path, method in route_templates(Config(version="0", metrics=empty_metrics))
}
KEYS: Final = {*known_leaves(["guangzhou-guxing"]), *ALIASES, *REDIS_PARTS, PROFILES_KEY}
VARIABLES: Final = {variable_of(key) for key in KEYS}
ALERTS: Final = {rule["alert"]: str(rule["expr"]) for rule in rules() if "alert" in rule}
OF_THE_CLIENT: Final = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
"""Metrics that prometheus-client adds by itself."""

_ROW: Final = re.compile(r"^\| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
_SPAN: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_COMPONENT: Final = re.compile(r"\b(?:[A-Z][a-z]+)+(?:Controller|Service|Manager|Provider[AB]?|Consumer)\b")
_ROUTE: Final = re.compile(r"(?:GET|POST|PUT|DELETE) /\S+")
_METRIC: Final = re.compile(r"(?:wm|process|python)_[a-z_]+")


# -- what the original's README says -------------------------------------------------------------------------------


def items() -> list[str]:
    """What it promises or names, in its order: features, routes, parts, keys, variables, indicators, alerts, commands, links."""
    named: list[str] = []
    for section in re.split(r"^## ", README, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        named += dict.fromkeys(_items_of(body)) or [title.split()[-1]]
    return named


def _items_of(body: str) -> Iterator[str]:
    for part in re.split(r"^(```.*?^```)$", body, flags=re.MULTILINE | re.DOTALL):
        if part.startswith("```"):
            yield from _items_of_block(part)
            continue
        for line in part.splitlines():
            if cell := re.match(r"\| `([A-Z_]+)` \|", line):
                yield cell[1]
            elif re.fullmatch(r"\d\. \*\*[^*]+\*\*", line):
                continue  # a heading of what follows
            elif bullet := re.match(r" *(?:-|\d\.) (.+)", line):
                yield _name_of(bullet[1])


def _name_of(bullet: str) -> str:
    if link := re.match(r"\[([^\]]+)\]", bullet):
        return link[1]
    if route := re.match(r"`([A-Z]+ /[^`]+)` - ", bullet):
        return route[1]
    return re.split(r": |：| - | \(", bullet.replace("**", ""))[0].replace("`", "")


def _items_of_block(block: str) -> Iterator[str]:
    language, _, text = block.strip("`").partition("\n")
    if language == "bash":
        yield from (
            re.sub(r" *\\$", "", line) for line in text.splitlines() if re.match(r"\./|docker|mvn|tail|curl", line)
        )
    elif language == "yaml":
        document: Mapping[str, Any] = yaml.safe_load(text)
        if document.get("kind") == "Deployment":
            yield "replicas"
            yield from (name for name in document["spec"]["template"]["spec"]["containers"][0] if name != "name")
        else:
            yield from _leaves(document)
    else:
        yield from dict.fromkeys(_COMPONENT.findall(text))


def _leaves(tree: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}"


# -- what the pages say of it --------------------------------------------------------------------------------------


@cache
def rows(page: str) -> list[tuple[str, str, str]]:
    """What of the README, the verdict, and why or where; without the headings of the tables."""
    cells = _ROW.findall(PAGES[page].replace(r"\|", "\0"))
    return [(row[0].replace("\0", "|"), row[1], row[2].replace("\0", "|")) for row in cells if row[1] in VERDICTS[page]]


def _item(cell: str) -> str:
    return cell.replace("`", "").partition(" (")[0]


def _spans(page: str) -> list[str]:
    return _SPAN.findall(PAGES[page])


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_every_row_of_the_readme_and_no_other(page: str) -> None:
    assert [_item(cell) for cell, _, _ in rows(page)] == items()
    assert len(items()) > 120


@pytest.mark.parametrize("page", PAGES)
def test_every_row_has_a_verdict_and_the_counts_are_right(page: str) -> None:
    table = [line for line in PAGES[page].splitlines() if line.startswith("| ")]
    headings = PAGES[page].count("\n| --- ")
    assert len(table) - 2 * headings == len(rows(page))
    works = sum(verdict == VERDICTS[page][0] for _, verdict, _ in rows(page))
    counts = re.findall(r"\d+", PAGES[page].partition("\n## ")[0].partition("\n\n")[2])
    assert [int(count) for count in counts[:3]] == [len(rows(page)), works, len(rows(page)) - works]


def test_both_pages_judge_alike_and_name_the_same() -> None:
    for (cell, verdict, text), (_, judged, chinese) in zip(rows("english"), rows("chinese"), strict=True):
        assert VERDICTS["english"].index(verdict) == VERDICTS["chinese"].index(judged), cell
        assert sorted(_SPAN.findall(text)) == sorted(_SPAN.findall(chinese)), cell
        assert _pages_in(text) == _pages_in(chinese), cell


def _pages_in(text: str) -> list[str]:
    """The pages behind the links; headings have other names in Chinese."""
    return [link.partition("#")[0].replace(".zh.md", ".md") for link in _LINK.findall(text)]


# -- and what exists -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_route_exists(page: str) -> None:
    named = {span for span in _spans(page) if _ROUTE.fullmatch(span)}
    assert len(named) > 15
    assert named - ROUTES == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_key_and_variable_is_a_setting(page: str) -> None:
    keys = {
        span.partition(":")[0] for span in _spans(page) if re.match(r"(app|rocketmq|server|redis|spring)\.[a-z]", span)
    }
    variables = {span for span in _spans(page) if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", span)}
    assert len(keys) > 15
    assert len(variables) >= 5
    assert keys - KEYS == set()
    assert variables - VARIABLES == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_exists(page: str) -> None:
    named = {span for span in _spans(page) if _METRIC.fullmatch(span)}
    assert len(named) > 15
    assert named - {*TEXTS} - OF_THE_CLIENT == set()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert {span for span in _spans(page) if span.startswith("wm:")} <= recorded


@pytest.mark.parametrize("page", PAGES)
def test_every_alert_exists_and_has_the_original_s_threshold(page: str) -> None:
    named = {span for span in _spans(page) if span.startswith("Wm")}
    assert named <= set(ALERTS)
    for cell, _, text in rows(page):
        limit = re.search(r"[<>] (\d+)(%|s)", cell)
        if limit is None:
            continue
        number = int(limit[1]) / 100 if limit[2] == "%" else int(limit[1])
        of_row = _SPAN.findall(text)
        assert of_row, cell
        for alert in of_row:
            limits = {float(value) for value in re.findall(r"[<>]=? *([\d.]+)", ALERTS[alert])}
            assert number in limits, (cell, alert)


@pytest.mark.parametrize("page", PAGES)
def test_the_modules_that_it_names_exist(page: str) -> None:
    named = {span for span in _spans(page) if re.match(r"(domain|application|adapters|entrypoints|bootstrap)/", span)}
    assert len(named) > 3
    assert [path for path in named if not (ROOT / "src" / "wework_message" / path).exists()] == []
