"""The cost of the service's own statements, of every list and filter too, at 10,000 and at 1,000,000 stored messages, on SQLite and on MariaDB.

The two sizes are two databases that are filled first and then timed in turns. Times are those of the product's ports
(`SqlMessageReader`, `SqlMessageRepository` in a unit of work), begin and end of the transaction included.
"""

import contextlib
import functools
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import uvloop
from bench import fill as filling
from bench import servers
from bench.account_questions import PAUSES, account_questions, fill_lists
from bench.list_questions import list_questions
from tests.support.builders.messages import GUID, NOW, PROVIDER
from tests.support.mysql import opened_store, target_of
from tests.support.servers.mariadb import MariaDb

from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.repositories.store_metrics import SqlStoreMetrics
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.adapters.system import SystemClock
from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import DEFAULT_TENANT, ProviderMessageId
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.ports.repositories import IdempotencyKey

SMALL: Final = 10_000
LARGE: Final = 1_000_000
GOAL: Final = 2.5
UNJUDGED: Final = frozenset({"open UNKNOWNs by provider", "parked callbacks of a guid, looked at again", PAUSES})
"""Questions without a goal: they read what is open, and the larger database has a hundred times as much of it."""
REPETITIONS: Final = 150
"""Calls of each statement in a round, at most."""
ROUND_S: Final = 0.3
"""A round of calls ends after this time; it has at least `FEWEST` calls."""
FEWEST: Final = 5
BUFFER_POOL_BYTES: Final = 1024**3
"""MariaDB's buffer pool, as a server with a million messages has it."""

Ask = Callable[[], Awaitable[object]]


