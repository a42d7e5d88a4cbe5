"""`send-batch` against the real API: what is accepted, what is refused, and nothing twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.apps.command_line import run_against
from tests.support.apps.rest import TEXT, Rest

from wework_message.entrypoints.cli.batch_file.run import intents_of
from wework_message.entrypoints.cli.exit_codes import ExitCode

BAD = {5: {"content": ""}, 9: {"providerCode": "NOBODY"}, 12: {"conversationId": "nobody"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The messages of 250 lines, three of which are refused for different reasons."""
    file = tmp_path / "mail.jsonl"
    messages = [TEXT | {"conversationId": f"S:{line}"} | BAD.get(line, {}) for line in range(1, 251)]
    file.write_text("".join(json.dumps(message) + "\n" for message in messages))
    return file


def results(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.with_name(f"{file.name}.results.jsonl").read_text().splitlines()]


async def test_each_line_has_the_answer_of_the_service(idle: Rest, file: Path) -> None:
    ended = await run_against(idle.client, "send-batch", str(file))
    assert ended.exit_code == ExitCode.REFUSED
    assert "250 items: 247 accepted (0 of them before), 3 rejected, 0 remain" in ended.stdout
    refused = {result["line"]: result["errors"][0]["path"] for result in results(file) if result["messageId"] is None}
    assert refused == {5: "content", 9: "providerCode", 12: "conversationId"}
    assert idle.in_memory_app.stored() == 247
    checked = await run_against(idle.client, "send-batch", str(file), "--dry-run", "--json")
    assert [problem["line"] for problem in json.loads(checked.stdout)["problems"]] == [5, 12]


async def test_a_run_whose_newest_results_are_lost_sends_nothing_twice(rest: Rest, file: Path) -> None:
    """As a kill leaves it between the answer and its results."""
    first = await run_against(rest.client, "send-batch", str(file))
    sent = results(file)
    path = file.with_name(f"{file.name}.results.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:220]) + b'{"line":2')
    again = await run_against(rest.client, "send-batch", str(file))
    assert (first.exit_code, again.exit_code) == (ExitCode.REFUSED, ExitCode.REFUSED)
    assert "247 accepted (30 of them before), 3 rejected" in again.stdout
    assert [result["messageId"] for result in results(file)] == [result["messageId"] for result in sent]
    assert rest.in_memory_app.stored() == 247
    assert intents_of(path).exists()


async def test_the_statuses_are_written_once_all_rest(rest: Rest, file: Path) -> None:
    ended = await run_against(rest.client, "send-batch", str(file), "--wait", "30")
    assert ended.exit_code == ExitCode.REFUSED  # of the three lines
    assert "(247 SENT)" in ended.stdout
    statuses = [
        json.loads(line) for line in file.with_name(f"{file.name}.results.jsonl.final").read_text().splitlines()
    ]
    accepted = [result for result in results(file) if result["messageId"] is not None]
    assert [(status["line"], status["messageId"]) for status in statuses] == [
        (result["line"], result["messageId"]) for result in accepted
    ]
    assert {status["status"] for status in statuses} == {"SENT"}
