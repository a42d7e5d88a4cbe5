"""promtool checks the alert rules and runs their unit tests."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.support.promql import FOLDER, RULES
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


def groups_of(suite: str) -> dict[str, Any]:
    """The groups of rules with the alerts that a suite names: of all the others each of its cases would cost twice as much."""
    named = set(re.findall(r'alertname="(\w+)"', suite))
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {"groups": [group for group in groups if named & {rule.get("alert") for rule in group["rules"]}]}


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_every_alert_fires_when_it_should_and_only_then(path: Path, tmp_path: Path) -> None:
    text = path.read_text("utf-8")
    suite = yaml.safe_load(text)
    assert suite["rule_files"] == [f"../rules/{RULES.name}"], "a person runs the file as it is"
    (tmp_path / RULES.name).write_text(yaml.safe_dump(groups_of(text)), "utf-8")
    (tmp_path / path.name).write_text(yaml.safe_dump(suite | {"rule_files": [RULES.name]}), "utf-8")
    assert "SUCCESS" in promtool("test", "rules", tmp_path / path.name)
