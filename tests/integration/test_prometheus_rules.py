"""promtool checks the alert rules and runs their unit tests."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from tests.support.promql import FOLDER
from tests.support.servers.plugin import REQUIRED

pytestmark = pytest.mark.services

PROMTOOL: Final = "promtool"
TESTS: Final = sorted((FOLDER / "tests").glob("*.yml"))


def promtool(*arguments: str | Path) -> str:
    if shutil.which(PROMTOOL) is None:
        missing = "not installed here: no promtool in PATH; scripts/install-services installs it (Debian's prometheus)"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{PROMTOOL} {missing}, and {REQUIRED}=1", pytrace=False)
        pytest.skip(f"{PROMTOOL} {missing}")
    command: Sequence[str] = [PROMTOOL, *map(str, arguments)]
    lazy = os.environ | {"GOGC": "800"}  # a quarter of its time would be garbage collection
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=lazy)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_can_read_the_rules() -> None:
    shown = promtool("check", "rules", *sorted((FOLDER / "rules").glob("*.yml")))
    assert "SUCCESS" in shown


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_every_alert_fires_when_it_should_and_only_then(path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", path)
