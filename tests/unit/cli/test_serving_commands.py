import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from tests.support.apps.command_line import FakeService

from wework_message.bootstrap.command_line import cli
from wework_message.entrypoints.cli.commands.simulate import simulate
from wework_message.entrypoints.cli.services import SettingsSource
from wework_message.simulator import Action, InstanceOptions, Match, Rule, SimulatorOptions
from wework_message.simulator.ledger import Entry


def test_serve_says_what_runs_and_shouts_that_the_provider_is_simulated() -> None:
    app = FakeService(warnings=("logs are off [x]",))
    options = ("--host", "10.0.0.9", "--port", "9", "--workers", "3", "--profile", "dev", "--config", "a.yml")
    ended = app.run("serve", *options)
    assert app.sources == [SettingsSource(Path("a.yml"), "dev", "10.0.0.9", 9, 3)]
    assert (app.served, ended.exit_code, ended.stdout) == (1, 0, "")
    for text in (
        "http://127.0.0.1:8082/message",
        "swagger-ui.html",
        "SQLite",
        "SIMULATOR",
        "warning: logs are off [x]",
    ):
        assert text in ended.stderr


def test_serve_with_a_real_provider_does_not_speak_of_a_simulator() -> None:
    ended = FakeService(provider_url="https://provider.example").run("serve")
    assert "https://provider.example" in ended.stderr
    assert "simulator" not in ended.stderr.lower()


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_problems_stop_the_start_with_78_before_anything_runs(command: str) -> None:
    app = FakeService(problems=("datasource.url: is missing", "redis.url: not yet"))
    ended = app.run(command)
    assert (ended.exit_code, app.served) == (78, 0)
    assert "datasource.url: is missing" in ended.stderr
    assert "redis.url: not yet" in ended.stderr


def test_the_exit_code_of_the_service_is_that_of_serve() -> None:
    assert FakeService(serve=lambda: 75).run("serve").exit_code == 75


def test_migrate_says_what_the_schema_was() -> None:
    assert "EMPTY, now CURRENT" in FakeService().run("migrate").stdout
    assert "up to date already" in FakeService(migrated_from="CURRENT").run("migrate").stdout


