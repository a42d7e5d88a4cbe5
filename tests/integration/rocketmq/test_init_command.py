import json

import pytest
from click.testing import CliRunner, Result
from tests.support.servers.ports import free_port
from tests.support.servers.rocketmq import RocketMq

from wework_message.bootstrap.command_line import cli


def run(*arguments: str, **settings: str) -> Result:
    return CliRunner(env={"COLUMNS": "200", **settings}).invoke(cli, ["rocketmq", "init", *arguments])


@pytest.fixture
def settings(rocketmq: RocketMq) -> dict[str, str]:
    name = rocketmq.fresh_name("init")
    return {
        "ROCKETMQ_NAME_SERVER": rocketmq.name_server.address, "ROCKETMQ_ENDPOINTS": rocketmq.endpoints,
        "ROCKETMQ_TOPICS_DUE": name, "ROCKETMQ_GROUP": name, "ROCKETMQ_TOPICS_CALLBACKS": f"{name}-callbacks",
    }  # fmt: skip


def test_it_creates_every_topic_and_group_once(settings: dict[str, str]) -> None:
    name = settings["ROCKETMQ_TOPICS_DUE"]
    created = run("--json", **settings)
    assert created.exit_code == 0
    lanes = {f"{name}-urgent", name, f"{name}-bulk", f"{name}-callbacks"}
    assert {kind: set(names) for kind, names in json.loads(created.stdout).items()} == {
        "topics": lanes,
        "groups": lanes,
    }
    second = run(**settings)
    assert (second.exit_code, second.stdout) == (0, "every topic and group was there already\n")


def test_without_an_answer_it_ends_with_75_and_shows_no_address(settings: dict[str, str]) -> None:
    port = free_port()
    away = settings | {"ROCKETMQ_NAME_SERVER": f"127.0.0.1:{port}"}
    text, document = run(**away), run("--json", **away)
    assert (text.exit_code, document.exit_code) == (75, 75)
    assert "the name server or a broker: nothing listens at its address" in text.stderr
    assert str(port) not in text.stderr + document.stdout
    assert json.loads(document.stdout)["errors"]


def test_without_a_name_server_it_ends_with_78() -> None:
    result = run()
    assert result.exit_code == 78
    assert "rocketmq.name-server" in result.stderr


def test_settings_that_no_client_can_use_end_with_78() -> None:
    result = run(ROCKETMQ_NAME_SERVER="nowhere")
    assert result.exit_code == 78
    assert "rocketmq.name-server" in result.stderr
