"""What every store does for its maintenance. Subclasses provide `units`, `other_units`, `reader` and `clock`."""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest
from tests.support.builders.messages import (
    GUID,
    NOW,
    PROVIDER,
    a_batch_id,
    a_message,
    a_message_id,
    a_receipt,
    an_item,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.errors import TryAgainError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, ProviderMessageId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.erasing import erase_content
from wework_message.domain.message.message import Message
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.inbox import ReplaySelection
from wework_message.domain.ports.maintenance import START, Pruned
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.repositories import IdempotencyKey, InboxVerdict, NewBatch, UnitOfWorkFactory

LEASE: Final = 10_000
AGE: Final = 1_000


class LeaseStoreContract:
    async def take(self, units: UnitOfWorkFactory, holder: str, lease_name: str = "d") -> int | None:
        async with units() as unit:
            epoch = await unit.leases.take(lease_name, holder, LEASE)
            await unit.commit()
        return epoch

    async def release(self, units: UnitOfWorkFactory, holder: str) -> None:
        async with units() as unit:
            await unit.leases.release("d", holder)
            await unit.commit()

    async def test_the_first_holder_that_asks_gets_a_lease_and_the_second_does_not(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        assert await self.take(units, "a") == 1
        assert await self.take(other_units, "b") is None

    async def test_of_many_holders_that_ask_at_once_one_gets_the_lease(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        for _ in range(5):
            attempts = [self.gets(process, f"h{number}") for number, process in enumerate([units, other_units] * 3)]
            assert sum(await asyncio.gather(*attempts)) == 1
            clock.advance(LEASE)

    async def gets(self, units: UnitOfWorkFactory, holder: str) -> bool:
        try:
            return await self.take(units, holder) is not None
        except TryAgainError:
            return False

    async def test_leases_are_independent(self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory) -> None:
        assert await self.take(units, "a", "d") == 1
        assert await self.take(other_units, "b", "e") == 1

    async def test_leases_that_somebody_has_are_known_to_all(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        await self.take(units, "a", "d")
        await self.take(units, "b", "e")
        async with other_units() as unit:
            assert await unit.leases.held(["d", "e", "nobody's"]) == {"d", "e"}
        await self.release(units, "a")
        async with other_units() as unit:
            assert await unit.leases.held(["d", "e", "nobody's"]) == {"e"}
        clock.advance(LEASE)
        async with other_units() as unit:
            assert await unit.leases.held(["d", "e"]) == frozenset()

    async def test_renewing_keeps_the_epoch_and_moves_the_end(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        assert await self.take(units, "a") == 1
        assert await self.take(units, "a") == 1  # within one millisecond, too
        clock.advance(LEASE - 1)
        assert await self.take(units, "a") == 1
        clock.advance(LEASE - 1)
        assert await self.take(other_units, "b") is None

    async def test_a_lease_that_ran_out_is_free_and_its_next_tenure_has_another_epoch(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        assert await self.take(units, "a") == 1
        clock.advance(LEASE)
        assert await self.take(other_units, "b") == 2
        assert await self.take(units, "a") is None
        clock.advance(LEASE)
        assert await self.take(other_units, "b") == 3  # it had lapsed, even for the same holder

    async def test_a_lease_from_before_the_clock_was_set_back_is_free(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        assert await self.take(units, "a") == 1
        clock.jump(-3 * 3_600_000)
        assert await self.take(other_units, "b") == 2
        assert await self.take(units, "a") is None

    async def test_a_released_lease_is_free_at_once(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        await self.release(units, "a")  # it was never taken
        assert await self.take(units, "a") == 1
        await self.release(other_units, "b")
        assert await self.take(other_units, "b") is None
        await self.release(units, "a")
        assert await self.take(other_units, "b") == 2

    async def test_a_tenure_that_is_not_committed_never_was(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        async with units() as unit:
            assert await unit.leases.take("d", "a", LEASE) == 1
        assert await self.take(other_units, "b") == 1

    async def prune(self, units: UnitOfWorkFactory, *, limit: int = 10, after: str = START) -> Pruned:
        async with units() as unit:
            pruned = await unit.leases.prune("d", older_than_ms=AGE, limit=limit, after=after)
            await unit.commit()
        return pruned

    async def test_leases_of_a_kind_go_once_they_were_given_back_or_ran_out_long_ago(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        for name in ("c", "d", "d2", "e"):
            assert await self.take(units, "a", name) == 1
        await self.release(units, "a")
        assert await self.prune(other_units) == Pruned(1, None)  # d
        clock.advance(LEASE + AGE)
        assert await self.prune(units) == Pruned(0, None)
        clock.advance(1)
        assert await self.prune(units) == Pruned(1, None)  # d2
        assert [await self.take(other_units, "b", name) for name in ("c", "d", "d2", "e")] == [2, 1, 1, 2]
        assert await self.prune(units) == Pruned(0, None)
        assert await self.take(units, "a", "d") is None

    async def test_leases_go_step_by_step_past_those_that_somebody_has(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        for name in ("d0", "d1", "d2", "d3"):
            await self.take(units, "a", name)
        clock.advance(LEASE + AGE + 1)
        for name in ("d0", "d1"):
            await self.take(units, "a", name)
        assert await self.prune(units, limit=2) == Pruned(0, "d1")
        assert await self.prune(units, limit=2, after="d1") == Pruned(2, "d3")
        assert await self.prune(units, limit=2, after="d3") == Pruned(0, None)


def _key(target: str, key: str | None = None) -> IdempotencyKey:
    return IdempotencyKey(DEFAULT_TENANT, key or f"key-{target}", b"f" * 32, target)


class PruningContract:
    async def keep(self, units: UnitOfWorkFactory, *messages: Message, batch: NewBatch | None = None) -> None:
        async with units() as unit:
            await unit.messages.add(messages, [batch] if batch is not None else [])
            await unit.commit()

    async def claim(self, units: UnitOfWorkFactory, *targets: str) -> None:
        async with units() as unit:
            await unit.messages.claim_keys([_key(target) for target in targets])
            await unit.commit()

    async def fresh(self, units: UnitOfWorkFactory, target: str) -> bool:
        """Whether the key of `target` is free."""
        async with units() as unit:
            (owner,) = await unit.messages.claim_keys([_key("another target", f"key-{target}")])
        return owner.fresh

    async def prune_keys(self, units: UnitOfWorkFactory, *, limit: int = 10, after: str = START) -> Pruned:
        async with units() as unit:
            pruned = await unit.pruning.keys(older_than_ms=AGE, limit=limit, after=after)
            await unit.commit()
        return pruned

    async def test_a_key_goes_once_it_is_old_and_its_message_rests(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        rested, unknown = a_message(status=MessageStatus.SENT), a_message(status=MessageStatus.UNKNOWN)
        await self.keep(units, rested, unknown)
        await self.claim(units, rested.id, unknown.id, "of no message")
        clock.advance(AGE)
        assert await self.prune_keys(units) == Pruned(0, None)
        clock.advance(1)
        assert await self.prune_keys(units) == Pruned(2, None)
        assert [await self.fresh(units, target) for target in (rested.id, unknown.id, "of no message")] == [
            True,
            False,
            True,
        ]

    @pytest.mark.parametrize("owner", ["batch_id", "group_id"])
    async def test_a_key_of_a_batch_or_group_stays_until_all_of_it_rests(
        self, owner: str, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        target, rested = a_batch_id(), a_batch_id()
        await self.keep(
            units,
            a_message(status=MessageStatus.SENT, **{owner: target}, index=0),
            a_message(status=MessageStatus.HELD, **{owner: target}, index=1),
            a_message(status=MessageStatus.FAILED, **{owner: rested}, index=0),
        )
        await self.claim(units, target, rested)
        clock.advance(AGE + 1)
        assert await self.prune_keys(units) == Pruned(1, None)
        assert [await self.fresh(units, owner_id) for owner_id in (target, rested)] == [False, True]

    async def test_with_a_content_go_the_digests_of_its_notes(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        message = a_message(status=MessageStatus.SENT)
        message.notes.append(Note("ECHO", NOW, attempt=1, event_key="1:2:0:0:a-digest", source="callback"))
        await self.keep(units, message)
        clock.advance(AGE + 1)
        async with units() as unit:
            pruned = await unit.pruning.contents(MessageStatus.SENT, older_than_ms=AGE, limit=9)
            await unit.commit()
        assert pruned.deleted == 1
        (note,) = await reader.timeline(None, message.id)
        assert (note.kind, note.event_key) == ("ECHO", None)

    async def test_texts_of_callbacks_go_before_their_rows_and_nothing_opens_these_again(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        items = [an_item() for _ in range(4)]
        waits_for = ProviderMessageId("4711")
        async with units() as unit:
            await unit.inbox.store(PROVIDER, items, clock.now())
            pending = await unit.inbox.pending(10)
            await unit.inbox.decide(
                [InboxVerdict(entry.id, InboxState.ORPHAN, provider_message_id=waits_for) for entry in pending[:3]]
            )
            await unit.commit()
        steps = []
        for wait_ms in (AGE, 1):
            clock.advance(wait_ms)
            async with units() as unit:
                steps += [await unit.pruning.texts(InboxState.ORPHAN, older_than_ms=AGE, limit=2)]
                after = steps[-1].after or START
                steps += [await unit.pruning.texts(InboxState.ORPHAN, older_than_ms=AGE, limit=2, after=after)]
                await unit.commit()
        assert [step.deleted for step in steps] == [0, 0, 2, 1]
        assert [step.after is None for step in steps] == [False, True, False, True]
        async with units() as unit:
            assert (await unit.pruning.texts(InboxState.ORPHAN, older_than_ms=AGE, limit=9)).deleted == 0
            assert await unit.inbox.reopen([(PROVIDER, GUID, waits_for)], [(PROVIDER, GUID)], since=0) == 0
            replay = ReplaySelection((InboxState.ORPHAN,), 0)
            assert (await unit.inbox.replay(replay, limit=9, before=None)).entries == 0
            assert await unit.inbox.store(PROVIDER, items, clock.now()) == 0  # known still
            await unit.commit()
        views = await reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        assert [(view.state, view.raw) for view in views] == [("PENDING", "{}"), *[("ORPHAN", "")] * 3]

    async def prune_choices(self, units: UnitOfWorkFactory, *, limit: int = 10) -> Pruned:
        async with units() as unit:
            pruned = await unit.pruning.choices(older_than_ms=AGE, limit=limit)
            await unit.commit()
        return pruned

    async def choose(self, units: UnitOfWorkFactory, now: int, *choices: PoolChoice) -> Sequence[AccountId]:
        """Who has the conversations afterwards."""
        async with units() as unit:
            stored = await unit.accounts.choose(choices, now=now)
            await unit.commit()
        return stored

    async def test_a_conversation_of_a_pool_keeps_its_account_while_a_message_of_both_is_stored(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = a_message(status=MessageStatus.SENT)
        used = PoolChoice(DEFAULT_TENANT, "sales", message.conversation_id, message.account_id)
        elsewhere = used._replace(pool="support", account_id=AccountId("other"))  # has no message of this conversation
        unused = used._replace(conversation_id="R:2")
        await self.keep(units, message)
        await self.choose(units, clock.now(), used, elsewhere, unused)
        clock.advance(AGE)
        assert await self.prune_choices(units) == Pruned(0, None)
        clock.advance(1)
        assert await self.prune_choices(units) == Pruned(2, None)
        later = [choice._replace(account_id=AccountId("late")) for choice in (used, elsewhere, unused)]
        assert await self.choose(units, clock.now(), *later) == [message.account_id, "late", "late"]

    async def test_choices_are_looked_at_step_by_step_and_once(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = a_message(status=MessageStatus.SENT)
        await self.keep(units, message)
        used = [PoolChoice(DEFAULT_TENANT, f"p{n}", message.conversation_id, message.account_id) for n in range(3)]
        await self.choose(units, clock.now(), *used)
        clock.advance(1)
        await self.choose(units, clock.now(), *(choice._replace(conversation_id="R:2") for choice in used))
        clock.advance(AGE + 1)
        steps = [await self.prune_choices(units, limit=2) for _ in range(4)]
        assert [step.deleted for step in steps] == [0, 1, 2, 0]
        assert [step.after is None for step in steps] == [False, False, False, True]

    async def test_a_choice_that_was_replaced_is_a_new_one(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        choice = PoolChoice(DEFAULT_TENANT, "sales", "R:1", AccountId("a"))
        await self.choose(units, clock.now(), choice)
        clock.advance(AGE)
        await self.choose(units, clock.now(), choice._replace(account_id=AccountId("b"), instead_of=AccountId("a")))
        clock.advance(1)
        assert await self.prune_choices(units) == Pruned(0, None)

    async def test_keys_go_step_by_step_past_those_that_stay(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        busy = [a_message(status=MessageStatus.UNKNOWN) for _ in range(3)]
        await self.keep(units, *busy)
        for message in busy:
            await self.claim(units, message.id)
            clock.advance(1)
        for number in range(3):
            await self.claim(units, f"gone-{number}")
            clock.advance(1)
        clock.advance(AGE)
        pruned, steps = 0, 0
        after: str | None = START
        while after is not None:
            step = await self.prune_keys(units, limit=2, after=after)
            pruned, after, steps = pruned + step.deleted, step.after, steps + 1
            assert steps < 20
        assert pruned == 3
        assert not any([await self.fresh(units, message.id) for message in busy])

    async def test_keys_of_one_millisecond_go_in_steps_too(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        await self.claim(units, *(f"gone-{number}" for number in range(5)))
        clock.advance(AGE + 1)
        first = await self.prune_keys(units, limit=2)
        second = await self.prune_keys(units, limit=2, after=first.after or START)
        third = await self.prune_keys(units, limit=2, after=second.after or START)
        assert [step.deleted for step in (first, second, third)] == [2, 2, 1]
        assert third.after is None

    async def store(self, units: UnitOfWorkFactory, state: InboxState, at: int) -> int:
        async with units() as unit:
            await unit.inbox.store(PROVIDER, [an_item()], at)
            entry = (await unit.inbox.pending(10))[-1]
            await unit.inbox.decide([InboxVerdict(entry.id, state)])
            await unit.commit()
        return entry.id

    async def test_callbacks_of_a_state_go_once_they_are_old(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        old = [await self.store(units, InboxState.APPLIED, NOW - AGE - 1) for _ in range(3)]
        kept = [
            await self.store(units, InboxState.ORPHAN, NOW - AGE - 1),
            await self.store(units, InboxState.APPLIED, NOW - AGE),
        ]
        deleted: list[int] = []
        after: str | None = START
        while after is not None:
            async with units() as unit:
                step = await unit.pruning.callbacks(InboxState.APPLIED, older_than_ms=AGE, limit=2, after=after)
                await unit.commit()
            deleted.append(step.deleted)
            after = step.after
        assert sum(deleted) == len(old)
        assert max(deleted) == 2
        views = await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert sorted(view.id for view in views) == kept

    async def test_callbacks_that_came_again_keep_no_others(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        repeated = [await self.store(units, InboxState.ORPHAN, NOW - AGE) for _ in range(5)]
        old = await self.store(units, InboxState.ORPHAN, NOW - AGE - 1)
        after: str | None = START
        while after is not None:
            async with units() as unit:
                step = await unit.pruning.callbacks(InboxState.ORPHAN, older_than_ms=AGE, limit=2, after=after)
                await unit.commit()
            after = step.after
        views = await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert sorted(view.id for view in views) == repeated
        assert old not in repeated

    async def test_texts_of_callbacks_that_came_again_keep_no_others(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        for received_at in (*[NOW - AGE] * 5, NOW - AGE - 1):
            await self.store(units, InboxState.ORPHAN, received_at)
        after: str | None = START
        erased = 0
        while after is not None:
            async with units() as unit:
                step = await unit.pruning.texts(InboxState.ORPHAN, older_than_ms=AGE, limit=2, after=after)
                await unit.commit()
            after, erased = step.after, erased + step.deleted
        assert erased == 1

    async def test_callbacks_go_once_there_are_too_many_after_them(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        stored = [await self.store(units, InboxState.APPLIED, NOW) for _ in range(4)]
        last = await self.store(units, InboxState.ORPHAN, NOW)
        async with units() as unit:
            beyond = last - stored[1]
            step = await unit.pruning.callbacks(InboxState.APPLIED, older_than_ms=AGE, limit=9, beyond=beyond)
            await unit.commit()
        assert (step.deleted, step.after) == (2, None)
        views = await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert sorted(view.id for view in views) == [*stored[2:], last]

    async def test_messages_go_with_all_their_rows(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        batch = NewBatch(a_batch_id(), DEFAULT_TENANT, "FANOUT", 1, NOW)
        message = a_message(batch_id=batch.id, index=0)
        message.make_due(now=NOW)
        await self.keep(units, message, batch=batch)
        async with units() as unit:
            (loaded,) = (await unit.messages.get([message.id])).values()
            begin_call(loaded)
            settle(loaded, an_outcome(OutcomeClass.ACCEPTED))
            await unit.messages.save([loaded])
            await unit.commit()
        clock.advance(AGE)
        assert await self.prune_messages(units) == 0
        clock.advance(1)
        assert await self.prune_messages(units) == 1
        assert await reader.messages(DEFAULT_TENANT, [message.id]) == {}
        assert await reader.batch(DEFAULT_TENANT, batch.id) is None
        assert list(await reader.timeline(None, message.id)) == []
        await self.keep(units, a_message(id=message.id))  # nothing of it is left, not even an attempt
        assert (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id].message.attempts == []

    async def prune_messages(self, units: UnitOfWorkFactory, limit: int = 10) -> int:
        async with units() as unit:
            pruned = await unit.pruning.messages(MessageStatus.SENT, older_than_ms=AGE, limit=limit)
            await unit.commit()
        return pruned.deleted

    async def test_messages_of_a_batch_that_does_not_rest_stay(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        batch_id, other = a_batch_id(), a_batch_id()
        sent = [
            a_message(status=MessageStatus.SENT, batch_id=batch_id, index=0),
            a_message(status=MessageStatus.SENT, batch_id=other, index=0),
            a_message(status=MessageStatus.SENT, updated_at=NOW + AGE),
            a_message(status=MessageStatus.FAILED),
        ]
        await self.keep(units, *sent, a_message(status=MessageStatus.UNKNOWN, batch_id=batch_id, index=1))
        clock.advance(AGE + 1)
        assert await self.prune_messages(units) == 1
        stored = await reader.messages(DEFAULT_TENANT, [message.id for message in sent])
        assert [message.id in stored for message in sent] == [True, False, True, True]

    async def test_messages_go_oldest_first_step_by_step(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        await self.keep(units, *(a_message(id=a_message_id(), status=MessageStatus.SENT) for _ in range(5)))
        clock.advance(AGE + 1)
        deleted = []
        after: str | None = START
        while after is not None:
            async with units() as unit:
                step = await unit.pruning.messages(MessageStatus.SENT, older_than_ms=AGE, limit=2, after=after)
                await unit.commit()
            deleted.append(step.deleted)
            after = step.after
        assert deleted == [2, 2, 1]

    async def erase(self, units: UnitOfWorkFactory, *, limit: int = 10, after: str = START) -> Pruned:
        async with units() as unit:
            erased = await unit.pruning.contents(MessageStatus.SENT, older_than_ms=AGE, limit=limit, after=after)
            await unit.commit()
        return erased

    async def test_contents_go_and_what_became_of_the_message_stays(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        message = a_message()
        message.make_due(now=NOW)
        await self.keep(units, message)
        async with units() as unit:
            (loaded,) = (await unit.messages.get([message.id])).values()
            begin_call(loaded, content_key="k" * 64)
            receipt = a_receipt("1000001", sender_id="7", content="aGVsbG8=")
            settle(loaded, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
            await unit.messages.save([loaded])
            await unit.commit()
        before = (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id].message
        clock.advance(AGE)
        assert await self.erase(units) == Pruned(0, None)
        clock.advance(1)
        assert await self.erase(units) == Pruned(1, None)
        after = (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id].message
        erase_content(before)
        assert after == before
        assert after.is_erased
        assert await reader.timeline(None, message.id) is not None
        assert await self.erase(units) == Pruned(0, None)  # nothing is erased twice
        async with units() as unit:
            assert (await unit.messages.get([message.id]))[message.id].is_erased
            assert await unit.messages.accepted_sender(PROVIDER, GUID) == "7"

    async def test_contents_stay_while_a_batch_does_not_rest_or_the_message_has_just_changed(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        busy = a_batch_id()
        kept = [
            a_message(status=MessageStatus.SENT, batch_id=busy, index=0),
            a_message(status=MessageStatus.UNKNOWN, batch_id=busy, index=1),
            a_message(status=MessageStatus.SENT, updated_at=NOW + AGE),
            a_message(status=MessageStatus.HELD),
        ]
        await self.keep(units, *kept, a_message(status=MessageStatus.SENT))
        clock.advance(AGE + 1)
        assert (await self.erase(units)).deleted == 1
        views = await reader.messages(DEFAULT_TENANT, [message.id for message in kept])
        assert not [view for view in views.values() if view.message.is_erased]

    async def test_contents_go_oldest_first_step_by_step(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        await self.keep(units, *(a_message(id=a_message_id(), status=MessageStatus.SENT) for _ in range(5)))
        clock.advance(AGE + 1)
        erased = []
        after: str | None = START
        while after is not None:
            step = await self.erase(units, limit=2, after=after)
            erased.append(step.deleted)
            after = step.after
        assert erased == [2, 2, 1]
