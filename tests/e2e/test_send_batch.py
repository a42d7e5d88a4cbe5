"""`send-batch` that is killed in the middle, more than once: every line is executed exactly once."""

import json
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from tests.support.polling import until
from tests.support.processes.programs import Program
from tests.support.processes.running_service import LONG_S, RunningService, running_service, text

pytestmark = pytest.mark.e2e

ITEMS: Final = 500
"""Three requests."""


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.timeout(180)
async def test_a_file_whose_command_is_killed_is_sent_once(tmp_path: Path) -> None:
    file = tmp_path / "mail.jsonl"
    file.write_text("".join(json.dumps(text(conversationId=f"S:{line}")) + "\n" for line in range(1, ITEMS + 1)))
    results, intents = tmp_path / "results", tmp_path / "results.run"
    async with running_service(tmp_path) as running:
        url = {"WEWORK_MESSAGE_URL": f"{running.service.origin}/message"}
        command = Program("send-batch", tmp_path, ["send-batch", str(file), "--results", str(results)], url)
        try:
            for _ in range(2):
                seen = len(_lines(intents))
                command.spawn()
                command.until(lambda seen=seen: len(_lines(intents)) > max(seen, 1))  # type: ignore[misc] # a request began
                command.kill()
            assert len(_lines(results)) < ITEMS  # it was killed in the middle
            command.spawn()
            assert command.exit_code(LONG_S) == 0, command.tail()
        finally:
            command.close()
        written = [json.loads(line) for line in _lines(results)]
        assert [result["line"] for result in written] == list(range(1, ITEMS + 1))
        await _judge(running, {result["messageId"] for result in written})


async def _judge(running: RunningService, message_ids: set[str]) -> None:
    """Every line is a message, and the provider has executed each once."""
    assert len(message_ids) == ITEMS
    assert {row["messageId"] for row in await running.api.rows()} == message_ids

    async def executed() -> Counter[str]:
        ledger = await running.simulator.ledger()
        return Counter(entry["marker"].partition(".")[0] for entry in ledger if entry["executed"])

    async def all_of_them() -> bool:
        return len(await executed()) == ITEMS

    await until(all_of_them, LONG_S)
    assert await executed() == dict.fromkeys(message_ids, 1)