def test_config_check_shows_masked_values_with_their_origin(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    file.write_text(
        "datasource: {url: 'sqlite:///x.db', password: hunter2}\nserver: {port: 9001}\n"
        "redis: {url: 'redis://:hunter3@cache:6379/0'}\nrocketmq: {group: g}\n"
    )
    runner = CliRunner(env={"SPRING_PROFILES_ACTIVE": "", "SERVER_CONTEXT_PATH": "/gate"})
    ended = runner.invoke(cli, ["config", "check", "--config", str(file)])
    rows = {line.split()[0]: line for line in ended.stdout.splitlines() if line.strip()}
    assert "9001" in rows["server.port"]
    assert str(file) in rows["server.port"]
    assert "environment variable SERVER_CONTEXT_PATH" in rows["server.context-path"]
    assert "***" in rows["datasource.password"]
    assert "hunter" not in ended.output
    assert ended.exit_code == 78
    document = runner.invoke(cli, ["config", "check", "--config", str(file), "--json"])
    assert "hunter" not in document.output
    assert [problem.partition(":")[0] for problem in json.loads(document.stdout)["problems"]] == ["rocketmq.group"]


def test_config_check_says_all_that_is_wrong_to_people_and_to_programs(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    file.write_text("server: {port: x, ssl: {enabled: true}}\nmybatis-plus: {mapper-locations: y}\n")
    arguments = ["config", "check", "--config", str(file)]
    ended = CliRunner().invoke(cli, arguments)
    assert ended.exit_code == 78
    for text in (
        "server.port: must be",
        "server.ssl.enabled: this service",
        "mybatis-plus.mapper-locations: remove it",
    ):
        assert text in ended.stderr
    ended = CliRunner().invoke(cli, [*arguments, "--json"])
    document = json.loads(ended.stdout)
    assert ended.exit_code == 78
    assert [problem.partition(":")[0] for problem in document["problems"]] == ["server.port", "server.ssl.enabled"]
    assert [key["key"] for key in document["ignored"]] == ["mybatis-plus.mapper-locations"]
    file.write_text("server: [")
    assert len(json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)["problems"]) == 1


def test_config_check_of_startable_settings_ends_with_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner(env={"SPRING_PROFILES_ACTIVE": ""}).invoke(cli, ["config", "check"])
    assert ended.exit_code == 0
    assert "the built-in simulator" in ended.stdout


@pytest.mark.parametrize("text", ["server: {prot: 1}", "server: [", "server: {port: many}"])
def test_unreadable_settings_end_with_78(tmp_path: Path, text: str) -> None:
    file = tmp_path / "application.yml"
    file.write_text(text)
    assert CliRunner().invoke(cli, ["serve", "--config", str(file)]).exit_code == 78


@pytest.mark.parametrize("command", [["config", "check"], ["serve"], ["consume"], ["migrate"], ["doctor"]])
@pytest.mark.parametrize("url", ["postgresql://u:hunter2@h/d", "oracle://h/d", "jdbc:postgresql://h/d"])
def test_a_database_of_an_unknown_kind_ends_with_78_and_is_named(
    command: list[str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner(env={"SPRING_PROFILES_ACTIVE": "", "DATASOURCE_URL": url}).invoke(cli, command)
    assert ended.exit_code == 78
    assert "datasource.url: there is no database of the kind" in ended.output
    for text in (url.partition("://")[0], "sqlite:///", "mysql://", "jdbc:mysql://"):
        assert text in ended.output
    assert "hunter2" not in ended.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["serve", "simulate"])
def test_a_port_that_is_taken_ends_with_78(command: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "wework_message", command, "--port", port],
            cwd=tmp_path, env=os.environ | {"SPRING_PROFILES_ACTIVE": ""}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 78
    assert "in use" in ended.stderr


def test_every_option_of_the_simulator_has_a_flag_with_the_same_default() -> None:
    flags = simulate.make_context("simulate", []).params
    defaults = dataclasses.asdict(SimulatorOptions())
    assert (defaults.pop("rules"), flags["faults"], flags["replay"]) == ((), None, None)
    assert {name: flags[name] for name in defaults} == defaults


def test_simulate_passes_its_flags_on_and_prints_where_it_is(tmp_path: Path) -> None:
    app = FakeService()
    ledger = tmp_path / "ledger.jsonl"
    ended = app.run(
        "simulate", "--strict-guids", "--guid", "a", "--guid", "b", "--ledger", str(ledger), "--port", "7", "--json",
        "--echo-form", "11013", "--no-fsync", "--callback-url", "http://x/cb",
    )  # fmt: skip
    expected = SimulatorOptions(
        strict_guids=True, guids=("a", "b"), ledger=ledger, echo_form="11013", fsync=False, callback_url="http://x/cb"
    )
    assert app.simulated == [(expected, "127.0.0.1", 7)]
    assert json.loads(ended.stdout) == {"url": "http://127.0.0.1:7", "ledger": str(ledger)}


def test_simulate_reads_instances_and_faults(tmp_path: Path) -> None:
    app = FakeService()
    script, ledger = tmp_path / "faults.yml", tmp_path / "ledger.jsonl"
    script.write_text("rules: [{do: {kind: html}, match: {nth: 2}}]", "utf-8")
    action = {"kind": "slow", "when": "after", "delay_ms": 5}
    entry = Entry(0, "/msg/send_text", "g", "S:1", None, {}, executed=True, action=action)
    ledger.write_bytes(msgspec.json.encode(entry) + b"\n")
    instance = "guid=b,account=sales,slot=ipad,status=1,has_session=false"
    app.run("simulate", "--instance", instance, "--faults", str(script), "--replay", str(ledger))
    expected = SimulatorOptions(
        instances=(InstanceOptions("b", "sales", "ipad", 1, has_session=False),),
        rules=(
            Rule(Action("html"), Match(nth=2)),
            Rule(
                Action("slow", when="after", delay_ms=5),
                Match(guid="g", conversation_id="S:1", endpoint="/msg/send_text", nth=[1]),
            ),
        ),
    )
    assert app.simulated == [(expected, "127.0.0.1", 23456)]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--instance", "guid=a,colour=red"), "colour is unknown"),
        (("--instance", "guid=a,status=5"), "$.status"),
        (("--instance", "a"), "KEY=VALUE"),
        (("--instance", "guid=a", "--guid", "a"), "a guid must be given once"),
        (("--faults", "missing.yml"), "No such file"),
        (("--faults", "bad.yml"), "$.rules[0].do.kind"),
        (("--replay", "bad.yml"), "bad.yml"),
    ],
)
def test_bad_instances_and_faults_end_with_64(
    options: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yml").write_text("rules: [{do: {kind: sing}}]\n", "utf-8")
    ended = FakeService().run("simulate", *options)
    assert ended.exit_code == 64
    assert reason in " ".join(ended.stderr.replace("│", " ").split())


def test_simulate_for_a_person_names_url_and_ledger(tmp_path: Path) -> None:
    ended = FakeService().run("simulate", "--ledger", str(tmp_path / "l.jsonl"))
    assert "http://127.0.0.1:23456" in ended.stderr
    assert "l.jsonl" in ended.stderr


def test_an_option_of_the_simulator_out_of_range_ends_with_64() -> None:
    assert FakeService().run("simulate", "--echo-delay-ms", "-1").exit_code == 64
