"""What every MassRepository and MassReader do. Subclasses provide `units`, `other_units`, `reader`, `mass_reader` and `clock`."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Final

import pytest
from tests.contracts.erasures_contract import PERSON, an_erasure
from tests.support.builders.messages import (
    GUID,
    HORIZON_MS,
    LEASE_MS,
    NOW,
    PROVIDER,
    a_batch_id,
    a_mass_message,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.account import implicit_account_id
from wework_message.domain.content import LinkContent
from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BatchId, MessageId, ProviderMessageId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.mass.chunks import MassChunk, cut
from wework_message.domain.mass.confirmation import CONFIRM_WITHIN_MS, Confirmation, digest_of
from wework_message.domain.mass.day import day_of
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.echo_keys import echo_key
from wework_message.domain.message.message import Message
from wework_message.domain.message.on_unknown import apply_policy
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.ports.maintenance import Pruned
from wework_message.domain.ports.mass import DueChunk, MassReader, MassTask
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.repositories import NewBatch, UnitOfWorkFactory
from wework_message.domain.retry import GiveUp, RetryAt

ACCOUNT: Final = implicit_account_id(GUID)
DAY: Final = "2026-11-30"
LOST: Final = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)
UNSENT: Final = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)


async def accepted(units: UnitOfWorkFactory, messages: Sequence[Message]) -> Sequence[MassChunk]:
    """A mass send to these, as the acceptance stores it."""
    chunks = cut(messages)
    batch_id = messages[0].batch_id or BatchId("")
    async with units() as unit:
        await unit.mass.add(chunks)
        await unit.messages.add(messages, [NewBatch(batch_id, DEFAULT_TENANT, "MASS_SEND", len(messages), NOW)])
        await unit.commit()
    for message in messages:
        message.written()
    return chunks


async def due(units: UnitOfWorkFactory, limit: int = 10) -> Sequence[DueChunk]:
    """What is due, claimed and committed."""
    async with units() as unit:
        chunks = await unit.mass.due(limit)
        await unit.commit()
    return chunks


def a_mass_send(size: int, **changes: object) -> list[Message]:
    batch_id = a_batch_id()
    return [a_mass_message(batch_id, index, **changes) for index in range(size)]


class MassContract:
    async def changed(self, units: UnitOfWorkFactory, message: Message) -> None:
        async with units() as unit:
            assert not await unit.messages.save([message])
            await unit.commit()
        message.written()

    async def test_a_chunk_is_due_once_with_the_messages_that_wait(
        self, units: UnitOfWorkFactory, mass_reader: MassReader, reader: MessageReader
    ) -> None:
        assert not await mass_reader.chunk_due()
        messages = a_mass_send(3)
        (chunk,) = await accepted(units, messages)
        messages[1].cancel(now=NOW)
        await self.changed(units, messages[1])
        assert await mass_reader.chunk_due()
        (claimed,) = await due(units)
        assert claimed == DueChunk(chunk, [messages[0].id, messages[2].id], None)
        assert await due(units) == []
        assert not await mass_reader.chunk_due()
        async with units() as unit:
            assert await unit.messages.due(10) == []  # none is due for itself
        batch = await reader.batch(DEFAULT_TENANT, chunk.batch_id)
        assert batch is not None
        assert batch.by_status == {MessageStatus.QUEUED: 2, MessageStatus.CANCELLED: 1}

    async def test_chunks_of_one_batch_that_overlap_have_their_own_messages(self, units: UnitOfWorkFactory) -> None:
        batch_id = a_batch_id()
        messages = [a_mass_message(batch_id, index, account_id=AccountId(f"account-{index % 2}")) for index in range(4)]
        chunks = await accepted(units, messages)
        assert [
            (item.chunk, item.message_ids) for item in sorted(await due(units), key=lambda item: item.chunk.number)
        ] == [
            (chunks[0], [messages[0].id, messages[2].id]),
            (chunks[1], [messages[1].id, messages[3].id]),
        ]

    async def test_an_uncommitted_claim_never_happened(self, units: UnitOfWorkFactory) -> None:
        await accepted(units, a_mass_send(1))
        async with units() as unit:
            assert len(await unit.mass.due(10)) == 1
        assert len(await due(units, 0)) == 0
        assert len(await due(units)) == 1

    async def test_of_two_processes_one_has_it(self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory) -> None:
        await accepted(units, a_mass_send(2))
        both = await asyncio.gather(due(units), due(other_units))
        assert sorted(len(chunks) for chunks in both) == [0, 1]

    async def test_a_message_that_waits_again_makes_its_chunk_due(
        self, units: UnitOfWorkFactory, clock: SettableClock, reader: MessageReader
    ) -> None:
        held, called = a_mass_send(2)
        (chunk,) = await accepted(units, [held, called])
        await due(units)
        held.hold(HoldReason.QUIET_HOURS, 60_000, now=NOW)
        await self.changed(units, held)
        begin_call(called)
        await self.changed(units, called)
        assert not called.attempts[0].lane_open
        assert await due(units) == []
        settle(called, UNSENT, verdict=RetryAt(1_000))
        await self.changed(units, called)
        clock.advance(1_000)
        (again,) = await due(units)
        assert again.chunk == chunk
        assert set(again.message_ids) == {held.id, called.id}
        clock.advance(60_000)
        assert await due(units) == []  # the earlier of both was the chunk's
        view = (await reader.messages(DEFAULT_TENANT, [called.id]))[called.id]
        assert view.message.status is MessageStatus.RETRY_WAIT

    async def test_a_call_has_a_due_time_of_its_own_and_so_has_what_is_uncertain(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        (message,) = a_mass_send(1, on_unknown=OnUnknown.RESEND, duplicate_safe=True)
        await accepted(units, [message])
        await due(units)
        begin_call(message)
        await self.changed(units, message)
        clock.advance(LEASE_MS)
        async with units() as unit:
            (item,) = await unit.messages.due(10)
            assert (item.message.id, item.blocked) == (message.id, None)
            settle(item.message, LOST)
            await unit.messages.save([item.message])
            await unit.commit()
        clock.advance(2 * HORIZON_MS)
        async with units() as unit:
            (item,) = await unit.messages.due(10)
            apply_policy(item.message, horizon_ms=HORIZON_MS, fail_after_ms=1, now=clock.now())
            await unit.messages.save([item.message])
            await unit.commit()
        assert item.message.status is MessageStatus.UNKNOWN
        item.message.written()
        item.message.replay(force=True, by="a person", now=clock.now())
        await self.changed(units, item.message)
        async with units() as unit:
            assert await unit.messages.due(10) == []
        (again,) = await due(units)
        assert again.message_ids == [message.id]

    async def test_later_is_no_later_than_it_was_and_keeps_a_place(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        (chunk,) = await accepted(units, a_mass_send(1))
        await due(units)
        async with units() as unit:
            await unit.mass.later(chunk, 5_000, paced_for=PROVIDER)
            await unit.mass.later(chunk, 9_000)
            await unit.commit()
        clock.advance(4_999)
        assert await due(units) == []
        clock.advance(1)
        (again,) = await due(units)
        assert (again.paced_for, again.place_in_ms) == (PROVIDER, 0)
        async with units() as unit:
            await unit.mass.later(chunk, 0)
            await unit.commit()
        (again,) = await due(units)
        assert again.paced_for is None  # a claim uses it up

    async def test_who_looks_before_its_place_is_told_so(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        (chunk,) = await accepted(units, a_mass_send(1))
        await due(units)
        async with units() as unit:
            await unit.mass.later(chunk, 60_000, paced_for=PROVIDER)
            await unit.mass.later(chunk, 0)
            await unit.commit()
        clock.advance(1)
        (early,) = await due(units)
        assert (early.paced_for, early.place_in_ms) == (PROVIDER, 59_999)

    async def days(self, units: UnitOfWorkFactory, owners: dict[str, MessageId], day: str = DAY) -> frozenset[str]:
        async with units() as unit:
            taken = await unit.mass.take_days(DEFAULT_TENANT, ACCOUNT, day, owners)
            await unit.commit()
        return taken

    async def test_a_day_belongs_to_one_message(self, units: UnitOfWorkFactory) -> None:
        first, second = a_mass_send(2, conversation_id="S:1")
        await accepted(units, [first, second])
        begin_call(first)
        await self.changed(units, first)
        assert await self.days(units, {}) == frozenset()
        assert await self.days(units, {"S:1": first.id, "S:2": first.id}) == frozenset()
        assert await self.days(units, {"S:1": first.id}) == frozenset()
        assert await self.days(units, {"S:1": second.id, "S:3": second.id}) == {"S:1"}
        assert await self.days(units, {"S:1": second.id}, "2026-12-01") == frozenset()
        async with units() as unit:
            assert not await unit.mass.take_days(DEFAULT_TENANT, AccountId("another"), DAY, {"S:1": second.id})
            await unit.commit()

    async def test_a_day_of_which_nothing_was_sent_is_free(self, units: UnitOfWorkFactory) -> None:
        first, second, third = a_mass_send(3, conversation_id="S:1")
        await accepted(units, [first, second, third])
        assert await self.days(units, {"S:1": first.id}) == frozenset()
        assert await self.days(units, {"S:1": second.id}) == frozenset()  # the first one waits
        begin_call(second)
        await self.changed(units, second)
        assert await self.days(units, {"S:1": third.id}) == {"S:1"}
        settle(second, LOST)
        await self.changed(units, second)
        assert await self.days(units, {"S:1": third.id}) == {"S:1"}
        second.replay(force=True, by="a person", now=NOW)
        await self.changed(units, second)
        assert await self.days(units, {"S:1": third.id}) == {"S:1"}  # its first call may have sent it
        assert await self.days(units, {"S:1": second.id}) == frozenset()

    async def test_a_day_of_a_failed_or_cancelled_message_is_free(self, units: UnitOfWorkFactory) -> None:
        failed, cancelled, third = a_mass_send(3, conversation_id="S:1")
        await accepted(units, [failed, cancelled, third])
        failed.fail("NO_BINDING", now=NOW)
        cancelled.cancel(now=NOW)
        for message in (failed, cancelled):
            assert await self.days(units, {"S:1": message.id}) == frozenset()
            await self.changed(units, message)
        assert await self.days(units, {"S:1": third.id}) == frozenset()

    @pytest.mark.parametrize("confirmed", [True, False])
    async def test_a_day_stays_taken_by_a_failed_message_that_may_have_been_sent(
        self, units: UnitOfWorkFactory, confirmed: bool
    ) -> None:
        failed, other = a_mass_send(2, conversation_id="S:1")
        await accepted(units, [failed, other])
        begin_call(failed)
        await self.changed(units, failed)
        assert await self.days(units, {"S:1": failed.id}) == frozenset()
        refusal = an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=confirmed)
        settle(failed, refusal, verdict=GiveUp(FailureReason.REFUSED_PERMANENT))
        await self.changed(units, failed)
        assert await self.days(units, {"S:1": other.id}) == (frozenset() if confirmed else {"S:1"})

    async def test_a_token_is_good_once_for_its_request_and_for_a_while(self, units: UnitOfWorkFactory) -> None:
        digest, fingerprint = digest_of("a token"), b"\x01" * 32
        async with units() as unit:
            await unit.mass.announce(Confirmation(digest, fingerprint, NOW + CONFIRM_WITHIN_MS))
            await unit.commit()

        async def confirmed(token: str, request: bytes, now: int) -> bool:
            async with units() as unit:
                answer = await unit.mass.confirm(digest_of(token), request, now=now)
                await unit.commit()
            return answer

        assert not await confirmed("another", fingerprint, NOW)
        assert not await confirmed("a token", b"\x02" * 32, NOW)
        assert not await confirmed("a token", fingerprint, NOW + CONFIRM_WITHIN_MS)
        async with units() as unit:
            assert await unit.mass.confirm(digest, fingerprint, now=NOW)  # not committed: it is good still
        assert await confirmed("a token", fingerprint, NOW)
        assert not await confirmed("a token", fingerprint, NOW)

    async def test_tokens_that_are_over_are_forgotten(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        old = Confirmation(digest_of("old"), b"\x01" * 32, NOW + 1)
        async with units() as unit:
            await unit.mass.announce(old)
            await unit.commit()
        clock.advance(1)
        async with units() as unit:
            await unit.mass.announce(Confirmation(digest_of("new"), b"\x01" * 32, NOW + 9))
            assert not await unit.mass.confirm(old.digest, old.fingerprint, now=NOW)
            await unit.commit()

    async def test_what_was_accepted_is_offered_to_echoes_until_one_names_it(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        first, second, other = a_mass_send(3, conversation_id="S:1")
        other.conversation_id = "S:2"
        other.content = MassContent(links=(LinkContent(link_title="t", link_url="https://a.example"),))
        await accepted(units, [first, second, other])
        for message in (first, second, other):
            begin_call(message, content_key=echo_key(message.content))
            await self.changed(units, message)

        async def offered(account_id: AccountId = ACCOUNT) -> list[MessageId]:
            async with units() as unit:
                calls = await unit.mass.accepted(PROVIDER, GUID, account_id, ["S:1", "S:2"])
                assert not await unit.mass.accepted(PROVIDER, GUID, account_id, [])
            return [call.message_id for call in calls]

        assert await offered() == []  # their calls are open
        for message in (first, second, other):
            settle(message, AttemptOutcome(OutcomeClass.ACCEPTED))
            assert message.status is MessageStatus.SENT
            await self.changed(units, message)
        assert await offered() == [first.id, second.id]
        assert await offered(AccountId("another")) == []
        note = Note("ECHO", NOW, attempt=1)
        first.learn(
            1, FactKind.ECHO, horizon_ms=HORIZON_MS, now=NOW, note=note, provider_message_id=ProviderMessageId("9")
        )
        assert first.status is MessageStatus.DELIVERED
        await self.changed(units, first)
        assert await offered() == [second.id]
        clock.advance(24 * 3_600_000 + 1)
        assert await offered() == []

    async def test_a_task_is_asked_about_by_one_process_at_its_time(
        self,
        units: UnitOfWorkFactory,
        other_units: UnitOfWorkFactory,
        clock: SettableClock,
        mass_reader: MassReader,
        reader: MessageReader,
    ) -> None:
        messages = a_mass_send(2)
        (chunk,) = await accepted(units, messages)
        task = MassTask(chunk, PROVIDER, GUID, "t" * 128, NOW)
        async with units() as unit:
            assert await unit.mass.recipients(chunk) == [message.id for message in messages]
            await unit.mass.called(task, check_in_ms=1_000)
            await unit.commit()
        view = await reader.batch(DEFAULT_TENANT, chunk.batch_id)
        assert view is not None
        assert [shown.task_id for shown in view.chunks] == ["t" * 128]

        async def checks(factory: UnitOfWorkFactory) -> Sequence[MassTask]:
            async with factory() as unit:
                tasks = await unit.mass.checks(5, again_in_ms=500)
                await unit.commit()
            return tasks

        assert not await mass_reader.check_due()
        assert await checks(units) == []
        clock.advance(1_000)
        assert await mass_reader.check_due()
        both = await asyncio.gather(checks(units), checks(other_units))
        assert sorted(both, key=len) == [[], [task]]
        clock.advance(500)
        async with units() as unit:
            (again,) = await unit.mass.checks(5, again_in_ms=500)
            await unit.mass.checked(again, check_in_ms=500)
            await unit.commit()
        clock.advance(500)
        (once_more,) = await checks(units)
        assert once_more == dataclasses.replace(task, checks=1)
        later = MassTask(chunk, PROVIDER, GUID, "u", NOW + 1)
        async with units() as unit:
            await unit.mass.called(later, check_in_ms=500)
            await unit.mass.checked(once_more, check_in_ms=None)  # it has had another call
            await unit.commit()
        clock.advance(500)
        assert await checks(units) == [later]
        async with units() as unit:
            await unit.mass.checked(later, check_in_ms=None)
            await unit.commit()
        clock.advance(500)
        assert await checks(units) == []
        assert not await mass_reader.check_due()

    async def test_a_wait_is_no_longer_than_it_was_after_a_clock_was_set_back(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        (chunk,) = await accepted(units, a_mass_send(1))
        await due(units)
        async with units() as unit:
            await unit.mass.later(chunk, 60_000, paced_for=PROVIDER)
            await unit.commit()
        clock.advance(-3_600_000)
        async with units() as unit:
            assert await unit.due_times.shorten(10) == 1
            assert await unit.due_times.shorten(10) == 0
            await unit.commit()
        clock.advance(60_000)
        assert [(chunk.paced_for, chunk.place_in_ms) for chunk in await due(units)] == [(PROVIDER, 0)]

    async def test_other_limits_of_the_account_are_a_reason_to_look(self, units: UnitOfWorkFactory) -> None:
        (chunk,) = await accepted(units, a_mass_send(1))
        await due(units)
        async with units() as unit:
            await unit.mass.later(chunk, 60_000, paced_for=PROVIDER)
            assert await unit.due_times.recheck_limited(AccountId("another"), 10) == 0
            assert await unit.due_times.recheck_limited(ACCOUNT, 10) == 1
            await unit.commit()
        (again,) = await due(units)
        assert again.paced_for is None

    async def test_old_days_and_confirmations_are_pruned(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        day_ms = 24 * 3_600_000
        first, second = a_mass_send(2, conversation_id="S:1")
        await accepted(units, [first, second])
        begin_call(first)
        await self.changed(units, first)
        owners = {"S:1": first.id, "S:2": first.id}
        await self.days(units, owners, day_of(NOW, "UTC"))
        async with units() as unit:
            await unit.mass.announce(Confirmation(digest_of("t"), b"\x01" * 32, NOW + 1))
            await unit.commit()
        clock.advance(3 * day_ms)
        async with units() as unit:
            assert await unit.pruning.mass_days(older_than_ms=3 * day_ms, limit=5) == Pruned(0, None)
            await unit.commit()
        assert await self.days(units, {"S:1": second.id}, day_of(NOW, "UTC")) == {"S:1"}
        async with units() as unit:
            assert not await unit.mass.confirm(digest_of("t"), b"\x01" * 32, now=NOW)
        clock.advance(day_ms)
        async with units() as unit:
            step = await unit.pruning.mass_days(older_than_ms=3 * day_ms, limit=1)
            assert (step.deleted, step.after is None) == (1, False)
            assert await unit.pruning.mass_days(older_than_ms=3 * day_ms, limit=5) == Pruned(1, None)
            await unit.commit()
        assert await self.days(units, {"S:1": second.id}, day_of(NOW, "UTC")) == frozenset()

    async def test_chunks_go_with_the_last_message_of_their_batch(
        self, units: UnitOfWorkFactory, clock: SettableClock, mass_reader: MassReader
    ) -> None:
        (message,) = a_mass_send(1)
        await accepted(units, [message])
        message.cancel(now=NOW)
        await self.changed(units, message)
        assert await mass_reader.chunk_due()
        clock.advance(1_000)
        async with units() as unit:
            await unit.pruning.messages(MessageStatus.CANCELLED, older_than_ms=1, limit=5)
            await unit.commit()
        assert not await mass_reader.chunk_due()

    async def test_an_erasure_forgets_whose_day_it_was(self, units: UnitOfWorkFactory) -> None:
        first, second = a_mass_send(2, conversation_id=PERSON)
        await accepted(units, [first, second])
        begin_call(first)
        settle(first, AttemptOutcome(OutcomeClass.ACCEPTED))
        await self.changed(units, first)
        day = {first.conversation_id: first.id}
        await self.days(units, day)
        first.learn(1, FactKind.ECHO, horizon_ms=HORIZON_MS, now=NOW, note=Note("ECHO", NOW, attempt=1))
        await self.changed(units, first)
        erasure = an_erasure()
        async with units() as unit:
            await unit.erasures.erase(erasure.step(now=NOW), limit=10)
            await unit.commit()
        assert await self.days(units, {first.conversation_id: second.id}) == frozenset()
