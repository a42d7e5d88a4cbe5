"""Every server of production fails in turn under four processes and their clients; the oracle judges at the end."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.mysql import settings_of, target_of
from tests.support.polling import until
from tests.support.processes.cluster import CONSUME, Cluster, Member, cluster
from tests.support.processes.programs import ServiceProgram
from tests.support.processes.running_service import LONG_S, client_of
from tests.support.servers.mariadb import Database, MariaDb
from tests.support.servers.redis import Redis
from tests.support.servers.rocketmq import RocketMq

pytestmark = pytest.mark.e2e

FOUR: Final = (Member("serve-1"), Member("serve-2"), Member("consume-1", CONSUME), Member("consume-2", CONSUME))
SEED: Final = 1
SLOTS: Final = 4
UNRECORDED: Final = 2 * SLOTS
"""Calls that are open or not recorded yet, at most (ADR 36)."""
CALL_S: Final = 4
LEASE_S: Final = 2 + CALL_S + 10
"""The lease of a call: see `horizon.lease_ms`."""
RECOVERY_S: Final = 15
"""How soon every consumer gets wake-ups again after a killed broker answers."""
BURST: Final = 20
"""Number of requests before a fault, and within one."""

_SIMULATOR: Final = (
    "--latency-ms", "80", "--echo-delay-ms", "150", "--callback-retries", "100", "--callback-retry-delay-ms", "300",
    "--callback-workers", "32",
)  # fmt: skip
_SETTINGS: Final = {
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": str(CALL_S * 1000),
    "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": str(CALL_S),
    "APP_MESSAGE_ASYNC_MAX_POOL_SIZE": str(SLOTS),
    "APP_MESSAGE_SYNC_WAIT_MS": "300",
}
_WAKEUPS: Final = re.compile(r'^wm_rocketmq_received_total\{result="ok"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stack:
    """The processes and servers that fail, and the clients that keep sending."""

    four: Cluster
    load: Load
    random_source: random.Random
    mariadb: MariaDb
    redis: Redis
    rocketmq: RocketMq

    async def busy(self) -> None:
        """Return with requests under way."""
        enough = len(self.load.log) + self.random_source.randrange(1, BURST // 2)
        self.load.request(BURST)

        async def answered() -> bool:
            return len(self.load.log) >= enough

        await until(answered, LONG_S)

    async def served(self) -> None:
        """Make requests, and return once all are answered."""
        self.load.request(BURST)
        await self.load.idle()

    async def kill_mariadb(self) -> None:
        self.load.request(BURST)
        enough = len(self.load.unanswered) + self.random_source.randrange(10, 100)
        await asyncio.to_thread(self.mariadb.kill9)

        async def refused() -> bool:
            return len(self.load.unanswered) >= enough

        await until(refused, LONG_S)
        await asyncio.to_thread(self.mariadb.start)

    async def flush_redis(self) -> None:
        for _ in range(3):
            await asyncio.to_thread(self.redis.flush)
            await self.served()

    async def kill_redis(self) -> None:
        await asyncio.to_thread(self.redis.kill9)
        await self.served()
        await asyncio.to_thread(self.redis.start)

    async def kill_broker(self) -> None:
        await asyncio.to_thread(self.rocketmq.kill9)
        await self.served()
        await asyncio.to_thread(self.rocketmq.start)
        before = [await _wakeups(consumer) for consumer in self._all("consume")]

        async def woken() -> bool:
            await self.served()
            now = [await _wakeups(consumer) for consumer in self._all("consume")]
            return all(after > then for after, then in zip(now, before, strict=True))

        await until(woken, RECOVERY_S)

    async def kill_name_server(self) -> None:
        await asyncio.to_thread(self.rocketmq.name_server.kill9)
        await self.served()
        await asyncio.to_thread(self.rocketmq.name_server.start)

    async def kill_server(self) -> None:
        victim = self.random_source.choice(self._all("serve"))
        victim.kill()
        await self.served()
        await asyncio.to_thread(victim.start)

    async def kill_consumer(self) -> None:
        victim = self.random_source.choice(self._all("consume"))
        victim.kill()
        await self.served()
        await asyncio.to_thread(victim.start)

    async def pause_consumer(self) -> None:
        """Stop a consumer beyond the leases of its calls: the other one takes them over, and the first finds out when it goes on."""
        sleeper = self.random_source.choice(self._all("consume"))
        await self.four.running.simulator.hold_echoes()  # otherwise they would settle its calls long before
        held = await self._caught(sleeper)

        async def given_up() -> bool:
            return not held & await self._sending()

        await until(given_up, 2 * LEASE_S, every_s=0.5)
        sleeper.resume()
        await self.four.running.simulator.release_echoes()

    async def _caught(self, sleeper: ServiceProgram) -> set[str]:
        """Stop it with calls under way; return the ids of their messages."""
        sleeper.pause()
        while not (held := await self._sending() & await self._sending_after()):
            sleeper.resume()
            await self.busy()
            sleeper.pause()
        return held

    async def _sending(self) -> set[str]:
        return {row["messageId"] for row in await self.four.running.api.rows() if row["status"] == "SENDING"}

    async def _sending_after(self) -> set[str]:
        await self.served()
        return await self._sending()

    def _all(self, kind: str) -> Sequence[ServiceProgram]:
        return [program for name, program in self.four.members.items() if name.startswith(kind)]


async def _wakeups(consumer: ServiceProgram) -> float:
    async with client_of(consumer.origin) as client:
        match = _WAKEUPS.search((await client.get("/actuator/prometheus")).text)
    return float(match[1]) if match else 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    inject: Callable[[Stack], Awaitable[None]]
    """Break something and repair it, with requests under way."""
    answers: bool = True
    """Whether every request is answered during the fault: the database and the processes with the API run."""
    cut_off: int = 0
    """Number of calls whose outcome may be lost."""


FAULTS: Final = (
    Fault(Stack.kill_mariadb, answers=False, cut_off=2 * UNRECORDED),
    Fault(Stack.kill_server, answers=False),
    Fault(Stack.flush_redis),
    Fault(Stack.kill_redis),
    Fault(Stack.kill_broker),
    Fault(Stack.kill_name_server),
    Fault(Stack.pause_consumer, cut_off=UNRECORDED),
    Fault(Stack.kill_consumer, cut_off=UNRECORDED),
    Fault(Stack.kill_mariadb, answers=False, cut_off=2 * UNRECORDED),
)


@pytest.fixture
def settings(mariadb_database: Database, redis_url: str, rocketmq: RocketMq) -> dict[str, str]:
    """Settings for all servers, with topics of this test's own."""
    name = rocketmq.fresh_name("trouble")
    return _SETTINGS | settings_of(target_of(mariadb_database)) | {
        "REDIS_URL": redis_url, "REDIS_CACHE_STATUS": "true",
        "ROCKETMQ_NAME_SERVER": rocketmq.name_server.address, "ROCKETMQ_ENDPOINTS": rocketmq.endpoints,
        "ROCKETMQ_TOPICS_DUE": name, "ROCKETMQ_TOPICS_CALLBACKS": f"{name}-callbacks", "ROCKETMQ_GROUP": name,
    }  # fmt: skip


