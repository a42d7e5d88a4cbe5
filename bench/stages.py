"""What accepting, claiming and settling cost below the application: CPU here and in MariaDB, statements, redo.

The stages follow each other in one process, set by set, on the product's own ports; nothing runs beside them. Competitors
are databases on one server, in turns.
"""

import contextlib
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import uvloop
from bench import servers
from tests.support.builders.messages import PROVIDER, a_due_message, a_receipt, an_outcome, begin_call, settle
from tests.support.mysql import opened_store, target_of
from tests.support.servers.mariadb import MariaDb

from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.repositories.remembered import MAX_REMEMBERED, RememberedMessages
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.system import SystemClock
from wework_message.domain.ids import DEFAULT_TENANT, ProviderMessageId
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.repositories import IdempotencyKey

SET: Final = 50
"""Messages of one transaction."""
SETS: Final = 40
"""Transactions of each stage in a round."""
MEASURES: Final = ("service_us", "database_us", "statements", "redo_bytes")
"""Per message; `statements` per set, without COMMIT."""

Stage = Callable[[Sequence[Message]], Awaitable[None]]


class Subject:
    """One database, and the three stages on it."""

    def __init__(self, units: SqlUnitOfWorkFactory, executed: Counter[str]) -> None:
        self.executed = executed
        self._units = units
        self.stages: dict[str, Stage] = {"accept": self.accept, "claim": self.claim, "settle": self.settle}
        self._claimed: list[Message] = []

    async def accept(self, messages: Sequence[Message]) -> None:
        keys = [IdempotencyKey(DEFAULT_TENANT, message.id, b"f" * 32, message.id) for message in messages]
        async with self._units() as unit:
            await unit.messages.claim_keys(keys)
            await unit.messages.add(list(messages))
            await unit.commit()

    async def claim(self, _: Sequence[Message]) -> None:
        async with self._units() as unit:
            due = [item.message for item in await unit.messages.due(SET, turn=None)]
            for message in due:
                begin_call(message)
            await unit.messages.save(due)
            await unit.commit()
        self._claimed += due

    async def settle(self, _: Sequence[Message]) -> None:
        messages, self._claimed = self._claimed[:SET], self._claimed[SET:]
        for message in messages:
            receipt = a_receipt(provider_message_id=ProviderMessageId(message.id))
            settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
        attempts = [(message.id, message.attempts.numbered(1)) for message in messages]
        named = [(attempt.provider_code, attempt.guid, ProviderMessageId(name)) for name, attempt in attempts]
        async with self._units() as unit:
            await unit.messages.sent_as(named)
            if await unit.messages.save(messages):
                raise RuntimeError("no other process writes")
            await unit.inbox.reopen(named, [], since=0)
            await unit.messages.count({(PROVIDER, "TEXT", "ACCEPTED"): len(messages)})
            await unit.commit()


def run(rounds: int) -> dict[str, Any]:
    """By competitor and stage: medians of `MEASURES`."""
    return uvloop.run(_run(rounds))


async def _run(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, servers.running(MariaDb, Path(folder)) as server:
        async with contextlib.AsyncExitStack() as stack:
            subjects = {
                name: await stack.enter_async_context(_subject(server, prepared_statements=prepared, remembered=limit))
                for name, prepared, limit in (
                    ("prepared", True, MAX_REMEMBERED),
                    ("prepared, nothing remembered", True, 0),
                    ("text", False, MAX_REMEMBERED),
                )
            }
            return await _compared(server, subjects, rounds)


@contextlib.asynccontextmanager
async def _subject(server: MariaDb, *, prepared_statements: bool, remembered: int) -> AsyncIterator[Subject]:
    executed: Counter[str] = Counter()

    def note(sql: str, _: Sequence[Any]) -> None:
        executed[sql] += 1

    target = target_of(server.create_database())
    async with opened_store(target, prepared_statements=prepared_statements, listener=note) as store:
        await migrate(store)
        memory = RememberedMessages(remembered)
        units = SqlUnitOfWorkFactory(store, store.dialect, SystemClock(), store.turn, remembered=memory)
        yield Subject(units, executed)


async def _compared(server: MariaDb, subjects: dict[str, Subject], rounds: int) -> dict[str, Any]:
    samples: dict[str, dict[str, list[list[float]]]] = {
        name: {stage: [] for stage in subject.stages} for name, subject in subjects.items()
    }
    for turn in range(rounds + 1):
        for name in sorted(subjects, reverse=bool(turn % 2)):
            for stage, sample in (await _round(server, subjects[name])).items():
                if turn:  # the first round warms caches
                    samples[name][stage].append(sample)
    return {
        name: {
            stage: dict(zip(MEASURES, map(statistics.median, zip(*taken, strict=True)), strict=True))
            for stage, taken in stages.items()
        }
        for name, stages in samples.items()
    }


async def _round(server: MariaDb, subject: Subject) -> dict[str, list[float]]:
    now = SystemClock().now()
    sets = [[_message(place, now) for place in range(SET)] for _ in range(SETS)]
    database = servers.watched(server)
    measured = {}
    for name, stage in subject.stages.items():
        subject.executed.clear()
        redo, database_s, service_s = _redo_bytes(server), database.cpu_s(), time.thread_time()
        for messages in sets:
            await stage(messages)
        service_s, database_s = time.thread_time() - service_s, database.cpu_s() - database_s
        total = SET * SETS
        measured[name] = [
            service_s * 1e6 / total, database_s * 1e6 / total, subject.executed.total() / SETS,
            (_redo_bytes(server) - redo) / total,
        ]  # fmt: skip
    return measured


def _message(place: int, now: int) -> Message:
    """Due now, alone in its conversation."""
    return a_due_message(conversation_id=f"S:{place}-{time.monotonic_ns()}", accepted_at=now)


def _redo_bytes(server: MariaDb) -> int:
    return int(server.sql("SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'").split()[1])
