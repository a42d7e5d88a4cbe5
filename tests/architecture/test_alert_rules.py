"""The alert rules: each is explained, has cases that fire and cases that are quiet, and says how bad it is."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import yaml
from tests.support.promql import FOLDER, metrics_in, rules

from wework_message.adapters.observability.metric_names import TEXTS

DOCS: Final = Path(__file__).parents[2] / "docs"
ALERTS: Final = {rule["alert"]: rule for rule in rules() if "alert" in rule}
_CASE: Final = re.compile(r'ALERTS\{alertname="(\w+)",alertstate="firing"\}')
_WINDOW: Final = re.compile(r"increase\((\w+)")


@cache
def cases() -> tuple[tuple[str, bool], ...]:
    """Each case of the unit tests: the alert, and whether it fires."""
    suites = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((FOLDER / "tests").glob("*.yml"))]
    checks = [check for suite in suites for test in suite["tests"] for check in test["promql_expr_test"]]
    named = [(_CASE.fullmatch(check["expr"]), bool(check["exp_samples"])) for check in checks]
    return tuple((name[1], fires) for name, fires in named if name is not None)


def test_every_alert_has_a_case_that_fires_and_one_that_is_quiet() -> None:
    assert len(ALERTS) > 40
    assert {name for name, fires in cases() if fires} == set(ALERTS)
    assert {name for name, fires in cases() if not fires} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_its_help_is(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/monitoring.md#{name}"
    for page in ("monitoring.md", "monitoring.zh.md"):
        row = rf'^\| <a id="{name}"></a>`{name}` \| {rule["labels"]["severity"]} \|'
        assert len(re.findall(row, (DOCS / page).read_text("utf-8"), re.MULTILINE)) == 1, page


def test_the_pages_explain_no_alert_that_does_not_exist() -> None:
    for page in ("monitoring.md", "monitoring.zh.md"):
        assert set(re.findall(r"`(Wm[A-Z]\w+)`", (DOCS / page).read_text("utf-8"))) == set(ALERTS)


def test_what_is_recorded_stands_before_the_alerts_of_its_group_that_read_it() -> None:
    """Groups work beside each other: an alert of another group would read the value of the round before."""
    for group in yaml.safe_load((FOLDER / "rules" / "wework-message.yml").read_text("utf-8"))["groups"]:
        recorded: set[str] = set()
        for rule in group["rules"]:
            read = {name for name in metrics_in(rule["expr"]) if name.startswith("wm:")}
            assert read <= recorded, rule
            recorded |= {rule["record"]} if "record" in rule else set()


def test_gauges_that_one_process_shows_are_read_as_the_maximum() -> None:
    shown = {
        "wm_oldest_due_seconds", "wm_oldest_open_seconds", "wm_invariant_violations", "wm_webhook_overdue_seconds",
        "wm_inbox_lag_seconds", "wm_unknown_open", "wm_media_overdue_seconds",
    }  # fmt: skip
    assert shown <= set(TEXTS)
    for name, rule in ALERTS.items():
        for gauge in metrics_in(rule["expr"]) & shown:
            assert re.search(
                rf"(max|max by \(\w+\)|absent)\s*\({gauge}",
                rule["expr"].replace(" (", "(").replace("max by(", "max by ("),
            ), name


def test_nothing_that_exists_only_after_its_first_event_is_counted_by_increase() -> None:
    """Of a series that begins at 1 `increase()` says 0: a gauge has to be read instead."""
    for rule in rules():
        for metric in _WINDOW.findall(rule["expr"]):
            assert metric.endswith(("_total", "_count")), rule
