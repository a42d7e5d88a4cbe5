"""Root may run the service, and is told."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from wework_message.bootstrap.commands import startup
from wework_message.bootstrap.privileges import root_warnings
from wework_message.entrypoints.cli.services import SettingsSource

Users = Callable[[int], None]
ROOT: Final = "the process runs as root"


@pytest.fixture
def run_as(monkeypatch: pytest.MonkeyPatch) -> Users:
    return lambda user: monkeypatch.setattr(os, "geteuid", lambda: user)


def test_only_root_is_warned(run_as: Users) -> None:
    run_as(0)
    assert [warning.partition(":")[0] for warning in root_warnings()] == [ROOT]
    run_as(10001)
    assert root_warnings() == ()


def test_a_start_as_root_shows_the_warning_and_has_no_problem(
    run_as: Users, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_as(0)
    starting = startup(SettingsSource())
    assert starting.problems == ()
    assert starting.warnings[-1].startswith(ROOT)