class Subject:
    """One database of one size, and the statements to measure."""

    def __init__(self, store: Store, units: SqlUnitOfWorkFactory, total: int) -> None:
        self._units = units
        self._reader = SqlMessageReader(store.read, store.search)
        self._total = total
        self._random_source = random.Random(total)
        self._serial = itertools.count(1)
        metrics = SqlStoreMetrics(store.read, store.dialect, SystemClock())
        self.questions: dict[str, Ask] = {
            "message by id": self.message,
            "a key that is new": self.new_key,
            "a key that is taken": self.taken_key,
            "100 due messages": self.due,
            "one status saved": self.save,
            "page of 50": self.page,
            "conversation, last 20": self.conversation,
            "an account of many": self.account,
            "uncertain calls of a guid": self.uncertain,
            "a parked callback, looked at again": functools.partial(self.reopen, by_id=True),
            "parked callbacks of a guid, looked at again": functools.partial(self.reopen, by_id=False),
            "oldest due message": metrics.oldest_due_ms,
            "open UNKNOWNs by provider": metrics.unknown_open,
            "invariants": metrics.violations,
            **list_questions(self._reader, total),
            **account_questions(store, total),
        }

    def _any(self) -> int:
        return self._random_source.randint(1, self._total)

    async def message(self) -> None:
        message_id = filling.message_id(self._any())
        views = await self._reader.messages(DEFAULT_TENANT, [message_id])
        if len(views[message_id].message.attempts) != 1:
            raise RuntimeError("a stored message has one attempt")

    async def new_key(self) -> None:
        await self._claim(f"new-{next(self._serial)}", fresh=True)

    async def taken_key(self) -> None:
        await self._claim(filling.key(self._any()), fresh=False)

    async def _claim(self, key: str, *, fresh: bool) -> None:
        async with self._units() as unit:
            requested = IdempotencyKey(DEFAULT_TENANT, key, b"f" * 32, filling.message_id(self._total + 1))
            (owner,) = await unit.messages.claim_keys([requested])
            if owner.fresh is not fresh:
                raise RuntimeError(f"{key} is fresh: {owner.fresh}")

    async def due(self) -> None:
        async with self._units() as unit:
            if len(await unit.messages.due(100)) != 100:
                raise RuntimeError("there are 1,000 due messages")

    async def save(self) -> None:
        message_id = filling.message_id(self._any())
        async with self._units() as unit:
            message = (await unit.messages.get([message_id]))[message_id]
            message.lifecycle.updated_at += 1
            if await unit.messages.save([message]):
                raise RuntimeError("no other process writes")
            await unit.commit()

    async def page(self) -> None:
        before = filling.message_id(self._random_source.randint(self._total // 10, self._total))
        page = await self._reader.page(DEFAULT_TENANT, MessageFilter(), limit=50, before=before)
        if len(page.messages) != 50:
            raise RuntimeError("a page has 50")

    async def conversation(self) -> None:
        which = MessageFilter(conversation_id=filling.conversation(self._any(), self._total))
        page = await self._reader.page(DEFAULT_TENANT, which, limit=20, before=None)
        if len(page.messages) != 20:
            raise RuntimeError("a conversation has 20 messages")

    async def account(self) -> None:
        account_id = implicit_account_id(filling.guid(2 * self._any(), self._total))
        async with self._units() as unit:
            if account_id not in await unit.accounts.accounts([account_id]):
                raise RuntimeError("every account is stored")

    async def uncertain(self) -> None:
        async with self._units() as unit:
            await unit.messages.uncertain(PROVIDER, [GUID])

    async def reopen(self, *, by_id: bool) -> None:
        """Undone, so that the next call has the same to do."""
        parked = (self._total // 2 // filling.UNCERTAIN_EVERY) * filling.UNCERTAIN_EVERY + 1
        named = [(PROVIDER, GUID, ProviderMessageId(f"8{parked}"))] if by_id else []
        async with self._units() as unit:
            await unit.inbox.reopen(named, [] if by_id else [(PROVIDER, GUID)], since=NOW)


def run(rounds: int, say: Callable[[str], None], large: int = LARGE) -> dict[str, Any]:
    """By database and question: medians in microseconds at both sizes, and the ratio."""
    return uvloop.run(_run(rounds, say, large))


async def _run(rounds: int, say: Callable[[str], None], large: int) -> dict[str, Any]:
    result: dict[str, Any] = {"small": SMALL, "large": large, "goal": GOAL, "unjudged": sorted(UNJUDGED)}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for kind, opened in (("sqlite", _sqlite), ("mariadb", _mariadb)):
            async with opened(Path(name)) as stores:
                subjects = []
                for store, total in zip(stores, (SMALL, large), strict=True):
                    units = SqlUnitOfWorkFactory(store, store.dialect, SystemClock(), store.turn)
                    await filling.fill(store, units, total, say)
                    await fill_lists(units, total)
                    subjects.append(Subject(store, units, total))
                result[kind] = await _compared(subjects[0], subjects[1], rounds)
    return result


async def _compared(small: Subject, large: Subject, rounds: int) -> dict[str, Any]:
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in small.questions}
    for turn in range(rounds + 1):
        for name, pairs in samples.items():
            order = [("small", small), ("large", large)]
            taken = {
                size: await _timed(subject.questions[name])
                for size, subject in (order if turn % 2 else reversed(order))
            }
            if turn:  # the first round warms caches
                pairs.append((taken["small"], taken["large"]))
    return {
        name: {
            "small_us": statistics.median(small_us for small_us, _ in pairs),
            "large_us": statistics.median(large_us for _, large_us in pairs),
            "ratio": statistics.median(large_us / small_us for small_us, large_us in pairs),
        }
        for name, pairs in samples.items()
    }


async def _timed(ask: Ask) -> float:
    """Median microseconds."""
    taken: list[float] = []
    end = time.perf_counter() + ROUND_S
    while len(taken) < FEWEST or (len(taken) < REPETITIONS and time.perf_counter() < end):
        began = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6


@contextlib.asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[list[Store]]:
    stores: list[Store] = [SqliteStore(folder / "small.db"), SqliteStore(folder / "large.db")]
    yield stores
    for store in stores:
        await store.close()


@contextlib.asynccontextmanager
async def _mariadb(folder: Path) -> AsyncIterator[list[Store]]:
    with servers.running(MariaDb, folder) as server:
        server.sql(f"SET GLOBAL innodb_buffer_pool_size = {BUFFER_POOL_BYTES}")
        small, large = (target_of(server.create_database()) for _ in range(2))
        async with opened_store(small) as first, opened_store(large) as second:
            yield [first, second]
