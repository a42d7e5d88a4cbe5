"""Group commit: many callers share one transaction, and each awaits its own durable result (D-31).

A committer takes the waiting items up to a limit, runs them in one unit of work, commits, and only then answers. A durable
commit costs about the same for one item as for five hundred. A process has one committer. On a store that takes transactions
side by side it has others, so that accepting does not wait for dispatching. On a store with a single writer there are queues before the
one committer. Those of sends, accepting on the one hand, claims and settlements on the other, take turns. Those behind them, callbacks,
their projection and webhooks, get one small transaction after each round of turns: so what is sent waits for one of them at most, and a
flood of sends leaves them a third of the transactions (ADR 68).
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Generic

from wework_message.application.commit.scope import AfterCommit, BeforeCommit, CommitScope, Item, Operation, Result
from wework_message.application.errors import DrainingError
from wework_message.application.writes import Writes
from wework_message.domain.errors import TryAgainError, UnavailableError
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import RandomSource

MAX_ITEMS: Final = 500
"""Items in one transaction."""

MAX_ITEMS_BEHIND: Final = 64
"""The same, of a queue behind sends: whoever sends waits for no longer transaction."""

LINGER_S: Final = 0.001
"""How long the next batch may gather after one that was neither very small nor large."""

LONG_LINGER_S: Final = 0.004
"""The same, after a very small one too, where nobody's request waits: a larger batch costs less per item (ADR 0019)."""

VERY_SMALL_BATCH: Final = 8
"""A batch below this says that little comes: where requests wait, the next one does not gather."""

RETRY_DELAYS_S: Final = (0.005, 0.02, 0.08, 0.32)
"""Waits, +- 50 %, before a transaction that the store gave up is retried."""

HANGING_S: Final = 5.0
"""A transaction that failed after so long met a store that hangs: it is not retried, and what waits behind it is refused
without a try, so that no request waits for two of them."""

_log: Final = logging.getLogger(__name__)

SMALL_BATCH: Final = 32
"""A batch below this lets the next one gather."""


@dataclass(slots=True)
class _Entry(Generic[Item, Result]):
    operation: Operation[Item, Result]
    item: Item
    future: asyncio.Future[Result]


class CommitQueue:
    """What waits for a committer."""

    def __init__(self, wake: asyncio.Event, max_items: int) -> None:
        """`wake` is set when there is something; `max_items` go into one transaction."""
        self.max_items = max_items
        self.entries: deque[_Entry[Any, Any]] = deque()
        self.closed = False
        self._wake = wake

    async def submit(self, operation: Operation[Item, Result], item: Item) -> Result:
        """See `Commits`."""
        if self.closed:
            raise DrainingError
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.entries.append(_Entry(operation, item, future))
        self._wake.set()
        return await future


