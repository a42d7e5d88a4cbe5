"""Accounts are claimed in turn (ADR 31): what `due` promises about whose messages it returns, in any adapter."""

import asyncio
import dataclasses
from collections.abc import Collection, Mapping, Sequence

import pytest
from tests.contracts.message_repository_contract import RepositorySteps
from tests.support.builders.messages import PROVIDER, a_due_message, an_outcome, begin_call, settle

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import AccountId, Guid, MessageId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.repositories import LaneBlock, UnitOfWorkFactory
from wework_message.domain.routing.shares import MAX_ACCOUNTS, OpenCalls, Turn

A, B, C = [implicit_account_id(Guid(guid)) for guid in "abc"]


def messages_of(guid: str, count: int, *, priority: int = 5) -> list[Message]:
    """Each to a customer of its own, so that none waits for another one."""
    return [
        a_due_message(guid=Guid(guid), account_id=implicit_account_id(Guid(guid)), conversation_id=f"S:{number}", priority=priority)
        for number in range(count)
    ]  # fmt: skip


class TurnContract(RepositorySteps):
    async def shares(
        self,
        units: UnitOfWorkFactory,
        limit: int,
        turn: Turn,
        among: Collection[MessageId] | None = None,
    ) -> Mapping[AccountId, int]:
        """How many messages each account gives, in the order in which its first one comes."""
        async with units() as unit:
            claimed = await unit.messages.due(limit, turn=turn, among=among)
        accounts = [due.message.account_id for due in claimed]
        return {account_id: accounts.count(account_id) for account_id in accounts}

    @pytest.fixture
    async def flood(self, units: UnitOfWorkFactory, clock: SettableClock) -> Sequence[Message]:
        """Of the first account much, for long, urgent; then a little of two others."""
        flood = messages_of("a", 40, priority=9)
        await self.add(units, *flood)
        clock.advance(10)
        others = [*messages_of("b", 1, priority=0), *messages_of("c", 2)]
        await self.add(units, *others)
        return [*flood, *others]

    @pytest.fixture(params=["table", "wake-up"])
    def among(self, request: pytest.FixtureRequest, flood: Sequence[Message]) -> Collection[MessageId] | None:
        """A claim of the table, and one of the messages that a wake-up named, go by the same rule."""
        return [message.id for message in flood] if request.param == "wake-up" else None

    async def test_accounts_share_a_claim_whatever_their_backlog_and_priority(
        self, units: UnitOfWorkFactory, among: Collection[MessageId] | None
    ) -> None:
        assert await self.shares(units, 6, Turn(), among) == {A: 2, B: 1, C: 2}
        assert await self.shares(units, 3, Turn(), among) == {A: 1, B: 1, C: 1}

    async def test_without_a_turn_the_most_urgent_and_oldest_go_first_whoever_has_them(
        self, units: UnitOfWorkFactory, clock: SettableClock, flood: Sequence[Message]
    ) -> None:
        async with units() as unit:
            claimed = [due.message.id for due in await unit.messages.due(42, turn=None)]
        assert claimed == [message.id for message in (*flood[:40], *flood[41:])]
        async with units() as unit:
            assert not await unit.messages.due(0, turn=None)
        await self.call_started(units, clock, guid=Guid("d"), account_id=AccountId("d"), conversation_id="R:1")
        clock.advance(3_600_000)
        async with units() as unit:
            assert len(await unit.messages.due(100, turn=None)) == len(flood) + 1

    async def test_a_claim_begins_behind_the_account_that_was_claimed_last(
        self, units: UnitOfWorkFactory, among: Collection[MessageId] | None
    ) -> None:
        assert await self.shares(units, 1, Turn(), among) == {A: 1}
        assert await self.shares(units, 1, Turn(after=A), among) == {B: 1}
        assert await self.shares(units, 2, Turn(after=B), among) == {A: 1, C: 1}
        assert await self.shares(units, 1, Turn(after=C), among) == {A: 1}

    async def test_an_account_that_has_used_up_what_it_may_have_is_left_out(
        self, units: UnitOfWorkFactory, among: Collection[MessageId] | None
    ) -> None:
        assert await self.shares(units, 10, Turn(without=frozenset({A})), among) == {B: 1, C: 2}
        assert await self.shares(units, 10, Turn(without=frozenset({A, B, C})), among) == {}

    async def test_an_account_whose_share_for_bulk_is_used_up_gets_a_turn_for_its_other_messages(
        self, units: UnitOfWorkFactory, among: Collection[MessageId] | None
    ) -> None:
        turn = Turn(no_bulk=frozenset({A, B}), without=frozenset({A}))
        assert await self.shares(units, 10, turn, among) == {C: 2}
        assert await self.shares(units, 10, dataclasses.replace(turn, no_bulk=frozenset({A})), among) == {B: 1, C: 2}

    async def test_no_account_gets_more_than_half_of_what_is_free(
        self, units: UnitOfWorkFactory, among: Collection[MessageId] | None
    ) -> None:
        idle, busy = OpenCalls(20), OpenCalls(20, by_account={A: 10, B: 4}, by_provider={PROVIDER: 14})
        alone = frozenset({B, C})
        assert await self.shares(units, 20, Turn(open_calls=idle, without=alone), among) == {A: 10}
        assert await self.shares(units, 6, Turn(open_calls=busy, without=alone), among) == {}
        assert await self.shares(units, 6, Turn(open_calls=busy), among) == {B: 1, C: 2}

    async def test_within_an_account_the_most_urgent_and_oldest_go_first(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        bulk, normal, urgent = [messages_of("a", 2, priority=priority) for priority in (0, 5, 9)]
        for message in (*bulk, *normal, *urgent, other := messages_of("b", 1)[0]):
            await self.add(units, message)
            clock.advance(1)
        async with units() as unit:
            claimed = [due.message.id for due in await unit.messages.due(6, turn=Turn())]
        assert claimed == [urgent[0].id, urgent[1].id, normal[0].id, other.id]

    async def test_what_came_due_by_time_waits_for_the_turn_of_its_account(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        held, fresh = messages_of("a", 300), messages_of("b", 2)
        await self.add(units, *held)
        for message in held:
            message.hold(HoldReason.BUDGET, 1_000, now=clock.now())
        await self.save(units, *held)
        scheduled = a_due_message(guid=Guid("c"), account_id=C, scheduled_at=clock.now() + 1_000)
        await self.add(units, *fresh, scheduled)
        assert await self.shares(units, 10, Turn()) == {B: 2}
        clock.advance(1_000)
        async with units() as unit:  # 302 rows came due at once; one claim gives 200 of them a turn
            await unit.messages.due(9, turn=Turn())
            await unit.commit()
        assert await self.shares(units, 9, Turn()) == {A: 3, B: 2, C: 1}

    async def test_calls_whose_lease_ended_come_beside_the_sends(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        calling = await self.call_started(units, clock, guid=Guid("a"), account_id=A, conversation_id="R:1")
        clock.advance(3_600_000)
        await self.add(units, *messages_of("b", 5))
        full = frozenset({A, B})
        async with units() as unit:
            (due,) = await unit.messages.due(0, turn=Turn(without=full, others=1))
        assert (due.message.id, due.message.status) == (calling.id, MessageStatus.SENDING)
        assert await self.shares(units, 2, Turn(others=1)) == {A: 1, B: 2}
        assert await self.shares(units, 2, Turn(others=0)) == {B: 2}
        assert await self.shares(units, 1, Turn()) == {A: 1}

    async def test_a_message_with_its_place_in_the_budget_needs_no_turn_and_keeps_its_place_in_its_lane(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        waiting, paced, other = messages_of("a", 3)
        behind = a_due_message(guid=Guid("a"), account_id=A, conversation_id="S:0")
        await self.add(units, waiting, paced, other, behind)
        async with units() as unit:
            await unit.messages.pace({paced.id: PROVIDER, behind.id: PROVIDER})
            for message in (paced, behind):
                message.hold(HoldReason.BUDGET, 1_000, now=clock.now())
            await unit.messages.save([paced, behind])
            await unit.commit()
        turn = Turn(without=frozenset({A}), others=10)
        assert await self.shares(units, 10, turn) == {}
        clock.advance(1_000)
        async with units() as unit:
            blocks = {due.message.id: due.blocked for due in await unit.messages.due(10, turn=turn)}
        assert blocks == {paced.id: None, behind.id: LaneBlock.BEHIND}
        assert await self.shares(units, 10, Turn(others=10)) == {A: 4}

    async def test_a_claim_that_may_send_nothing_finds_a_recall_behind_many_messages_whose_time_has_come(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        waiting = messages_of("a", 450)
        for message in waiting:
            message.hold(HoldReason.PROVIDER_DOWN, 10, now=clock.now())
        recalled = a_due_message(guid=Guid("b"), account_id=B)
        await self.add(units, *waiting, recalled)
        begin_call(recalled)
        await self.save(units, recalled)
        settle(recalled, an_outcome(OutcomeClass.ACCEPTED))
        await self.save(units, recalled)
        clock.advance(20)
        recalled.ask_recall(now=clock.now())
        await self.save(units, recalled)
        async with units() as unit:
            claimed = await unit.messages.due(0, turn=Turn(others=50))
        assert [due.message.id for due in claimed] == [recalled.id]

    async def test_a_message_that_lost_its_place_in_the_budget_waits_for_the_turn_of_its_account(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        paced, other = messages_of("a", 2)
        await self.add(units, paced, other)
        async with units() as unit:
            await unit.messages.pace({paced.id: PROVIDER})
            paced.hold(HoldReason.BUDGET, 1_000, now=clock.now())
            await unit.messages.save([paced])
            await unit.commit()
        clock.advance(1_000)
        turn = Turn(without=frozenset({A}), others=10)
        assert await self.shares(units, 10, turn) == {A: 1}
        async with units() as unit:
            await unit.messages.unpace([paced.id])
            await unit.commit()
        assert await self.shares(units, 10, turn) == {}
        assert await self.shares(units, 10, Turn(others=10)) == {A: 2}

    async def test_a_woken_message_waits_for_the_turn_of_its_account(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        calling = await self.call_started(units, clock, guid=Guid("a"), account_id=A)
        parked = a_due_message(guid=Guid("a"), account_id=A)
        await self.add(units, parked, *messages_of("b", 5))
        parked.wait_in_lane(now=clock.now())
        await self.save(units, parked)
        assert await self.shares(units, 4, Turn()) == {B: 4}
        settle(calling, an_outcome(OutcomeClass.ACCEPTED), now=clock.now())
        await self.save(units, calling)
        assert await self.shares(units, 4, Turn()) == {A: 1, B: 2}

    async def test_claims_of_many_accounts_reach_them_all(self, units: UnitOfWorkFactory) -> None:
        accounts = [f"x{number:03}" for number in range(2 * MAX_ACCOUNTS + 3)]
        await self.add(units, *[message for guid in accounts for message in messages_of(guid, 1)])
        reached: set[AccountId] = set()
        turn = Turn()
        for _ in range(3):
            shares = await self.shares(units, 100, turn)
            assert len(shares) <= MAX_ACCOUNTS
            reached |= shares.keys()
            turn = Turn(after=turn.last_of(shares))
        assert len(reached) == len(accounts)

    async def test_two_claims_at_the_same_time_share_the_messages_of_one_account(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        await self.add(units, *messages_of("a", 30))

        async def claim(factory: UnitOfWorkFactory) -> list[MessageId]:
            async with factory() as unit:
                messages = [due.message for due in await unit.messages.due(10, turn=Turn())]
                for message in messages:
                    begin_call(message)
                await unit.messages.save(messages)
                await unit.commit()
            return [message.id for message in messages]

        claimed = await asyncio.gather(claim(units), claim(other_units), claim(units))
        assert [len(ids) for ids in claimed] == [10, 10, 10]
        assert len({message_id for ids in claimed for message_id in ids}) == 30