@pytest.mark.timeout(300)
async def test_no_fault_loses_or_doubles_a_message_and_accepting_needs_the_database_alone(
    tmp_path: Path, settings: dict[str, str], mariadb: MariaDb, redis_server: Redis, rocketmq: RocketMq
) -> None:
    random_source = random.Random(SEED)
    schedule = random_source.sample(FAULTS, len(FAULTS))
    print("schedule:", *(fault.inject.__name__ for fault in schedule))  # noqa: T201 -- pytest shows it where it fails
    async with cluster(tmp_path, FOUR, settings, *_SIMULATOR) as four:
        load = Load(four.urls[0], SEED, *four.urls[1:])
        load.begin()
        load.up.set()
        stack = Stack(four, load, random_source, mariadb, redis_server, rocketmq)
        for fault in schedule:
            await stack.busy()
            before = len(load.unanswered)
            await fault.inject(stack)
            await load.idle()
            assert not fault.answers or _unanswered(load.unanswered[before:]) == [], fault.inject.__name__
        await load.finish()
        assert await judged(four.running, load, cut_off=sum(fault.cut_off for fault in schedule)) == []
        assert [
            name for name, program in four.members.items() if program.has_written('"level":"ERROR"')
        ] == []  # no defect


def _unanswered(entries: Sequence[str]) -> list[str]:
    """Without the messages that a client wanted back while a process that stands still had them locked: those are 503."""
    return [entry for entry in entries if not entry.startswith("503 ") or entry.startswith("503 send")]
