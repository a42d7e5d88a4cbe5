"""Backup under load, crash, restore, with the commands of docs/operations/backup.md, word for word."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.mysql import settings_of, target_of
from tests.support.polling import until
from tests.support.processes.running_service import Api, RunningService, running_service, text
from tests.support.servers.mariadb import Database, MariaDb

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PAGE: Final = Path(__file__).parents[2] / "docs" / "operations" / "backup.md"
LANES: Final = 8
PATIENT: Final = {
    "LOGGING_FILE_NAME": "",
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": "20000",
    "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "20",
}
"""A call that the simulator delays does not become uncertain."""


def blocks(heading: str) -> list[str]:
    """The shell blocks that back up and restore in one section of the page, in order."""
    section = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [block for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) if "backup.when" in block]


@dataclass(slots=True)
class Shell:
    """A shell in the working directory of an operator."""

    folder: Path
    settings: dict[str, str]

    async def run(self, commands: str) -> str:
        return await asyncio.to_thread(self._run, commands)

    def _run(self, commands: str) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],  # noqa: S607 - whatever bash an operator has
            cwd=self.folder, env={"PATH": path, **self.settings}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture
def wework_platform(mariadb: MariaDb) -> Iterator[Database]:
    database = mariadb.create_database("wework_platform")
    yield database
    mariadb.restore()
    mariadb.drop_database(database)


def on_sqlite(folder: Path) -> dict[str, str]:
    return {"DATASOURCE_URL": "sqlite:///var/wework-message.db", **PATIENT}


def on_mariadb(folder: Path, database: Database) -> dict[str, str]:
    options = {"host": database.host, "port": database.port, "user": database.username, "password": database.password}
    lines = "".join(f"{name} = {value}\n" for name, value in options.items())
    (folder / "backup.cnf").touch(0o600)
    (folder / "backup.cnf").write_text(f"[client]\n{lines}")
    return {
        **settings_of(target_of(database)),
        **PATIENT,
    }  # fmt: skip


async def test_a_restored_file_repeats_nothing_and_keeps_every_final_message(tmp_path: Path) -> None:
    settings = on_sqlite(tmp_path)
    async with running_service(tmp_path, **settings) as running:
        await drill(running, Shell(tmp_path, settings), *blocks("The SQLite file"))


async def test_a_restored_dump_repeats_nothing_and_keeps_every_final_message(
    tmp_path: Path, wework_platform: Database
) -> None:
    settings = on_mariadb(tmp_path, wework_platform)
    async with running_service(tmp_path, **settings) as running:
        await drill(running, Shell(tmp_path, settings), *blocks("MySQL and MariaDB"))


async def drill(running: RunningService, shell: Shell, backup: str, restore: str) -> None:
    await slower(running, 3_000)
    ids = [await running.api.accept(text(f"n {number}", conversationId=f"S:{number % LANES}")) for number in range(240)]
    await slower(running, 150)
    await until(lambda: some_delivered(running.api, 30))
    await slower(running, 3_000)  # most of them are sent after the backup, however long it takes
    final = [row["messageId"] for row in await running.api.rows(status="DELIVERED")]
    ended = (await shell.run(backup)).split()
    await slower(running, 0)
    assert ended in ([], ["ok"])
    assert readable_by_others(shell.folder) == []
    ids += [
        await running.api.accept(text(f"later {number}", conversationId=f"S:{number % LANES}")) for number in range(16)
    ]
    await asyncio.gather(*(running.api.reaches(message_id, "DELIVERED") for message_id in ids))
    before = {message_id: await running.api.message(message_id) for message_id in ids}
    running.service.kill()

    output = await shell.run(restore)
    assert readable_by_others(shell.folder) == []
    marked = int(re.findall(r"(\d+) are now UNKNOWN", output)[0])
    running.service.start()
    after = {row["messageId"]: await running.api.message(row["messageId"]) for row in await running.api.rows()}
    restored = [message for message in after.values() if was_restored(message)]
    assert marked > 20, output
    assert len(restored) == marked
    # The backup may hold an echo that was not yet applied: it settles its message, so DELIVERED is right too.
    assert {message["status"] for message in restored} <= {"UNKNOWN", "DELIVERED"}
    assert len(final) >= 30
    assert [
        message_id for message_id in final if without_clock(after[message_id]) != without_clock(before[message_id])
    ] == []

    fresh = [await running.api.accept(text(f"new {number}", conversationId=f"S:{number}")) for number in range(LANES)]
    await asyncio.gather(*(running.api.reaches(message_id, "DELIVERED") for message_id in fresh))
    executed = [row["marker"].partition(".")[0] for row in await running.simulator.ledger() if row["executed"]]
    assert sorted(executed) == sorted([*ids, *fresh])  # each of them once, also those accepted after the backup


def readable_by_others(folder: Path) -> list[str]:
    """Backups, and the database that was restored from one."""
    return [path.name for path in (*folder.glob("backup*"), *folder.glob("var/*")) if path.stat().st_mode & 0o077]


async def slower(running: RunningService, delay_ms: int) -> None:
    await running.simulator.clear_faults()
    await running.simulator.fault("slow", delay_ms=delay_ms)


async def some_delivered(api: Api, number: int) -> bool:
    answer = await api.client.get("/api/messages", params={"status": "DELIVERED", "limit": 100})
    return len(answer.json()["data"]["items"]) >= number


def was_restored(message: dict[str, Any]) -> bool:
    """Whether `recover` made this message UNKNOWN."""
    return any(note["kind"] == "RESTORED" for note in message["timeline"])


def without_clock(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "timestamp"}
