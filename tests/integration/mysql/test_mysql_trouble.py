"""A server that hangs, and one that became read-only: requests end, connections are dropped, the cause is said."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, text
from tests.support.mysql import EmptyDatabase, opened_store
from tests.support.processes.tcp_proxy import TcpProxy, tcp_proxy

from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.domain.errors import TryAgainError, UnavailableError

PATIENCE_S = 60


def _write(connection: Connection, name: str) -> None:
    connection.execute(
        text("INSERT INTO wm_tenant (tenant_id, name, created_at) VALUES (:name, '', 0)"), {"name": name}
    )


def _number(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())


def _names(connection: Connection) -> set[str]:
    return {row[0] for row in connection.execute(text("SELECT tenant_id FROM wm_tenant"))} - {"default"}


async def test_a_server_that_becomes_read_only_is_left_by_queries_too(
    migrated: EmptyDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened_store(migrated.target) as store:
        session = await store.begin()
        writing = await session.run(_number)
        reading = await store.read(_number)
        migrated.sql("SET GLOBAL read_only = 1")
        try:
            with pytest.raises(TryAgainError, match=r"the server is read-only \(1290\)"):
                await session.run(_write, "lost")
            await session.close()
            assert await store.read(_number) != reading
        finally:
            migrated.sql("SET GLOBAL read_only = 0")
        assert "connections to the database are dropped: the server is read-only (1290)" in caplog.text
        session = await store.begin()
        assert await session.run(_number) != writing
        await session.run(_write, "kept")
        await session.commit()
        assert await store.read(_names) == {"kept"}


@pytest.fixture
async def proxy(migrated: EmptyDatabase) -> AsyncIterator[TcpProxy]:
    async with tcp_proxy(lambda: migrated.target.port) as proxy:
        await proxy.open()
        yield proxy


async def test_a_server_that_hangs_is_unavailable(migrated: EmptyDatabase, proxy: TcpProxy) -> None:
    target = migrated.target
    through = MysqlTarget("127.0.0.1", proxy.port, target.database, target.username, target.password)
    store = MysqlStore(through, timeout_s=0.2)
    proxy.hold()  # it accepts connections and answers nothing
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(UnavailableError):
            await store.read(_names)
        session = await store.begin()
        with pytest.raises(UnavailableError):
            await session.run(_write, "x")
        await session.close()
        await store.close()
