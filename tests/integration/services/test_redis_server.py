import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import redis.asyncio
import redis.exceptions
from tests.support.servers.redis import Redis


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


async def test_it_runs_scripts(client: redis.asyncio.Redis) -> None:
    assert await client.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", 1, "k", "5") == 5


async def test_each_test_finds_it_empty(client: redis.asyncio.Redis, redis_server: Redis) -> None:
    await client.set("k", "v")
    redis_server.flush()
    assert await client.dbsize() == 0


async def test_what_was_written_survives_kill_9(client: redis.asyncio.Redis, redis_server: Redis) -> None:
    await client.set("k", "v")

    await asyncio.to_thread(redis_server.kill9)
    with pytest.raises(redis.exceptions.ConnectionError):
        await client.get("k")
    await asyncio.to_thread(redis_server.start)

    assert await client.get("k") == "v"


async def test_paused_it_answers_nothing_until_it_is_resumed(client: redis.asyncio.Redis, redis_server: Redis) -> None:
    await client.set("k", "v")
    redis_server.pause()
    answer = asyncio.ensure_future(client.get("k"))
    state = psutil.Process(redis_server.pid).status()
    redis_server.resume()
    assert (state, await answer) == (psutil.STATUS_STOPPED, "v")


@pytest.mark.usefixtures("redis_server")  # skipped with the others
def test_stopped_it_leaves_no_process(tmp_path: Path) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    server = Redis(tmp_path, tmp_path)
    server.start()
    server.stop()
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before
    assert not server.answers()