class GroupCommit:
    """A committer: it runs what was submitted, many items in a transaction."""

    def __init__(
        self,
        units: UnitOfWorkFactory,
        after: AfterCommit,
        random_source: RandomSource,
        writes: Writes | None = None,
        before: BeforeCommit | None = None,
    ) -> None:
        """`after` is called once per committed transaction; `random_source` spreads transactions that are retried.

        `writes` gets the result of each transaction; `before` is its last step.
        """
        self._units = units
        self._random_source = random_source
        self._after = after
        self._before = before
        self._writes = Writes(time.monotonic) if writes is None else writes
        self._wake = asyncio.Event()
        self._own = CommitQueue(self._wake, MAX_ITEMS)
        self._queues = deque([self._own])
        """The next one in turn comes first."""
        self._behind: deque[CommitQueue] = deque()
        """The same, of those that go behind the others."""
        self._turns = 0
        """Transactions of `_queues` since the last one of `_behind`."""
        self._task: asyncio.Task[None] | None = None
        self._others: list[GroupCommit] = []

    def add_committer(self) -> "GroupCommit":
        """Another committer on the same store, which is started and closed with this one. Call it before `start`."""
        other = GroupCommit(self._units, self._after, self._random_source, self._writes, self._before)
        self._others.append(other)
        return other

    def add_queue(self) -> CommitQueue:
        """Another queue for this committer; the queues take turns."""
        self._queues.append(queue := CommitQueue(self._wake, MAX_ITEMS))
        return queue

    def add_queue_behind(self) -> CommitQueue:
        """Another queue for what may wait until each of the others has had its turn, in small transactions."""
        self._behind.append(queue := CommitQueue(self._wake, MAX_ITEMS_BEHIND))
        return queue

    async def start(self) -> None:
        """Begin to commit."""
        self._task = asyncio.create_task(self._run(), name="committer")
        for other in self._others:
            await other.start()

    async def close(self) -> None:
        """Commit what is queued, then stop; later submissions raise `DrainingError`."""
        for other in self._others:
            await other.close()
        for queue in self._all:
            queue.closed = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def submit(self, operation: Operation[Item, Result], item: Item) -> Result:
        """See `Commits`."""
        return await self._own.submit(operation, item)

    async def _run(self) -> None:
        while not (self._own.closed and not self._waiting):
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = self._next_batch()
                await self._commit_batch(batch)
                if self._waiting < SMALL_BATCH and not self._own.closed:
                    await self._linger(len(batch))

    @property
    def _all(self) -> Iterator[CommitQueue]:
        return chain(self._queues, self._behind)

    @property
    def _waiting(self) -> int:
        return sum(len(queue.entries) for queue in self._all)

    def _next_batch(self) -> list[_Entry[Any, Any]]:
        """Of the next queue in turn that has any. One must have."""
        queue = self._next_queue()
        return [queue.entries.popleft() for _ in range(min(queue.max_items, len(queue.entries)))]

    def _next_queue(self) -> CommitQueue:
        behind = _next_of(self._behind) if self._turns >= len(self._queues) else None
        if behind is None and (queue := _next_of(self._queues)) is not None:
            self._turns += 1
            return queue
        self._turns = 0
        return behind or _next_of(self._behind) or self._own

    async def _linger(self, items: int) -> None:
        if self._others:
            await asyncio.sleep(LONG_LINGER_S)
        elif items >= VERY_SMALL_BATCH:
            await asyncio.sleep(LINGER_S)

    async def _commit_batch(self, batch: list[_Entry[Any, Any]]) -> None:
        began = time.monotonic()
        try:
            scope, results = await self._persist(batch)
        except UnavailableError as error:
            self._writes.failed(error)
            if time.monotonic() - began > HANGING_S:
                for queue in self._all:
                    batch += queue.entries
                    queue.entries.clear()
            for entry in batch:
                _fail(entry, error)
            return
        except Exception as error:  # noqa: BLE001 -- one poisonous item must not take its neighbours along
            await self._isolate(batch, error)
            return
        self._writes.succeeded()
        for entry, result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                _fail(entry, result)
            elif not entry.future.done():
                entry.future.set_result(result)
        try:
            await self._after(scope)
        except Exception:  # noqa: BLE001 -- what is committed stays; a committer that died would leave every caller waiting
            _log.exception("what follows a commit failed")

    async def _isolate(self, batch: list[_Entry[Any, Any]], error: Exception) -> None:
        """The transaction was rolled back: run each item alone, so that only the faulty one fails."""
        if len(batch) == 1:
            _fail(batch[0], error)
            return
        for entry in batch:
            await self._commit_batch([entry])

    async def _persist(self, batch: list[_Entry[Any, Any]]) -> tuple[CommitScope, list[Any]]:
        """The whole transaction, retried where the store gave it up; that is safe, as operations read what they change."""
        began = time.monotonic()
        for wait_s in RETRY_DELAYS_S:
            try:
                return await self._transact(batch)
            except TryAgainError as error:
                if time.monotonic() - began > HANGING_S:
                    raise
                _log.info("a transaction is tried again: %s", error)
                # Two transactions that collided must not collide again.
                await asyncio.sleep(wait_s * (0.5 + self._random_source.fraction()))
        return await self._transact(batch)

    async def _transact(self, batch: list[_Entry[Any, Any]]) -> tuple[CommitScope, list[Any]]:
        results: list[Any] = [None] * len(batch)
        groups: dict[int, list[int]] = {}
        for place, entry in enumerate(batch):
            groups.setdefault(id(entry.operation), []).append(place)
        async with self._units() as unit:
            scope = CommitScope(unit)
            try:
                for places in groups.values():
                    operation = batch[places[0]].operation
                    answers = await operation(scope, [batch[place].item for place in places])
                    for place, answer in zip(places, answers, strict=True):
                        results[place] = answer
                if self._before is not None:
                    await self._before(scope)
                await unit.commit()
            except BaseException as error:
                scope.ended(error)
                raise
            scope.ended()
        return scope, results


def _next_of(queues: deque[CommitQueue]) -> CommitQueue | None:
    """The first one that has something, which becomes the last one in turn; None where none has."""
    for place, queue in enumerate(queues):
        if queue.entries:
            queues.rotate(-1 - place)
            return queue
    return None


def _fail(entry: _Entry[Any, Any], error: Exception) -> None:
    if not entry.future.done():
        entry.future.set_exception(error)
    with contextlib.suppress(asyncio.CancelledError):
        entry.future.exception()  # a caller that was cancelled never looks; asyncio would complain at exit
