"""When contents are erased: rounds go on behind the last one, and about once a day from the beginning."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import DAY_MS, NOW, PROVIDER, a_message, a_message_id, an_item

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.maintenance.expire_contents import ROUNDS_PER_WALK, ExpireContents
from wework_message.application.policy import Policy
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.ports.inbox import InboxVerdict
from wework_message.domain.retry import RetryPolicy

KEPT_MS = 3 * DAY_MS


class Expiring:
    """A database with messages, and the task."""

    def __init__(
        self, *messages: Message, keep_content_ms: int | None = KEPT_MS, keep_raw_ms: int | None = None
    ) -> None:
        self.clock = SettableClock(NOW)
        self.database = MemoryDatabase()
        self.units = MemoryUnitOfWorkFactory(self.database, self.clock)
        self.messages = messages
        self.task = ExpireContents(
            Policy(providers={}, retry=RetryPolicy(), keep_content_ms=keep_content_ms, keep_raw_ms=keep_raw_ms), step=2
        )

    async def begin(self) -> None:
        async with self.units() as unit:
            await unit.messages.add(self.messages)
            await unit.commit()

    async def round(self) -> int:
        """How many transactions it took."""
        self.task.begin()
        steps, more = 0, True
        while more:
            async with self.units() as unit:
                more = await self.task.step(unit)
                await unit.commit()
            steps += 1
        return steps

    def erased(self) -> list[bool]:
        """Of each message, in order."""
        stored = {message.id: message.is_erased for message in self.database.messages.committed_rows()}
        return [stored[message.id] for message in self.messages]


@pytest.mark.parametrize("status", sorted(MessageStatus))
@given(ages=st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1)), max_size=5))
async def test_a_content_goes_exactly_when_its_message_rests_and_is_old(
    status: MessageStatus, ages: list[tuple[int, int]]
) -> None:
    messages = [
        a_message(
            id=a_message_id(), status=status, accepted_at=NOW - KEPT_MS + accepted, updated_at=NOW - KEPT_MS + changed
        )
        for accepted, changed in sorted(ages)
    ]
    expiring = Expiring(*messages)
    await expiring.begin()
    await expiring.round()
    old = [accepted < 0 and changed < 0 for accepted, changed in sorted(ages)]
    assert expiring.erased() == [is_old and status in RESTING for is_old in old]


async def test_contents_stay_where_no_age_is_set() -> None:
    expiring = Expiring(a_message(status=MessageStatus.SENT), keep_content_ms=None)
    await expiring.begin()
    expiring.clock.advance(1_000 * DAY_MS)
    assert await expiring.round() == 1
    assert expiring.erased() == [False]


async def test_a_round_goes_on_behind_the_last_one_and_a_daily_walk_finds_what_came_to_rest_late(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    messages = [a_message(id=a_message_id(), status=MessageStatus.SENT) for _ in range(4)]
    late = a_message(id=messages[0].id, status=MessageStatus.UNKNOWN)
    expiring = Expiring(
        late, *messages[1:], *(a_message(id=a_message_id(), status=MessageStatus.SENT) for _ in range(6))
    )
    await expiring.begin()
    expiring.clock.advance(KEPT_MS + 1)
    first = await expiring.round()
    assert expiring.erased() == [False] + 9 * [True]
    assert "erased contents of messages: 9" in caplog.text
    expiring.database.messages.put(late.id, messages[0])
    expiring.database.commit()
    rounds = [await expiring.round() for _ in range(ROUNDS_PER_WALK - 1)]
    assert max(rounds) < first
    assert not expiring.erased()[0]
    await expiring.round()
    assert all(expiring.erased())


async def test_texts_of_finished_callbacks_go_at_their_own_age(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    expiring = Expiring(a_message(status=MessageStatus.SENT), keep_content_ms=None, keep_raw_ms=KEPT_MS)
    await expiring.begin()
    async with expiring.units() as unit:
        await unit.inbox.store(PROVIDER, [an_item() for _ in InboxState], NOW)
        pending = await unit.inbox.pending(10)
        await unit.inbox.decide(
            [InboxVerdict(entry.id, state) for entry, state in zip(pending, InboxState, strict=True)]
        )
        await unit.commit()
    expiring.clock.advance(KEPT_MS)
    await expiring.round()
    assert all(row.raw for row in expiring.database.callbacks.committed_rows())
    expiring.clock.advance(1)
    await expiring.round()
    erased = {row.state for row in expiring.database.callbacks.committed_rows() if not row.raw}
    assert erased == {InboxState.APPLIED, InboxState.ORPHAN}
    assert expiring.erased() == [False]
    assert "erased texts of callbacks: 2" in caplog.text
