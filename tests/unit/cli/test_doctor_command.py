import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from tests.support.apps.command_line import FakeService

from wework_message import __version__
from wework_message.application.queries.diagnosis import Diagnosis, Examined
from wework_message.bootstrap.command_line import cli
from wework_message.domain.ports.checks import Fault, Finding

GOLDEN: Final = Path(__file__).parents[2] / "golden" / "doctor.json"
OK: Final = Examined("a", Finding.ok("fine"), 1.26, None)
WARNING: Final = Examined("b", Finding.warning("hm [x]", "look"), 0.0, None)
SKIPPED: Final = Examined("d", Finding.skipped("nobody looked"), 0.0, None)


def failed(fault: Fault, name: str = "c") -> Examined:
    return Examined(name, Finding.failed("broken", "mend it"), 20.04, fault)


def test_json_is_one_document_of_a_stable_shape() -> None:
    ended = FakeService(diagnosis=Diagnosis((OK, WARNING, failed(Fault.UNAVAILABLE), SKIPPED))).run("doctor", "--json")
    document = json.loads(ended.stdout)
    assert document.pop("version") == __version__
    assert document == {key: value for key, value in json.loads(GOLDEN.read_text()).items() if key != "version"}
    assert ended.exit_code == 69


@pytest.mark.parametrize(
    ("examined", "code"),
    [
        ([OK, WARNING, SKIPPED], 0),
        ([OK, failed(Fault.BROKEN)], 1),
        ([failed(Fault.BROKEN), failed(Fault.UNAVAILABLE, "x")], 69),
        ([failed(Fault.BROKEN), failed(Fault.UNAVAILABLE, "x"), failed(Fault.SETTINGS, "y")], 78),
    ],
)
def test_the_exit_code_is_that_of_the_most_urgent_fault(examined: list[Examined], code: int) -> None:
    assert FakeService(diagnosis=Diagnosis(tuple(examined))).run("doctor").exit_code == code


def test_the_table_advises_on_everything_that_is_not_ok() -> None:
    ended = FakeService(diagnosis=Diagnosis((OK, WARNING, failed(Fault.BROKEN), SKIPPED))).run("doctor")
    assert "hm [x]" in ended.stdout
    assert "-> look" in ended.stdout
    assert "-> mend it" in ended.stdout
    assert "failed: 1 ok, 1 warning, 1 failed, 1 skipped" in ended.stdout


def test_problems_of_the_settings_are_found_and_do_not_stop_the_doctor() -> None:
    app = FakeService(problems=("datasource.url: is missing",))
    assert app.run("doctor", "--timeout", "1.5").exit_code == 0
    assert app.deadlines == [1.5]


@pytest.mark.parametrize("timeout", ["0", "-1", "301", "soon"])
def test_a_timeout_that_cannot_be_is_a_usage_error(timeout: str) -> None:
    assert FakeService().run("doctor", "--timeout", timeout).exit_code == 64


Doctor = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """The command with real services, in a folder and an environment that have nothing."""
    monkeypatch.chdir(tmp_path)

    def run(**settings: str) -> tuple[int, dict[str, Any], str]:
        with monkeypatch.context() as environment:
            for name in set(os.environ) - {"PATH"}:
                environment.delenv(name)
            ended = CliRunner(env=settings).invoke(cli, ["doctor", "--json", "--timeout", "5"])
        return ended.exit_code, json.loads(ended.stdout), ended.output

    return run


def test_a_fresh_machine_has_nothing_that_failed_and_keeps_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wework_message", "doctor", "--json", "--timeout", "5"]
    environ = {"PATH": os.environ["PATH"]}
    ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout)["counts"]["failed"] == 0
    assert list(tmp_path.iterdir()) == []


def test_a_doctor_that_runs_as_root_warns(doctor: Doctor) -> None:
    _, document, _ = doctor()
    checks = {check["name"]: check for check in document["checks"]}
    assert checks["process.user"]["verdict"] == ("warning" if os.geteuid() == 0 else "ok")


def test_settings_that_do_not_start_end_with_78_and_possible_checks_still_run(doctor: Doctor) -> None:
    code, document, output = doctor(SPRING_PROFILES_ACTIVE="docker", DATASOURCE_URL="mysql://wm:hunter2@127.0.0.1:1/x")
    checks = {check["name"]: check for check in document["checks"]}
    assert code == document["exitCode"] == 78
    assert "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL" in checks["settings.start"]["text"]
    assert checks["database.tcp"]["verdict"] == "failed"
    assert checks["provider.guangzhou-guxing.call"]["verdict"] == "skipped"
    assert "hunter2" not in output


def test_a_provider_that_is_away_ends_with_69_and_names_the_setting(doctor: Doctor) -> None:
    code, document, _ = doctor(APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL="http://127.0.0.1:1")
    checks = {check["name"]: check for check in document["checks"]}
    assert code == 69
    assert "app.wework.providers.guangzhou-guxing.api-base-url" in checks["provider.guangzhou-guxing.tcp"]["advice"]
    assert checks["provider.guangzhou-guxing.callback-url"]["verdict"] == "skipped"


def test_an_address_that_is_none_is_a_matter_of_the_settings(doctor: Doctor) -> None:
    code, document, _ = doctor(ROCKETMQ_NAME_SERVER="only-a-host")
    assert code == 78
    assert {check["name"]: check["verdict"] for check in document["checks"]}["rocketmq.address"] == "failed"
