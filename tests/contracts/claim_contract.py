"""What a claim reads of a message, whether or not its process stored it: the message as it is, and a copy of its own.

Subclasses provide `units`, `clock` and, where the adapter can have one, `other_units`.
"""

from collections.abc import Callable

import pytest
from hypothesis import given
from tests.contracts.message_repository_contract import EACH_ADAPTER, RepositorySteps
from tests.support.builders.messages import NOW, a_due_message, an_attempt, an_outcome, begin_call, settle

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.content import Content
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.retry import RetryAt
from wework_message.testing.strategies import contents

LATER_MS = 3_600_000


def hold(message: Message) -> None:
    message.hold(HoldReason.THROTTLED, 1_000, now=NOW)


def cancel(message: Message) -> None:
    message.cancel(now=NOW)


def fail_and_replay(message: Message) -> None:
    message.fail("NO_BINDING", now=NOW)
    message.replay(force=False, by="operator", now=NOW)


def call_in_vain(message: Message) -> None:
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.NOT_SENT), verdict=RetryAt(1_000))


def send_and_recall(message: Message) -> None:
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.ACCEPTED))
    message.ask_recall(now=NOW)


CHANGES = (hold, cancel, fail_and_replay, call_in_vain, send_and_recall)


class ClaimContract(RepositorySteps):
    async def claimed(self, units: UnitOfWorkFactory, message: Message) -> Message | None:
        async with units() as unit:
            due = await unit.messages.due(10, among={message.id})
        return due[0].message if due else None

    @EACH_ADAPTER
    @given(content=contents())
    async def test_a_message_is_claimed_as_it_was_added(self, units: UnitOfWorkFactory, content: Content) -> None:
        message = a_due_message(content=content, message_type=content.message_type, extra={"a": [1]}, priority=9)
        plain = a_due_message(content=content, message_type=content.message_type, index=3)
        for added in (message, plain):
            await self.add(units, added)
            claimed = await self.claimed(units, added)
            assert claimed == await self.load(units, added)
            assert claimed is not added

    @pytest.mark.parametrize("change", CHANGES)
    async def test_a_message_that_another_process_has_changed_is_claimed_as_it_is_now(
        self,
        change: Callable[[Message], None],
        units: UnitOfWorkFactory,
        other_units: UnitOfWorkFactory,
        clock: SettableClock,
    ) -> None:
        message, neighbour = a_due_message(), a_due_message(conversation_id="R:2")
        await self.add(units, message, neighbour)
        changed = await self.load(other_units, message)
        change(changed)
        assert await self.save(other_units, changed) == frozenset()
        clock.advance(LATER_MS)
        async with units() as unit:
            due = {item.message.id: item.message for item in await unit.messages.due(10)}
        expected = [neighbour.id] if change is cancel else [message.id, neighbour.id]
        assert sorted(due) == sorted(expected)
        for message_id, claimed in due.items():
            assert claimed.version == (0 if message_id == neighbour.id else 1)
            assert claimed == await self.load(units, claimed)

    async def test_what_its_caller_does_to_a_new_message_stays_with_the_caller(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message()
        await self.add(units, message)
        message.cancel(now=NOW)
        message.attempts.append(an_attempt())
        message.recall.wait()
        claimed = await self.claimed(units, message)
        assert claimed is not None
        assert (claimed.status, claimed.attempts, claimed.recall.is_running) == (MessageStatus.QUEUED, [], False)
        assert (claimed.notes, claimed.due, claimed.lifecycle.moves) == ([], None, [])

    async def test_the_extra_data_of_a_new_message_are_copied_too(self, units: UnitOfWorkFactory) -> None:
        extra = {"a": [1]}
        message = a_due_message(extra=extra)
        await self.add(units, message)
        extra["a"].append(2)
        claimed = await self.claimed(units, message)
        assert claimed is not None
        assert claimed.options.extra == {"a": [1]}

    @pytest.mark.parametrize("saved", [True, False])
    async def test_what_a_claim_does_is_undone_with_its_transaction(
        self, saved: bool, units: UnitOfWorkFactory
    ) -> None:
        message = a_due_message()
        await self.add(units, message)
        async with units() as unit:
            (due,) = await unit.messages.due(10)
            begin_call(due.message)
            if saved:
                await unit.messages.save([due.message])
        claimed = await self.claimed(units, message)
        assert claimed is not None
        assert (claimed.status, claimed.attempts, claimed.version) == (MessageStatus.QUEUED, [], 0)

    async def test_a_message_that_was_not_committed_is_not_claimed(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message()
        async with units() as unit:
            await unit.messages.add([message])
            await unit.messages.get([message.id])
        assert await self.claimed(units, message) is None
