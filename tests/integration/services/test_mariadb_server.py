import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncmy
import psutil
import pytest
from asyncmy.connection import Connection
from asyncmy.errors import OperationalError
from tests.support.servers.mariadb import Database, MariaDb
from tests.support.servers.server import ServerError


@asynccontextmanager
async def connected(database: Database, to: str | None = None) -> AsyncIterator[Connection]:
    connection = await asyncmy.connect(
        host=database.host, port=database.port, user=database.username, password=database.password,
        db=to or database.name, charset="utf8mb4", autocommit=True,
    )  # fmt: skip
    try:
        yield connection
    finally:
        connection.close()


async def rows(database: Database, *statements: str, to: str | None = None) -> list[tuple[object, ...]]:
    async with connected(database, to) as connection, connection.cursor() as cursor:
        for statement in statements:
            await cursor.execute(statement)
        return list(await cursor.fetchall())


async def test_the_user_of_a_fresh_database_writes_emoji_and_rare_han_and_reads_them(
    mariadb_database: Database,
) -> None:
    assert await rows(
        mariadb_database,
        "CREATE TABLE t (id INT PRIMARY KEY, body VARCHAR(20))",
        "INSERT INTO t VALUES (1, '好🙂𠮷')",
        "SELECT body FROM t",
    ) == [("好🙂𠮷",)]


async def test_it_has_no_rights_on_the_database_of_another_test(mariadb: MariaDb, mariadb_database: Database) -> None:
    with mariadb.fresh_database() as other:
        assert await rows(other, "SELECT 1") == [(1,)]
        with pytest.raises(OperationalError, match="Access denied"):
            await rows(mariadb_database, "SELECT 1", to=other.name)


async def test_a_commit_is_on_the_disk_before_it_is_answered(mariadb_database: Database) -> None:
    assert await rows(mariadb_database, "SELECT @@innodb_flush_log_at_trx_commit, @@character_set_server") == [
        (1, "utf8mb4")
    ]


async def test_what_was_committed_survives_kill_9(mariadb: MariaDb, mariadb_database: Database) -> None:
    await rows(mariadb_database, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (7)")

    await asyncio.to_thread(mariadb.kill9)
    with pytest.raises(OperationalError):
        await rows(mariadb_database, "SELECT 1")
    await asyncio.to_thread(mariadb.start)

    assert await rows(mariadb_database, "SELECT id FROM t") == [(7,)]


async def test_paused_it_answers_nothing_until_it_is_resumed(mariadb: MariaDb, mariadb_database: Database) -> None:
    async with connected(mariadb_database) as connection, connection.cursor() as cursor:
        mariadb.pause()
        answer = asyncio.create_task(cursor.execute("SELECT 1"))
        state = psutil.Process(mariadb.pid).status()
        mariadb.resume()
        await answer
    assert state == psutil.STATUS_STOPPED


@pytest.mark.usefixtures("mariadb")  # skipped with the others
def test_stopped_it_leaves_no_process(tmp_path: Path) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    server = MariaDb(tmp_path, tmp_path)
    server.start()
    assert {process.pid for process in psutil.Process().children(recursive=True)} - before == {server.pid}

    server.stop()

    assert {process.pid for process in psutil.Process().children(recursive=True)} == before
    with pytest.raises(ServerError, match="does not run"):
        server.kill9()


def test_a_start_that_fails_shows_the_end_of_the_log(mariadb: MariaDb, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="Address already in use"):
        MariaDb(tmp_path, tmp_path, mariadb.port).start()
