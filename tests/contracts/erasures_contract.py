"""What every adapter of erasures does. Subclasses provide `units`, `erasures`, `reader`, `clock`."""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import pytest
from tests.contracts.dead_letters_contract import a_letter
from tests.support.builders.messages import (
    DAY_MS,
    GUID,
    NOW,
    PROVIDER,
    a_batch_id,
    a_due_message,
    a_receipt,
    an_item,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.builders.webhooks import a_delivery

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.conversation import ERASED_CONVERSATION
from wework_message.domain.erasure import PARTS, ErasedRows, Erasure, ErasureState, Part, Subject
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, ErasureId, Guid, ProviderCode, TenantId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.erasures import ErasureReader
from wework_message.domain.ports.maintenance import Pruned
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.repositories import IdempotencyKey, InboxVerdict, NewBatch, UnitOfWorkFactory
from wework_message.domain.stream import LOOKED_BACK_MS

PERSON: Final = "S:7881300000000001"
SESSION: Final = f"{PERSON};asid-1"
LONGER: Final = f"{PERSON}0"
"""Another person, whose id begins with that of the first."""
LAST: Final = ErasureId("ffffffff")
"""Asked for behind every message."""


def an_erasure(erasure_id: str = LAST, **changes: Any) -> Erasure:
    fields: dict[str, Any] = {
        "id": ErasureId(erasure_id), "tenant_id": DEFAULT_TENANT, "subject": Subject(PERSON), "dry_run": False,
        "note": None, "created_at": NOW, "next_at": NOW,
    }  # fmt: skip
    return Erasure(**fields | changes)


def a_sent_message(conversation_id: str = PERSON, **changes: Any) -> Message:
    message = a_due_message(conversation_id=conversation_id, **changes)
    begin_call(message, content_key="key-of-hello")
    settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(content="aGVsbG8=")))
    return message


def a_key(target: str) -> IdempotencyKey:
    return IdempotencyKey(DEFAULT_TENANT, f"key-{target}", b"f" * 32, target)


