"""Fixtures for the servers, and the Hypothesis profiles. CI runs the state machine of the message five times as often."""

import gc
import os
from typing import Final

import pytest
from hypothesis import settings
from tests.support.garbage import collect_garbage

settings.register_profile("here", deadline=None, max_examples=25)
# The same examples on every run: the result of CI must not depend on chance. Runs elsewhere look for new examples, a
# quarter as many: most of them search again what nobody has changed.
settings.register_profile("ci", deadline=None, max_examples=100, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

gc.disable()
"""Modules and tests stay: to look for garbage among them while they grow is a third of what collection costs."""

GARBAGE_THRESHOLDS: Final = (10_000, 20, 20)
"""What a test holds at once is more than Python's threshold of 700: each run would look at it, and find it in use."""

pytest_plugins = ["tests.support.servers.plugin", "tests.support.mysql"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """End-to-end tests run the product in processes of its own, where nothing is measured: measuring here only costs time."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.no_cover)


def pytest_collection_finish() -> None:
    """What is imported and collected lives until the end: no collection of garbage need look at it again."""
    collect_garbage()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """At its end pytest looks for garbage ten times: this time, and then among what the times before left."""
    collect_garbage()
