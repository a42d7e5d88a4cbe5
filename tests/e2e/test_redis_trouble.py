"""Two services that share Redis while it is flushed, killed and restarted: only speed depends on it."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.polling import until
from tests.support.processes.keys import LOCKED, made_key
from tests.support.processes.programs import ServiceProgram, service_processes
from tests.support.processes.running_service import LONG_S, Api, Simulator, client_of, running_service, text
from tests.support.servers.redis import Redis

pytestmark = pytest.mark.e2e

MESSAGES = 240
ANY = r"\w+"
"""Pattern of an operation or a result among the metrics."""
OF_ONE_SERVICE = 2
"""Messages over a budget of 20 a minute to which one service gives a place at a time."""
FAILED = "(?:timeout|unreachable|refused)"


class Pair:
    """Two services on one database, and the ledger of the provider."""

    def __init__(self, first: Api, second: Api, simulator: Simulator) -> None:
        self.both = (first, second)
        self.simulator = simulator

    async def accept(self, number: int, lanes: int = 20, guid: str = "g1") -> str:
        body = text(str(number), conversationId=f"S:{number % lanes + 1}", guid=guid)
        return await self.both[number % 2].accept(body)

    async def sent_of(self, guid: str) -> int:
        """Number of messages of the account that were sent, once both services have found its budget used up.

        A service gives places in the budget about 3 s ahead, two of them at 20 a minute, and then leaves the account alone:
        of three messages that have a place, one got it from the other service.
        """

        async def decided() -> bool:
            rows = await self.both[0].rows(guid=guid)
            calling = any(row["status"] == "SENDING" for row in rows)
            return not calling and sum(row["reason"] == "BUDGET" for row in rows) > OF_ONE_SERVICE

        await until(decided, LONG_S)
        return sum(entry["executed"] and entry["guid"] == guid for entry in await self.simulator.ledger())

    async def cache(self) -> list[str]:
        answers = [(await api.client.get("/api/health")).json()["data"] for api in self.both]
        assert {answer["status"] for answer in answers} == {"UP"}
        return [answer["redis"]["status"] for answer in answers]

    async def cache_is(self, status: str) -> None:
        """Return once both report `status`: after a call of more than 0.1 s, on a busy machine, they report an outage for 2 s."""

        async def reported() -> bool:
            return await self.cache() == [status, status]

        await until(reported)

    async def calls(self, op: str, result: str = ANY) -> float:
        """Number of calls to Redis by both."""
        texts = [(await api.client.get("/actuator/prometheus")).text for api in self.both]
        count = re.compile(rf'^wm_redis_call_seconds_count{{op="{op}",result="{result}"}} (\S+)$', re.MULTILINE)
        return sum(float(number) for text in texts for number in count.findall(text))

    async def delivered_once(self, ids: list[str]) -> None:
        await asyncio.gather(*(self.both[n % 2].reaches(message_id, "DELIVERED") for n, message_id in enumerate(ids)))
        executed = [entry["marker"] for entry in await self.simulator.ledger() if entry["executed"]]
        assert sorted(executed) == sorted(f"{message_id}.1" for message_id in ids)
        for api in self.both:  # polls, perhaps answered from Redis

            async def all_known(api: Api = api) -> bool:
                states = [await api.status(message_id) for message_id in ids[:20]]
                return {state["status"] for state in states} == {"DELIVERED"}

            await until(all_known)


@asynccontextmanager
async def pair(folder: Path, url: str, **settings: str) -> AsyncIterator[Pair]:
    merged = {"REDIS_URL": url, "REDIS_CACHE_STATUS": "true", **settings}
    with service_processes(folder, **merged) as programs:
        other = ServiceProgram(folder, programs.simulator.origin, name="other", port=None, **merged)
        try:
            other.start()
            async with (
                client_of(programs.service.url) as first,
                client_of(other.url) as second,
                client_of(programs.simulator.origin) as control,
            ):
                yield Pair(Api(first), Api(second), Simulator(control))
        finally:
            other.close()


async def test_every_message_is_delivered_once_though_redis_is_flushed_each_second_and_then_killed(
    tmp_path: Path, redis_url: str, redis_server: Redis
) -> None:
    enough = asyncio.Event()

    async def flush() -> None:
        while not enough.is_set():
            await asyncio.to_thread(redis_server.flush)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), 1)

    async with pair(tmp_path, redis_url) as services:
        flusher = asyncio.create_task(flush())
        ids = [await services.accept(number) for number in range(MESSAGES // 2)]
        enough.set()
        await flusher
        await services.cache_is("UP")
        redis_server.kill9()
        ids += [await services.accept(number) for number in range(MESSAGES // 2, MESSAGES)]
        await services.delivered_once(ids)
        await services.cache_is("DOWN")
        await asyncio.to_thread(redis_server.start)
        await services.cache_is("UP")
        ids += [await services.accept(MESSAGES)]
        await services.delivered_once(ids)


async def test_redis_is_asked_about_a_budget_once_for_many_messages(tmp_path: Path, redis_url: str) -> None:
    async with pair(tmp_path, redis_url) as services:
        ids = await asyncio.gather(*(services.accept(number) for number in range(MESSAGES)))
        await services.delivered_once(list(ids))
        assert 0 < await services.calls("reserve") <= 0.1 * MESSAGES


async def test_two_services_keep_one_budget(tmp_path: Path, redis_url: str) -> None:
    per_minute = 20
    async with pair(tmp_path, redis_url, APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE=str(per_minute)) as services:
        for guid in ("g1", "g2", "g3", "g4", "g5"):
            await services.cache_is("UP")
            began, failures = time.monotonic(), await services.calls(ANY, FAILED)
            await asyncio.gather(*(services.accept(number, lanes=60, guid=guid) for number in range(60)))
            sent = await services.sent_of(guid)
            if await services.calls(ANY, FAILED) > failures:
                continue  # a busy machine: after a call that takes too long, a service uses a budget of its own for 2 s
            # A full budget, and what it gained since; two budgets would allow twice as many.
            assert per_minute <= sent <= per_minute * (1 + (time.monotonic() - began) / 60)
            return
        pytest.fail("Redis never answered every call in time")


async def test_services_start_without_redis(tmp_path: Path, redis_url: str, redis_server: Redis) -> None:
    redis_server.kill9()
    async with pair(tmp_path, redis_url) as services:
        await services.delivered_once([await services.accept(number) for number in range(4)])
        assert await services.cache() == ["DOWN", "DOWN"]
        ready = await services.both[0].client.get("/actuator/health/readiness")
        assert ready.status_code == 200


async def test_keys_open_the_service_and_limits_hold_though_redis_is_flushed_and_away(
    tmp_path: Path, redis_url: str, redis_server: Redis
) -> None:
    limits = {
        "SECURITY_LIMITS_KEY_REQUESTS_PER_SECOND": "0.01",
        "SECURITY_LIMITS_KEY_BURST": "40",
        "SECURITY_LIMITS_FAILED_LOG_INS_PER_MINUTE": "100000",
    }
    async with running_service(tmp_path, REDIS_URL=redis_url, **LOCKED, **limits) as running:
        keys = [await made_key(tmp_path), await made_key(tmp_path)]

        async def statuses(key: str, requests: int = 1) -> set[int]:
            headers = {"Authorization": f"Bearer {key}"}
            client = running.api.client
            return {(await client.get("/api/messages", headers=headers)).status_code for _ in range(requests)}

        async def known() -> bool:
            return await statuses(keys[1]) == {200}

        await until(known, LONG_S)
        assert await statuses(keys[0]) == {200}
        await asyncio.to_thread(redis_server.flush)
        assert await statuses(keys[0]) == {200}
        assert await statuses(keys[0].replace("wmk_live", "wmk_test")) == {401}
        redis_server.kill9()
        assert await statuses(keys[1]) == {200}
        assert await statuses(keys[0], 80) == {200, 429}
        assert await statuses("no key") == {401}
        await asyncio.to_thread(redis_server.start)
