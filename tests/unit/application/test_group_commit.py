import asyncio
from collections.abc import Sequence

import pytest
from tests.support.builders.messages import NOW, a_due_message

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.commit import group_commit
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.scope import Commits, CommitScope, Operation
from wework_message.application.errors import DrainingError
from wework_message.domain.errors import TryAgainError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.message.message import Message


class Store:
    """Adds each message; `poison` raises, `refused` is answered with an error, and `gate` holds the transaction."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.poison: Message | None = None
        self.refused: Message | None = None
        self.gate: asyncio.Event | None = None
        self.inside = asyncio.Event()

    async def __call__(self, scope: CommitScope, items: Sequence[Message], /) -> Sequence[str | Exception]:
        self.batches.append(len(items))
        self.inside.set()
        await scope.unit.messages.add([item for item in items if item is not self.refused])
        if self.gate is not None:
            await self.gate.wait()
        if self.poison in items:
            raise ZeroDivisionError
        return [KeyError(item.id) if item is self.refused else item.id for item in items]


class Setting:
    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.reader = MemoryMessageReader(self.database)
        self.store = Store()
        self.busy_after_commit: list[bool] = []
        self.commits = self.another()

    def another(self) -> GroupCommit:
        return GroupCommit(MemoryUnitOfWorkFactory(self.database, SettableClock(NOW)), self._after, FixedRandom())

    async def _after(self, scope: CommitScope, /) -> None:
        self.busy_after_commit.append(self.database.busy)

    async def stored(self, messages: Sequence[Message]) -> list[bool]:
        stored = await self.reader.messages(DEFAULT_TENANT, [message.id for message in messages])
        return [message.id in stored for message in messages]

    async def submit(self, messages: Sequence[Message]) -> list[object]:
        submissions = (self.commits.submit(self.store, message) for message in messages)
        return list(await asyncio.gather(*submissions, return_exceptions=True))


@pytest.fixture
def setting() -> Setting:
    return Setting()


def three() -> list[Message]:
    return [a_due_message() for _ in range(3)]


async def test_callers_that_come_together_share_one_transaction(setting: Setting) -> None:
    await setting.commits.start()
    messages = three()
    assert await setting.submit(messages) == [message.id for message in messages]
    assert (setting.store.batches, setting.busy_after_commit) == ([3], [False])
    await setting.commits.close()


async def test_nobody_is_answered_before_the_commit(setting: Setting) -> None:
    await setting.commits.start()
    setting.store.gate = asyncio.Event()
    messages = three()
    submissions = [asyncio.create_task(setting.commits.submit(setting.store, message)) for message in messages]
    await setting.store.inside.wait()
    assert not any(task.done() for task in submissions)
    assert await setting.stored(messages) == [False] * 3
    setting.store.gate.set()
    await asyncio.gather(*submissions)
    assert await setting.stored(messages) == [True] * 3
    await setting.commits.close()


async def test_one_poisonous_item_fails_alone(setting: Setting) -> None:
    await setting.commits.start()
    messages = three()
    setting.store.poison = messages[1]
    first, second, third = await setting.submit(messages)
    assert (first, third) == (messages[0].id, messages[2].id)
    assert isinstance(second, ZeroDivisionError)
    assert await setting.stored(messages) == [True, False, True]
    await setting.commits.close()


async def test_an_answer_that_is_an_error_is_its_callers_alone_and_undoes_nothing(setting: Setting) -> None:
    await setting.commits.start()
    messages = three()
    setting.store.refused = messages[0]
    first, *others = await setting.submit(messages)
    assert isinstance(first, KeyError)
    assert others == [message.id for message in messages[1:]]
    assert setting.store.batches == [3]
    await setting.commits.close()


async def test_a_store_that_is_away_fails_all_and_keeps_nothing(setting: Setting) -> None:
    await setting.commits.start()
    messages = three()
    setting.database.failing_commits = 1
    assert {type(result) for result in await setting.submit(messages)} == {UnavailableError}
    assert (await setting.stored(messages), setting.busy_after_commit) == ([False] * 3, [])
    assert await setting.submit(messages) == [message.id for message in messages]
    await setting.commits.close()


async def test_a_caller_that_goes_away_does_not_undo_its_item(setting: Setting) -> None:
    await setting.commits.start()
    setting.store.gate = asyncio.Event()
    messages = three()
    submissions = [asyncio.create_task(setting.commits.submit(setting.store, message)) for message in messages]
    await setting.store.inside.wait()
    submissions[0].cancel()
    setting.store.gate.set()
    await asyncio.gather(*submissions, return_exceptions=True)
    assert submissions[0].cancelled()
    assert await setting.stored(messages) == [True] * 3
    await setting.commits.close()


async def test_a_transaction_is_bounded(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_ITEMS", 2)
    setting.commits = setting.another()
    await setting.commits.start()
    await setting.submit(three())
    assert setting.store.batches == [2, 1]
    await setting.commits.close()


async def test_what_was_submitted_before_the_end_is_still_committed(setting: Setting) -> None:
    messages = three()
    submissions = [asyncio.create_task(setting.commits.submit(setting.store, message)) for message in messages]
    await asyncio.sleep(0)
    await setting.commits.start()
    await setting.commits.close()
    assert await asyncio.gather(*submissions) == [message.id for message in messages]
    with pytest.raises(DrainingError):
        await setting.commits.submit(setting.store, a_due_message())


@pytest.mark.parametrize(
    ("second", "items", "lingers"),
    [
        (False, group_commit.VERY_SMALL_BATCH - 1, []),
        (False, group_commit.VERY_SMALL_BATCH, [group_commit.LINGER_S]),
        (True, 1, [group_commit.LONG_LINGER_S]),
    ],
    ids=["little comes", "much comes", "no request waits"],
)
async def test_a_committer_lets_more_gather_where_that_costs_nobody_much(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, *, second: bool, items: int, lingers: list[float]
) -> None:
    lingered: list[float] = []
    pause = asyncio.sleep

    async def sleep(delay: float) -> None:
        lingered.append(delay)
        await pause(0)

    if second:
        setting.commits.add_committer()
    await setting.commits.start()
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await setting.submit([a_due_message() for _ in range(items)])
    for _ in range(3):
        await pause(0)
    assert lingered == lingers
    await setting.commits.close()


async def test_queues_of_a_committer_take_turns(setting: Setting) -> None:
    accepts = setting.commits.add_queue()
    ends: list[str] = []

    async def submit(queue: Commits, name: str) -> None:
        await queue.submit(setting.store, a_due_message())
        ends.append(name)

    setting.store.gate = asyncio.Event()
    await setting.commits.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(submit(setting.commits, "claim"))
        await setting.store.inside.wait()
        for queue, name in [(setting.commits, "settlement")] * 3 + [(accepts, "accept")] * 2:
            group.create_task(submit(queue, name))
        await asyncio.sleep(0)
        setting.store.gate.set()
    assert (ends, setting.store.batches) == (["claim", *["accept"] * 2, *["settlement"] * 3], [1, 2, 3])
    await setting.commits.close()
    with pytest.raises(DrainingError):
        await accepts.submit(setting.store, a_due_message())


async def in_turns(
    setting: Setting, queues: dict[str, Commits], waiting: dict[str, int], *, more: str = "", until: int = 0
) -> list[str]:
    """Names of the queues by transaction, where so many items wait in each; each one of `more` is followed by the next."""
    turns: list[str] = []
    gate, inside = asyncio.Event(), asyncio.Event()

    def operation(name: str) -> Operation[int, int]:
        async def run(_: CommitScope, items: Sequence[int], /) -> Sequence[int]:
            turns.append(name)
            inside.set()
            await gate.wait()
            if name == more and len(turns) < until:
                again.append(asyncio.create_task(queues[name].submit(operations[name], 0)))
                await asyncio.sleep(0)
            return items

        return run

    operations = {name: operation(name) for name in ("first", *queues)}
    again = [asyncio.create_task(setting.commits.submit(operations["first"], 0))]
    await setting.commits.start()
    await inside.wait()
    again += [
        asyncio.create_task(queues[name].submit(operations[name], number))
        for name, count in waiting.items()
        for number in range(count)
    ]
    await asyncio.sleep(0)
    gate.set()
    while open_ones := [task for task in again if not task.done()]:
        await asyncio.wait(open_ones)
    await setting.commits.close()
    return turns


async def test_what_goes_behind_sends_waits_until_each_of_their_queues_had_its_turn(setting: Setting) -> None:
    accepts, callbacks = setting.commits.add_queue(), setting.commits.add_queue_behind()
    queues: dict[str, Commits] = {"callbacks": callbacks, "calls": setting.commits, "accepts": accepts}
    turns = await in_turns(setting, queues, {"callbacks": 3, "calls": 2, "accepts": 2})
    assert turns == ["first", "accepts", "callbacks", "calls"]


async def test_a_flood_behind_sends_comes_in_small_transactions_between_which_sends_go(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_ITEMS_BEHIND", 2)
    setting.commits = setting.another()
    callbacks, projections = setting.commits.add_queue_behind(), setting.commits.add_queue_behind()
    queues: dict[str, Commits] = {"callbacks": callbacks, "projections": projections, "calls": setting.commits}
    turns = await in_turns(setting, queues, {"callbacks": 5, "projections": 3, "calls": 1}, more="calls", until=7)
    behind = ["callbacks", "calls", "projections", "calls", "callbacks"]
    assert turns == ["first", *behind, "calls", "projections", "callbacks"]


async def test_a_flood_of_sends_leaves_those_behind_them_a_turn_of_each_round(setting: Setting) -> None:
    setting.commits.add_queue()
    callbacks = setting.commits.add_queue_behind()
    queues: dict[str, Commits] = {"callbacks": callbacks, "calls": setting.commits}
    turns = await in_turns(setting, queues, {"callbacks": 1, "calls": 1}, more="calls", until=9)
    assert turns == ["first", "calls", "callbacks", *["calls"] * 6]


async def test_what_waits_behind_a_transaction_that_hangs_is_refused_without_a_try(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "HANGING_S", -1.0)  # every transaction that fails has taken too long
    setting.store.gate = asyncio.Event()
    await setting.commits.start()
    first = asyncio.create_task(setting.submit(three()))
    await setting.store.inside.wait()
    behind = asyncio.create_task(setting.submit(three()))
    await asyncio.sleep(0)
    setting.database.away = True
    setting.store.gate.set()
    outcomes = [*await first, *await behind]
    assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 6
    assert setting.store.batches == [3]
    setting.database.away = False
    messages = three()
    assert await setting.submit(messages) == [message.id for message in messages]
    await setting.commits.close()


async def test_a_transaction_that_the_store_gave_up_after_a_long_time_is_not_tried_again(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "HANGING_S", -1.0)
    tries = 0

    async def lost(scope: CommitScope, items: Sequence[Message], /) -> Sequence[str]:
        nonlocal tries
        tries += 1
        raise TryAgainError("database", "TimeoutError", lost_connection=True)

    await setting.commits.start()
    with pytest.raises(TryAgainError):
        await setting.commits.submit(lost, a_due_message())
    await setting.commits.close()
    assert tries == 1


@pytest.mark.parametrize(("hanging_s", "transactions"), [(-1.0, 1), (3600.0, 2)], ids=["hangs", "fails at once"])
async def test_what_waits_behind_a_transaction_of_a_store_that_hangs_is_refused_without_a_try(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, hanging_s: float, transactions: int
) -> None:
    monkeypatch.setattr(group_commit, "HANGING_S", hanging_s)
    inside, hangs = asyncio.Event(), asyncio.Event()
    batches: list[int] = []

    async def unanswered(scope: CommitScope, items: Sequence[Message], /) -> Sequence[str]:
        batches.append(len(items))
        inside.set()
        await hangs.wait()
        raise UnavailableError("database", "no answer within 10 s")

    await setting.commits.start()
    first = asyncio.create_task(setting.commits.submit(unanswered, a_due_message()))
    await inside.wait()
    behind = [asyncio.create_task(setting.commits.submit(unanswered, message)) for message in three()]
    await asyncio.sleep(0)
    hangs.set()
    results = await asyncio.gather(first, *behind, return_exceptions=True)
    assert [type(result) for result in results] == [UnavailableError] * 4
    assert batches == [1, 3][:transactions]
    await setting.commits.close()