class ErasuresContract:
    async def keep(self, units: UnitOfWorkFactory, *messages: Message, batches: Iterable[NewBatch] = ()) -> None:
        async with units() as unit:
            await unit.messages.add(messages, list(batches))
            await unit.commit()

    async def erase(self, units: UnitOfWorkFactory, part: Part, *, limit: int = 10, **changes: Any) -> list[ErasedRows]:
        """All steps of a part."""
        now = changes.pop("now", NOW)
        erasure, steps = an_erasure(**changes), []
        erasure.part = part
        while erasure.part is part and not erasure.done:
            async with units() as unit:
                steps.append(await unit.erasures.erase(erasure.step(now=now), limit=limit))
                await unit.commit()
            if steps[-1].after is None:
                break
            erasure.position = steps[-1].after
        return steps

    async def total(self, units: UnitOfWorkFactory, part: Part, **changes: Any) -> tuple[int, int]:
        """How many rows of a part were erased, and how many were left."""
        steps = await self.erase(units, part, **changes)
        return sum(step.erased for step in steps), sum(step.left for step in steps)

    async def test_a_stored_erasure_is_read_as_it_was(self, units: UnitOfWorkFactory, erasures: ErasureReader) -> None:
        first, second = an_erasure("e-1", note="ticket 4711"), an_erasure("e-2", dry_run=True, next_at=NOW - 1)
        async with units() as unit:
            await unit.erasures.add(first)
            await unit.erasures.add(second)
            await unit.commit()
        assert await erasures.erasure(DEFAULT_TENANT, first.id) == first
        assert await erasures.erasure(TenantId("other"), first.id) is None
        assert await erasures.erasure(DEFAULT_TENANT, ErasureId("e-3")) is None
        assert await erasures.erasures(DEFAULT_TENANT, limit=9, before=None) == [second, first]
        assert await erasures.erasures(DEFAULT_TENANT, limit=1, before=second.id) == [first]
        assert await erasures.erasures(TenantId("other"), limit=9, before=None) == []
        assert await erasures.next() == second  # due first

    async def test_an_erasure_that_is_done_has_forgotten_whom_it_was_about(
        self, units: UnitOfWorkFactory, erasures: ErasureReader
    ) -> None:
        async with units() as unit:
            await unit.erasures.add(an_erasure())
            await unit.commit()
        erasure: Erasure | None = None
        for part in PARTS:
            async with units() as unit:
                erasure = await unit.erasures.get(LAST)
                assert erasure is not None
                assert erasure.part is part
                erasure.advance(ErasedRows(2, 0, f"{PERSON} m-1"), now=NOW + 1)
                erasure.advance(ErasedRows(1, 0, None), now=NOW + 2)
                await unit.erasures.save(erasure)
                await unit.commit()
        done = await erasures.erasure(DEFAULT_TENANT, LAST)
        assert done is not None
        assert done == erasure
        assert done.state is ErasureState.DONE
        assert (done.subject, done.position, done.finished_at) == (None, "", NOW + 2)
        assert done.erased == Counter(dict.fromkeys(PARTS, 3))
        assert await erasures.next() is None
        async with units() as unit:
            assert await unit.erasures.get(ErasureId("none")) is None

    async def test_messages_of_the_person_say_neither_what_was_sent_nor_to_whom(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message = a_sent_message(extra={"what": "hello"})
        message.notes.append(Note(FactKind.ECHO, NOW, attempt=1, event_key="a-hash", source="callback"))
        await self.keep(units, message)
        assert await self.total(units, Part.MESSAGES) == (1, 0)
        async with units() as unit:
            (stored,) = (await unit.messages.get([message.id])).values()
            assert stored.conversation_id == ERASED_CONVERSATION
            assert stored.is_erased
            assert stored.options.extra is None
            assert stored.status is MessageStatus.SENT
            (attempt,) = stored.attempts
            assert attempt.content_key is None
            assert attempt.outcome is not None
            assert attempt.outcome.receipt is not None
            assert attempt.outcome.receipt.details == {}
            assert attempt.provider_message_id == message.attempts.numbered(1).provider_message_id
        (note,) = await reader.timeline(None, message.id)
        assert (note.kind, note.event_key) == (FactKind.ECHO, None)
        assert await self.total(units, Part.MESSAGES) == (0, 0)

    async def test_what_came_back_since_the_content_expired_goes_too(self, units: UnitOfWorkFactory) -> None:
        """As an answer did that was late in a version before."""
        message = a_sent_message()
        message.content = None
        await self.keep(units, message)
        assert await self.total(units, Part.MESSAGES) == (1, 0)
        async with units() as unit:
            (stored,) = (await unit.messages.get([message.id])).values()
        outcome = stored.attempts.numbered(1).outcome
        assert outcome is not None
        assert outcome.receipt is not None
        assert outcome.receipt.details == {}

    async def test_sessions_of_the_person_go_and_others_stay(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        own = [a_sent_message(conversation) for conversation in (PERSON, SESSION, f"{PERSON};asid-2", SESSION)]
        others = [a_sent_message(conversation) for conversation in (LONGER, "R:7881300000000001", f"{LONGER};asid-1")]
        await self.keep(units, *own, *others)
        for dry_run in (True, False):
            steps = await self.erase(units, Part.MESSAGES, limit=2, dry_run=dry_run)
            assert sum(step.erased for step in steps) == 4
            assert all(step.erased <= 2 for step in steps)
        views = await reader.messages(DEFAULT_TENANT, [message.id for message in (*own, *others)])
        erased = [views[message.id].message.conversation_id for message in own]
        assert erased == [ERASED_CONVERSATION] * 4
        assert [views[message.id].message.conversation_id for message in others] == [
            message.conversation_id for message in others
        ]

    async def test_a_dry_run_changes_nothing(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        message = a_sent_message()
        await self.keep(units, message)
        assert await self.total(units, Part.MESSAGES, dry_run=True) == (1, 0)
        view = (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id]
        assert view.message.conversation_id == PERSON
        assert not view.message.is_erased

    async def test_what_does_not_rest_is_left_and_so_is_what_came_later(self, units: UnitOfWorkFactory) -> None:
        waiting, recalled, later = a_due_message(conversation_id=PERSON), a_sent_message(SESSION), a_sent_message()
        recalled.attempts.numbered(1).provider_message_id = None
        recalled.recall.wait()
        await self.keep(units, waiting, recalled, later)
        assert await self.total(units, Part.MESSAGES, erasure_id=str(later.id)) == (0, 2)
        assert await self.total(units, Part.MESSAGES) == (1, 2)

    async def test_messages_of_another_tenant_stay(self, units: UnitOfWorkFactory) -> None:
        await self.keep(units, a_sent_message())
        assert await self.total(units, Part.MESSAGES, tenant_id=TenantId("other")) == (0, 0)

    async def test_keys_of_erased_messages_know_no_content_and_still_belong_to_them(
        self, units: UnitOfWorkFactory
    ) -> None:
        batch_id, group_id = a_batch_id(), a_batch_id()
        alone, other = a_sent_message(), a_sent_message(LONGER)
        in_batch = a_sent_message(batch_id=batch_id, index=0)
        in_group = a_sent_message(group_id=group_id, index=0)
        batch = NewBatch(batch_id, DEFAULT_TENANT, "FANOUT", 1, NOW)
        await self.keep(units, alone, other, in_batch, in_group, batches=[batch])
        keys = [a_key(target) for target in (alone.id, batch_id, group_id, other.id)]
        async with units() as unit:
            await unit.messages.claim_keys(keys)
            await unit.commit()
        assert await self.total(units, Part.KEYS) == (0, 0)
        await self.erase(units, Part.MESSAGES)
        assert await self.total(units, Part.KEYS, dry_run=True) == (0, 0)
        assert await self.total(units, Part.KEYS, limit=2) == (3, 0)
        assert await self.total(units, Part.KEYS) == (0, 0)
        async with units() as unit:
            again = [dataclasses.replace(key, target="another") for key in keys]
            owners = await unit.messages.claim_keys(again)
        assert [owner.target for owner in owners] == [key.target for key in keys]
        assert not any(owner.fresh for owner in owners)
        assert [owner.fingerprint for owner in owners] == [b"", b"", b"", keys[-1].fingerprint]
        assert all(owner.repeats(key) for owner, key in zip(owners, keys, strict=True))

    async def decide(self, units: UnitOfWorkFactory, *states: InboxState) -> None:
        async with units() as unit:
            pending = await unit.inbox.pending(len(states))
            verdicts = [InboxVerdict(entry.id, state) for entry, state in zip(pending, states, strict=True)]
            await unit.inbox.decide(verdicts)
            await unit.commit()

    async def test_callbacks_that_name_the_person_go_once_they_are_applied(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        texts = ['{"sender": "7881300000000001"}', '{"to":7881300000000001}', '{"sender":"78813000000000010"}', "{}"]
        items = [an_item(raw=raw) for raw in texts]
        async with units() as unit:
            await unit.inbox.store(PROVIDER, items, NOW)
            await unit.commit()
        assert await self.total(units, Part.CALLBACKS) == (0, 2)
        assert await self.total(units, Part.CALLBACKS, created_at=NOW - 1) == (0, 0)
        await self.decide(units, InboxState.APPLIED, InboxState.PARKED, InboxState.ORPHAN, InboxState.QUARANTINED)
        assert await self.total(units, Part.CALLBACKS, dry_run=True, limit=1) == (2, 0)
        assert await self.total(units, Part.CALLBACKS, limit=2) == (2, 0)
        left = await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert {view.raw for view in left} == set(texts[2:])

    @pytest.mark.parametrize("outcome", [None, OutcomeClass.UNCERTAIN], ids=str)
    async def test_callbacks_that_may_be_evidence_about_any_message_of_their_instance_stay(
        self, units: UnitOfWorkFactory, clock: SettableClock, outcome: OutcomeClass | None
    ) -> None:
        began_at = clock.now()
        message = a_due_message(conversation_id="S:9000001")
        begin_call(message, now=began_at)
        if outcome is not None:
            settle(message, an_outcome(outcome), now=began_at)
        await self.keep(units, message)
        text = '{"sender": "7881300000000001"}'
        before, behind = began_at - LOOKED_BACK_MS - 1, began_at - LOOKED_BACK_MS
        async with units() as unit:
            await unit.inbox.store(PROVIDER, [an_item(raw=text)], before)
            await unit.inbox.store(PROVIDER, [an_item(raw=text) for _ in range(4)], behind)
            await unit.inbox.store(PROVIDER, [an_item(raw=text, guid=Guid("another"))], behind)
            await unit.inbox.store(ProviderCode("another"), [an_item(raw=text)], behind)
            await unit.commit()
        await self.decide(
            units, InboxState.PARKED,
            InboxState.PARKED, InboxState.ORPHAN, InboxState.QUARANTINED, InboxState.APPLIED,
            InboxState.PARKED, InboxState.PARKED,
        )  # fmt: skip
        for dry_run in (True, False):
            assert await self.total(units, Part.CALLBACKS, created_at=behind, dry_run=dry_run) == (4, 3)
        assert await self.total(units, Part.CALLBACKS, created_at=behind - 1) == (0, 0)
        clock.advance(DAY_MS + 1)
        assert await self.total(units, Part.CALLBACKS, now=clock.now()) == (3, 0)

    async def test_events_for_clients_go_whatever_became_of_them(self, units: UnitOfWorkFactory) -> None:
        named = '{"data":{"conversationId":"S:7881300000000001"}}'
        deliveries = [
            a_delivery(f"e-{place}", endpoint, body=body)
            for endpoint in ("w-1", "w-2")
            for place, body in enumerate((named, "{}", named))
        ]
        async with units() as unit:
            await unit.webhooks.record(deliveries)
            await unit.commit()
        assert await self.total(units, Part.EVENTS, dry_run=True, limit=1) == (4, 0)
        assert await self.total(units, Part.EVENTS, limit=2) == (4, 0)
        assert await self.total(units, Part.EVENTS) == (0, 0)

    async def test_dead_letters_that_name_the_person_go(self, units: UnitOfWorkFactory) -> None:
        bodies = [b'{"conversationId":"S:7881300000000001"}', b"\xff7881300000000001", b'{"content":"hello"}']
        async with units() as unit:
            await unit.dead_letters.keep([a_letter(str(place), body=body) for place, body in enumerate(bodies)])
            await unit.commit()
        assert await self.total(units, Part.DEAD_LETTERS, dry_run=True) == (2, 0)
        assert await self.total(units, Part.DEAD_LETTERS, limit=1) == (2, 0)
        assert await self.total(units, Part.DEAD_LETTERS) == (0, 0)

    async def test_pools_forget_who_has_the_conversations_of_the_person(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        conversations = (PERSON, SESSION, f"{PERSON};asid-2", f"{PERSON};asid-3", LONGER)
        choices = [
            PoolChoice(DEFAULT_TENANT, pool, conversation, AccountId("a"))
            for pool in ("sales", "support")
            for conversation in conversations
        ]
        async with units() as unit:
            await unit.accounts.choose(choices, now=clock.now())
            await unit.commit()
        assert await self.total(units, Part.POOL_CHOICES, tenant_id=TenantId("other")) == (0, 0)
        assert await self.total(units, Part.POOL_CHOICES, dry_run=True, limit=2) == (8, 0)
        assert await self.total(units, Part.POOL_CHOICES, limit=2) == (8, 0)
        assert await self.total(units, Part.POOL_CHOICES) == (0, 0)

    @pytest.mark.parametrize("part", PARTS)
    async def test_nothing_is_erased_where_nothing_is_stored(self, units: UnitOfWorkFactory, part: Part) -> None:
        assert await self.erase(units, part) == [ErasedRows(0, 0, None)]

    async def test_a_step_that_is_not_committed_did_not_happen(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message = a_sent_message()
        await self.keep(units, message)
        async with units() as unit:
            assert (await unit.erasures.erase(an_erasure().step(now=NOW), limit=10)).erased == 1
        view = (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id]
        assert view.message.conversation_id == PERSON

    async def test_erasures_that_were_done_long_ago_are_deleted(
        self, units: UnitOfWorkFactory, erasures: ErasureReader, clock: SettableClock
    ) -> None:
        done = [an_erasure(f"e-{number}", subject=None, state=ErasureState.DONE) for number in range(3)]
        for erasure in done:
            erasure.finished_at = clock.now()
        async with units() as unit:
            for erasure in (*done, an_erasure()):
                await unit.erasures.add(erasure)
            await unit.commit()
        pruned = []
        for wait_ms in (10, 1):
            clock.advance(wait_ms)
            async with units() as unit:
                pruned += [await unit.pruning.erasures(older_than_ms=10, limit=2)]
                pruned += [await unit.pruning.erasures(older_than_ms=10, limit=2, after=pruned[-1].after or "")]
                await unit.commit()
        assert pruned == [Pruned(0, None), Pruned(0, None), Pruned(2, "e-1"), Pruned(1, None)]
        (left,) = await erasures.erasures(DEFAULT_TENANT, limit=9, before=None)
        assert left.id == LAST
