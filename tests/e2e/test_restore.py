"""Backup under load, crash, restore: the commands are those of docs/operations/backup.md, as they stand there."""

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
from tests.support.running_service import Api, RunningService, running_service, text
from tests.support.servers.mariadb import Database, MariaDb

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PAGE: Final = Path(__file__).parents[2] / "docs" / "operations" / "backup.md"
FINAL: Final = {"DELIVERED", "FAILED", "EXPIRED", "CANCELLED", "RECALLED"}
LANES: Final = 8
PATIENT: Final = {
    "LOGGING_FILE_NAME": "",
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": "20000",
    "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "20",
}
"""A call that the simulator holds back is no uncertain one."""


def blocks(heading: str) -> list[str]:
    """The shell blocks of one section of the page that back up and restore, in their order."""
    section = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [block for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) if "backup.when" in block]


@dataclass(slots=True)
class Place:
    """A working directory in which an operator types."""

    folder: Path
    settings: dict[str, str]

    async def types(self, commands: str) -> str:
        return await asyncio.to_thread(self._types, commands)

    def _types(self, commands: str) -> str:
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
    (folder / "backup.cnf").write_text(f"[client]\n{lines}")
    return {
        **settings_of(target_of(database)),
        **PATIENT,
    }  # fmt: skip


async def test_a_restored_file_repeats_nothing_and_forgets_nothing_that_was_over(tmp_path: Path) -> None:
    settings = on_sqlite(tmp_path)
    async with running_service(tmp_path, **settings) as running:
        await drill(running, Place(tmp_path, settings), *blocks("The SQLite file"))


async def test_a_restored_dump_repeats_nothing_and_forgets_nothing_that_was_over(
    tmp_path: Path, wework_platform: Database
) -> None:
    settings = on_mariadb(tmp_path, wework_platform)
    async with running_service(tmp_path, **settings) as running:
        await drill(running, Place(tmp_path, settings), *blocks("MySQL and MariaDB"))


async def drill(running: RunningService, place: Place, backup: str, restore: str) -> None:
    await slower(running, 3_000)
    ids = [await running.api.accept(text(f"n {number}", conversationId=f"S:{number % LANES}")) for number in range(240)]
    await slower(running, 150)
    await until(lambda: some_delivered(running.api, 30))
    await slower(running, 3_000)  # however long the backup takes, most of them are sent after it
    ended = (await place.types(backup)).split()
    await slower(running, 0)
    assert ended in ([], ["ok"])
    ids += [
        await running.api.accept(text(f"later {number}", conversationId=f"S:{number % LANES}")) for number in range(16)
    ]
    await asyncio.gather(*(running.api.reaches(one, "DELIVERED") for one in ids))
    app = {one: await running.api.message(one) for one in ids}
    running.service.kill()

    told = await place.types(restore)
    marked = int(re.findall(r"(\d+) are now UNKNOWN", told)[0])
    running.service.start()
    rows = {row["messageId"]: row["status"] for row in await running.api.rows()}
    doubted = [one for one, status in rows.items() if status == "UNKNOWN"]
    over = [one for one, status in rows.items() if status in FINAL]
    assert marked > 20, told
    assert len(doubted) == marked
    assert len(over) >= 30
    assert [one for one in over if without_clock(await running.api.message(one)) != without_clock(app[one])] == []

    fresh = [await running.api.accept(text(f"new {number}", conversationId=f"S:{number}")) for number in range(LANES)]
    await asyncio.gather(*(running.api.reaches(one, "DELIVERED") for one in fresh))
    executed = [row["marker"].partition(".")[0] for row in await running.simulator.ledger() if row["executed"]]
    assert sorted(executed) == sorted([*ids, *fresh])  # each of them once, those of the lost time too


async def slower(running: RunningService, delay_ms: int) -> None:
    await running.simulator.clear_faults()
    await running.simulator.fault("slow", delay_ms=delay_ms)


async def some_delivered(api: Api, number: int) -> bool:
    answer = await api.client.get("/api/messages", params={"status": "DELIVERED", "limit": 100})
    return len(answer.json()["data"]["items"]) >= number


def without_clock(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "timestamp"}
