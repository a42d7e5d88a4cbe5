"""Claims by two processes at once, and ``kill -9`` of the server under load."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.builders.messages import NOW, a_due_message
from tests.support.mysql import EmptyDatabase, opened_store
from tests.support.polling import until

from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.application.accept.accept import Accepted, Entry, StoreMessages
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.scope import CommitScope
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.ports.repositories import IdempotencyKey

CLAIMER = """
import asyncio, json, sys
from tests.support.builders.messages import begin_call
from tests.support.mysql import opened_store
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.domain.errors import TryAgainError

async def main():
    target, taken, empty = MysqlTarget(**json.loads(sys.argv[1])), [], 0
    async with opened_store(target) as store:
        units = SqlUnitOfWorkFactory(store, store.dialect, SettableClock(), store.turn)
        async def once():
            async with units() as unit:
                messages = [due.message for due in await unit.messages.due(7) if due.blocked is None]
                for message in messages:
                    begin_call(message)
                assert await unit.messages.save(messages) == frozenset()
                await unit.commit()
            return [message.id for message in messages]
        async def claim():
            while True:
                try:
                    return await once()
                except TryAgainError:  # the server may end one of two that collide; GroupCommit tries it again, too
                    pass
        print("ready", flush=True)
        sys.stdin.readline()
        while empty < 20:
            claims = await asyncio.gather(claim(), claim(), claim())
            claimed = [message_id for claim_ids in claims for message_id in claim_ids]
            taken += claimed
            empty = 0 if claimed else empty + 1
    print(json.dumps(taken))

asyncio.run(main())
"""
ROWS = 2_000


@pytest.fixture
async def store(migrated: EmptyDatabase) -> AsyncIterator[MysqlStore]:
    async with opened_store(migrated.target) as store:
        yield store


@pytest.fixture
def units(store: MysqlStore) -> SqlUnitOfWorkFactory:
    return SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn)


async def test_two_processes_that_claim_at_the_same_time_never_get_the_same_message(
    units: SqlUnitOfWorkFactory, migrated: EmptyDatabase
) -> None:
    messages = [a_due_message(conversation_id=f"S:{number}") for number in range(ROWS)]
    async with units() as unit:
        await unit.messages.add(messages)
        await unit.commit()
    target = json.dumps({name: getattr(migrated.target, name) for name in migrated.target.__slots__})
    root = str(Path(__file__).parents[3])
    pipe = asyncio.subprocess.PIPE
    claimers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLAIMER, target, stdin=pipe, stdout=pipe, cwd=root, limit=2**20
        )
        for _ in range(2)
    ]
    for claimer in claimers:
        assert claimer.stdout is not None
        assert await claimer.stdout.readline() == b"ready\n"
    ends = await asyncio.gather(*(claimer.communicate(b"go\n") for claimer in claimers))
    taken = [json.loads(output) for output, _ in ends]
    assert all(taken), "both took part"
    assert sorted(taken[0] + taken[1]) == sorted(message.id for message in messages)


async def _nothing(_commit_batch: CommitScope, /) -> None:
    return None


async def _grown(answered: dict[str, str], by: int) -> None:
    before = len(answered)

    async def grown() -> bool:
        return len(answered) >= before + by

    await until(grown, 60)


async def test_a_server_that_is_killed_under_load_loses_nothing_it_confirmed_and_a_key_stays_one_message(
    store: MysqlStore, units: SqlUnitOfWorkFactory, migrated: EmptyDatabase
) -> None:
    commits, operation = GroupCommit(units, _nothing, FixedRandom()), StoreMessages(SettableClock(NOW))
    await commits.start()
    answered: dict[str, str] = {}
    trouble: Counter[str] = Counter()
    ended = asyncio.Event()

    async def client(name: str) -> None:
        number = 0
        while not ended.is_set():
            key = f"{name}-{number}"
            message = a_due_message(conversation_id=f"S:{name}{number}")
            idempotency_key = IdempotencyKey(DEFAULT_TENANT, key, b"f" * 32, message.id)
            try:
                end = await commits.submit(operation, Entry((message,), message.id, grouped=False, key=idempotency_key))
            except UnavailableError:
                trouble[key] += 1  # a client sends it again, with the same key
                await asyncio.sleep(0.01)
                continue
            assert isinstance(end, Accepted)
            answered[key] = end.target
            number += 1

    clients = [asyncio.create_task(client(name)) for name in "abcdefgh"]
    for _ in range(3):
        await _grown(answered, 200)
        await asyncio.to_thread(migrated.server.kill9)
        await asyncio.to_thread(migrated.server.start)
    await _grown(answered, 100)
    ended.set()
    await asyncio.gather(*clients)
    await commits.close()
    assert trouble, "no call met the outage"
    keys = dict(line.split("\t") for line in migrated.sql("SELECT `key`, target FROM wm_idempotency_key").splitlines())
    stored = migrated.sql("SELECT id FROM wm_message").split()
    due = migrated.sql("SELECT message_id FROM wm_due").split()
    assert {key: keys.get(key) for key in answered} == answered
    assert sorted(stored) == sorted(due) == sorted(keys.values())
    assert await store.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1
