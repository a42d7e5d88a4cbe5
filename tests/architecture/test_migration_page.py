"""The migration pages say what is there: statuses, routes, and the group with which the cut-over was tried."""

import re
from pathlib import Path
from typing import Final

import pytest
from tests.integration.rocketmq.test_cut_over import GROUP
from tests.support.apps.rest import empty_metrics

from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.openapi import camel
from wework_message.entrypoints.rest.routes import route_templates

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = sorted(DOCS.glob("migration*.md"))
ROUTES: Final = {(method, camel(path)) for path, method in route_templates(Config(version="0", metrics=empty_metrics))}
_STATUS: Final = re.compile(r"\b[45]\d\d\b")


def rows_of(page: Path) -> list[list[str]]:
    """The tables, row by row."""
    lines = page.read_text("utf-8").splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_statuses_are_those_of_the_page_of_errors(page: Path) -> None:
    (named,) = [row[2] for row in rows_of(page) if "](problems.md)" in row[-1] and len(_STATUS.findall(row[-1])) > 3]
    codes = re.findall(r"^(\d{3})[.,]", (DOCS / "problems.md").read_text("utf-8"), re.MULTILINE)
    assert _STATUS.findall(named) == sorted(set(codes))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_route_exists_unless_the_page_says_that_it_does_not(page: Path) -> None:
    named = 0
    for row in rows_of(page):
        for method, path in re.findall(r"`(GET|POST|PUT|DELETE) (/[^`?]+)`", row[0]):
            named += 1
            assert ((method, path) in ROUTES) == (re.search("does not exist|不存在", row[-1]) is None), row
    assert named > 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_cut_over_is_that_which_was_tried(page: Path) -> None:
    """`test_cut_over` lets a consumer with this group read first, then the service with the same group, and back."""
    text = page.read_text("utf-8")
    assert f"`rocketmq.intake.group: {GROUP}`" in text
