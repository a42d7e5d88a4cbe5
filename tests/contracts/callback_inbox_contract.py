"""What every CallbackInbox does. Subclasses provide `units` and `reader`."""

import dataclasses
from collections.abc import Sequence

import pytest
from tests.support.builders.messages import (
    BACKUP,
    DAY_MS,
    GUID,
    NOW,
    PROVIDER,
    a_due_message,
    a_message_id,
    a_receipt,
    a_stream_record,
    an_item,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.account import Account
from wework_message.domain.ids import DEFAULT_TENANT, BatchId, BindingId, Guid, ProviderCode, ProviderMessageId
from wework_message.domain.inbox import REPLAYABLE, CallbackSource
from wework_message.domain.mass.chunks import MassChunk
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import FailureReason, OutcomeClass
from wework_message.domain.page import PAGE_BYTES
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.inbox import NEWEST_LOOKED_AT, RecordedInstance, ReplayedEntries, ReplaySelection
from wework_message.domain.ports.queries import CallbackKind, MessageReader
from wework_message.domain.ports.repositories import InboxEntry, InboxState, InboxVerdict, UnitOfWorkFactory
from wework_message.domain.retry import GiveUp

REFUSED = OutcomeClass.REFUSED_PERMANENT
GIVEN_UP = GiveUp(FailureReason.REFUSED_PERMANENT)
WAITED_FOR = ProviderMessageId("4711")


class CallbackInboxContract:
    async def store(
        self, units: UnitOfWorkFactory, *items: CallbackItem, provider: ProviderCode = PROVIDER, at: int = NOW
    ) -> int:
        async with units() as unit:
            new = await unit.inbox.store(provider, items, at)
            await unit.commit()
        return new

    async def pending(self, units: UnitOfWorkFactory, limit: int = 10) -> Sequence[InboxEntry]:
        async with units() as unit:
            return await unit.inbox.pending(limit)

    async def decide(self, units: UnitOfWorkFactory, *verdicts: InboxVerdict) -> None:
        async with units() as unit:
            await unit.inbox.decide(verdicts)
            await unit.commit()

    async def park(self, units: UnitOfWorkFactory, *, at: int = NOW, guid: Guid = GUID) -> int:
        await self.store(units, an_item(guid=guid), at=at)
        entry = (await self.pending(units))[-1]
        await self.decide(units, InboxVerdict(entry.id, InboxState.PARKED, provider_message_id=WAITED_FOR))
        return entry.id

    async def test_an_entry_says_how_it_came(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.inbox.store(PROVIDER, [an_item(raw="sent")], NOW)
            await unit.inbox.store(PROVIDER, [an_item(raw="pulled")], NOW, source=CallbackSource.PULL)
            await unit.commit()
        sources = {"sent": CallbackSource.CALLBACK, "pulled": CallbackSource.PULL}
        async with units() as unit:
            assert {entry.raw: entry.source for entry in await unit.inbox.pending(9)} == sources
            unmatched = await unit.inbox.unmatched(PROVIDER, GUID, since=NOW, limit=9)
            assert {entry.raw: entry.source for entry in unmatched} == sources

    async def test_callbacks_are_pending_in_the_order_they_came(self, units: UnitOfWorkFactory) -> None:
        items = [an_item(raw=f'{{"n":{number}}}', notify_type=11000 + number) for number in range(3)]
        assert await self.store(units, *items) == 3
        entries = await self.pending(units)
        assert [(entry.raw, entry.notify_type, entry.tries) for entry in entries] == [
            (item.raw, item.notify_type, 0) for item in items
        ]
        assert {(entry.provider_code, entry.guid, entry.received_at) for entry in entries} == {(PROVIDER, GUID, NOW)}
        assert [entry.id for entry in await self.pending(units, 2)] == [entry.id for entry in entries[:2]]

    async def test_a_repeated_callback_is_stored_once(self, units: UnitOfWorkFactory) -> None:
        item = an_item(event_key="e")
        assert await self.store(units, item, item) == 1
        assert await self.store(units, an_item(event_key="e", raw="other"), an_item(event_key="f")) == 1
        assert len(await self.pending(units)) == 2

    async def test_equal_event_keys_of_other_instances_and_types_are_not_repetitions(
        self, units: UnitOfWorkFactory
    ) -> None:
        await self.store(units, an_item(event_key="e"))
        others = [an_item(event_key="e", notify_type=11013), an_item(event_key="e", guid=Guid("guid-b"))]
        assert await self.store(units, *others) == 2
        assert await self.store(units, an_item(event_key="e"), provider=BACKUP) == 1

    async def test_what_came_under_one_of_the_types_is_known(self, units: UnitOfWorkFactory) -> None:
        pulled = [an_item(event_key=key) for key in ("one", "batch", "other type", "other guid", "bad", "new")]
        await self.store(
            units,
            an_item(event_key="one"),
            an_item(event_key="batch", notify_type=11013),
            an_item(event_key="other type", notify_type=11003),
            an_item(event_key="other guid", guid=Guid("guid-b")),
            an_item(event_key="bad", defect="a list of records"),
        )
        await self.store(units, an_item(event_key="new"), provider=BACKUP)
        async with units() as unit:
            assert await unit.inbox.known(PROVIDER, pulled, [11010, 11013]) == {"one", "batch"}
            assert await unit.inbox.known(PROVIDER, pulled, []) == frozenset()
            assert await unit.inbox.known(PROVIDER, [], [11010]) == frozenset()

    async def test_foreign_records_are_stored_as_what_they_are_and_wait_for_the_id_that_they_name(
        self, units: UnitOfWorkFactory
    ) -> None:
        own = a_stream_record(provider_message_id=WAITED_FOR)
        change = a_stream_record(refers_to=WAITED_FOR, provider_message_id=ProviderMessageId("1"))
        nameless, other = a_stream_record(), a_stream_record(provider_message_id=ProviderMessageId("2"))
        items = [an_item(stream_record=record, raw=str(n)) for n, record in enumerate((own, change, nameless, other))]
        states = [InboxState.PARKED, InboxState.ORPHAN, InboxState.PARKED, InboxState.ORPHAN]
        async with units() as unit:
            assert await unit.inbox.store(PROVIDER, items, NOW, states=states) == 4
            assert await unit.inbox.store(PROVIDER, items, NOW, states=states) == 0
            assert [await unit.inbox.count(state, limit=9) for state in states[:2]] == [2, 2]
            assert list(await unit.inbox.pending(9)) == []
            assert await unit.inbox.reopen([(PROVIDER, GUID, WAITED_FOR)], [], since=NOW) == 2
            await unit.commit()
        assert [entry.raw for entry in await self.pending(units)] == ["0", "1"]

    async def test_surroundings_say_what_is_stored_owned_and_known_of_the_instances(
        self, units: UnitOfWorkFactory
    ) -> None:
        beside, moved, strange = Guid("beside"), Guid("moved"), Guid("strange")
        message = a_due_message()
        begin_call(message)
        settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711")))
        items = [
            an_item(guid=guid, event_key=key, stream_record=a_stream_record(guid=guid, **ids))
            for guid, key, ids in (
                (GUID, "new", {"provider_message_id": ProviderMessageId("4711")}),
                (beside, "stored", {"refers_to": ProviderMessageId("4711")}),
                (moved, "of another type", {"provider_message_id": ProviderMessageId("1")}),
                (strange, "quarantined", {}),
            )
        ]
        await self.store(units, items[1], an_item(guid=moved, event_key="of another type", notify_type=11013))
        await self.store(units, an_item(guid=strange, event_key="quarantined", defect="unreadable"))
        await self.store(units, an_item(event_key="new"), provider=BACKUP)
        async with units() as unit:
            await unit.messages.add([message])
            instances = [(GUID, PROVIDER), (beside, PROVIDER), (moved, PROVIDER), (strange, BACKUP)]
            await unit.accounts.open(DEFAULT_TENANT, instances)
            (binding,) = await unit.accounts.binding_of(GUID)
            await unit.accounts.learn(binding.binding_id, "own")
            (binding,) = await unit.accounts.binding_of(moved)
            account = Account(
                binding.account_id, DEFAULT_TENANT, registered=True, version=1, created_at=NOW, updated_at=NOW
            )
            sibling = dataclasses.replace(binding, binding_id=BindingId("sibling"), guid=Guid("sibling"))
            await unit.accounts.save(account, [dataclasses.replace(binding, weight=2, epoch=1), sibling])
            await unit.commit()
        async with units() as unit:
            surroundings = await unit.inbox.surroundings(PROVIDER, items)
        assert surroundings.stored == {(beside, 11010, "stored"), (strange, 11010, "quarantined")}
        assert surroundings.owned == {(PROVIDER, GUID, "4711")}
        calm = RecordedInstance("own", moved=False, awaits_echoes=False, tenant_id=DEFAULT_TENANT, siblings=False)
        assert surroundings.instances == {
            GUID: calm,
            beside: dataclasses.replace(calm, own_user_id=None),
            moved: dataclasses.replace(calm, own_user_id=None, moved=True, siblings=True),
        }

    @pytest.mark.parametrize(
        ("outcome", "age_ms", "unproven"),
        [
            (an_outcome(OutcomeClass.UNCERTAIN), 0, True),
            (an_outcome(OutcomeClass.UNCERTAIN), DAY_MS + 1, False),
            (an_outcome(REFUSED, confirmed=False), 0, True),
            (an_outcome(REFUSED), 0, False),
            (an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711")), 0, False),
            (None, 0, False),
        ],
    )
    async def test_surroundings_say_at_which_instance_an_echo_may_settle_something(
        self, units: UnitOfWorkFactory, outcome: AttemptOutcome | None, age_ms: int, unproven: bool
    ) -> None:
        message = a_due_message()
        begin_call(message, now=NOW - age_ms)
        if outcome is not None:
            settle(message, outcome, verdict=GIVEN_UP if outcome.kind is REFUSED else None, now=NOW - age_ms)
        async with units() as unit:
            await unit.messages.add([message])
            await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
            await unit.commit()
        async with units() as unit:
            surroundings = await unit.inbox.surroundings(PROVIDER, [an_item(stream_record=a_stream_record())])
        assert surroundings.instances[GUID].awaits_echoes is unproven

    async def test_surroundings_say_that_echoes_of_mass_sends_may_come(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
            (binding,) = await unit.accounts.binding_of(GUID)
            chunk = MassChunk(BatchId("batch"), 0, DEFAULT_TENANT, binding.account_id, False, 0, 1, 2)
            await unit.mass.add([chunk])
            await unit.commit()
        async with units() as unit:
            surroundings = await unit.inbox.surroundings(PROVIDER, [an_item(stream_record=a_stream_record())])
        assert surroundings.instances[GUID].awaits_echoes

    @pytest.mark.parametrize("good", [11010, 11013])
    async def test_what_came_under_two_types_is_known_where_one_of_them_could_be_read(
        self, units: UnitOfWorkFactory, good: int
    ) -> None:
        for notify_type in (11010, 11013):
            defect = None if notify_type == good else "a list of records"
            await self.store(units, an_item(event_key="e", notify_type=notify_type, defect=defect))
        async with units() as unit:
            for notify_types in ([11010, 11013], [11013, 11010]):
                assert await unit.inbox.known(PROVIDER, [an_item(event_key="e")], notify_types) == {"e"}
            assert await unit.inbox.known(PROVIDER, [an_item(event_key="e")], [good]) == {"e"}
            assert await unit.inbox.known(PROVIDER, [an_item(event_key="e")], [11010 + 11013 - good]) == frozenset()

    async def test_a_newer_callback_of_the_type_is_found_among_the_last_ones_of_the_instance(
        self, units: UnitOfWorkFactory
    ) -> None:
        await self.store(units, an_item(notify_type=11003), at=NOW)
        await self.store(units, an_item(notify_type=11010), an_item(notify_type=11003, guid=Guid("b")), at=NOW + 9)
        await self.store(units, an_item(notify_type=11003), provider=BACKUP, at=NOW + 9)
        await self.store(units, an_item(notify_type=11003, defect="unreadable"), at=NOW + 9)

        async def newer(than: int) -> bool:
            async with units() as unit:
                return await unit.inbox.has_newer(PROVIDER, GUID, 11003, than)

        assert [await newer(NOW - 1), await newer(NOW)] == [True, False]
        await self.store(units, *[an_item(notify_type=11003) for _ in range(NEWEST_LOOKED_AT)], at=NOW - 5)
        assert [await newer(NOW - 6), await newer(NOW - 5)] == [True, False]  # the one of NOW is not looked at any more

    async def test_what_no_message_knows_is_found_by_instance_and_arrival(self, units: UnitOfWorkFactory) -> None:
        await self.store(units, an_item(raw="early"), at=NOW - 1)
        await self.store(units, an_item(raw="pending"), an_item(raw="bad", defect="x"), an_item(guid=Guid("guid-b")))
        await self.store(units, an_item(), provider=BACKUP)
        await self.park(units, at=NOW + 1)
        async with units() as unit:
            await unit.inbox.store(PROVIDER, [an_item()], NOW, [a_message_id()])
            await unit.commit()
        async with units() as unit:
            entries = await unit.inbox.unmatched(PROVIDER, GUID, since=NOW, limit=9)
            assert sorted(entry.raw for entry in entries) == ["bad", "pending", "{}"]
            assert {(entry.provider_code, entry.guid, entry.notify_type) for entry in entries} == {
                (PROVIDER, GUID, 11010)
            }
            assert len(await unit.inbox.unmatched(PROVIDER, GUID, since=NOW, limit=2)) == 2

    async def test_a_decided_callback_is_still_not_stored_again(self, units: UnitOfWorkFactory) -> None:
        await self.store(units, an_item(event_key="e"))
        (entry,) = await self.pending(units)
        await self.decide(units, InboxVerdict(entry.id, InboxState.APPLIED, message_id=a_message_id()))
        assert await self.store(units, an_item(event_key="e")) == 0

    async def test_what_its_messages_know_already_is_stored_as_applied(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        items = [an_item(event_key=key) for key in ("e", "f", "f")]
        message_ids = [a_message_id() for _ in items]
        async with units() as unit:
            assert await unit.inbox.store(PROVIDER, items, NOW, message_ids) == 2
            await unit.commit()
        assert not await self.pending(units)
        views = await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert [(view.state, view.message_id) for view in reversed(views)] == [
            (InboxState.APPLIED, message_id) for message_id in message_ids[:2]
        ]
        assert await self.store(units, *items) == 0

    async def repeat(
        self, units: UnitOfWorkFactory, *items: CallbackItem, at: int, provider: ProviderCode = PROVIDER
    ) -> int:
        async with units() as unit:
            again = await unit.inbox.repeat(provider, items, at)
            await unit.commit()
        return again

    @pytest.mark.parametrize(
        ("state", "after", "moved"),
        [
            (InboxState.QUARANTINED, InboxState.PENDING, True),
            (InboxState.PARKED, InboxState.PARKED, True),
            (InboxState.ORPHAN, InboxState.ORPHAN, True),
            (InboxState.APPLIED, InboxState.APPLIED, False),
            (InboxState.FAILED, InboxState.FAILED, False),
            (InboxState.PENDING, InboxState.PENDING, False),
        ],
    )
    async def test_what_was_not_applied_arrives_again(
        self, units: UnitOfWorkFactory, reader: MessageReader, state: InboxState, after: InboxState, *, moved: bool
    ) -> None:
        item, other = an_item(), an_item()
        await self.store(units, item, other)
        first, second = await self.pending(units)
        await self.decide(units, InboxVerdict(first.id, state), InboxVerdict(second.id, InboxState.QUARANTINED))
        again = await self.repeat(units, item, item, an_item(), at=NOW + 1)
        assert again == (state is InboxState.QUARANTINED)
        views = {view.id: view for view in await reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)}
        assert (views[first.id].state, views[first.id].received_at) == (after, NOW + moved)
        assert (views[second.id].state, views[second.id].received_at) == (InboxState.QUARANTINED, NOW)

    async def test_the_same_key_of_another_instance_type_or_provider_does_not_arrive_again(
        self, units: UnitOfWorkFactory
    ) -> None:
        await self.store(units, an_item(event_key="e"))
        (entry,) = await self.pending(units)
        await self.decide(units, InboxVerdict(entry.id, InboxState.QUARANTINED))
        others = [an_item(event_key="e", notify_type=11013), an_item(event_key="e", guid=Guid("guid-b"))]
        assert await self.repeat(units, *others, at=NOW) == 0
        assert await self.repeat(units, an_item(event_key="e"), at=NOW, provider=BACKUP) == 0
        assert await self.repeat(units, at=NOW) == 0
        assert await self.repeat(units, an_item(event_key="e"), at=NOW) == 1

    async def test_a_defective_callback_is_kept_apart(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        assert await self.store(units, an_item(defect="no guid")) == 1
        assert list(await self.pending(units)) == []
        (view,) = await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert view.state == InboxState.QUARANTINED

    async def test_the_verdict_on_a_callback_is_stored(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        await self.store(units, an_item(), an_item())
        first, second = await self.pending(units)
        owner = a_message_id()
        await self.decide(
            units,
            InboxVerdict(first.id, InboxState.APPLIED, message_id=owner),
            InboxVerdict(second.id, InboxState.ORPHAN),
        )
        assert list(await self.pending(units)) == []
        views = await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert [(view.id, view.state, view.message_id, view.received_at) for view in views] == [
            (second.id, InboxState.ORPHAN, None, NOW), (first.id, InboxState.APPLIED, owner, NOW),
        ]  # fmt: skip

    async def test_a_callback_that_stays_pending_counts_its_tries(self, units: UnitOfWorkFactory) -> None:
        await self.store(units, an_item())
        for tries in (1, 2):
            (entry,) = await self.pending(units)
            await self.decide(units, InboxVerdict(entry.id, InboxState.PENDING))
            assert [pending.tries for pending in await self.pending(units)] == [tries]

    async def test_parking_is_no_failed_try(self, units: UnitOfWorkFactory) -> None:
        await self.park(units)
        async with units() as unit:
            await unit.inbox.reopen([(PROVIDER, GUID, WAITED_FOR)], [], since=NOW)
            assert [entry.tries for entry in await unit.inbox.pending(10)] == [0]

    async def test_parked_callbacks_open_again_for_the_id_they_wait_for(self, units: UnitOfWorkFactory) -> None:
        parked = await self.park(units)
        assert list(await self.pending(units)) == []
        async with units() as unit:
            assert await unit.inbox.reopen([(PROVIDER, GUID, ProviderMessageId("4712"))], [], since=0) == 0
            assert await unit.inbox.reopen([(PROVIDER, GUID, WAITED_FOR)], [], since=NOW + 1) == 1
            await unit.commit()
        assert [(entry.id, entry.waits_for) for entry in await self.pending(units)] == [(parked, WAITED_FOR)]

    async def test_parked_callbacks_of_a_guid_open_again_if_they_are_recent(self, units: UnitOfWorkFactory) -> None:
        await self.park(units, at=NOW - 1)
        recent = await self.park(units, at=NOW)
        await self.park(units, at=NOW, guid=Guid("guid-b"))
        async with units() as unit:
            assert await unit.inbox.reopen([], [(PROVIDER, GUID)], since=NOW) == 1
            await unit.commit()
        assert [entry.id for entry in await self.pending(units)] == [recent]

    async def test_parked_callbacks_of_another_provider_stay_parked(self, units: UnitOfWorkFactory) -> None:
        await self.park(units)
        async with units() as unit:
            assert await unit.inbox.reopen([(BACKUP, GUID, WAITED_FOR)], [(BACKUP, GUID)], since=0) == 0

    async def test_what_is_parked_for_too_long_is_an_orphan(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        old, recent = await self.park(units, at=NOW - 1), await self.park(units, at=NOW)
        await self.store(units, an_item(), at=NOW - 1)
        async with units() as unit:
            assert await unit.inbox.orphan(limit=9, before=NOW) == 1
            await unit.commit()
        states = {
            view.id: view.state for view in await reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        }
        assert (states[old], states[recent]) == (InboxState.ORPHAN, InboxState.PARKED)
        assert len(await self.pending(units)) == 1

    async def test_the_oldest_parked_beyond_a_number_are_orphans_step_by_step(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        parked = [await self.park(units) for _ in range(4)]
        async with units() as unit:
            assert [await unit.inbox.orphan(limit=1, keep=2) for _ in range(3)] == [1, 1, 0]
            assert [await unit.inbox.orphan(limit=1, before=NOW + 1) for _ in range(3)] == [1, 1, 0]
        async with units() as unit:
            assert await unit.inbox.orphan(limit=9, keep=2) == 2
            await unit.commit()
        views = await reader.callbacks(None, GUID, notify_type=None, limit=9, before=None, state=InboxState.ORPHAN)
        assert [view.id for view in views] == parked[1::-1]

    async def decided(
        self, units: UnitOfWorkFactory, *states: InboxState, at: int = NOW, guid: Guid = GUID
    ) -> list[int]:
        """One entry in each of these states."""
        ids = []
        for state in states:
            await self.store(units, an_item(guid=guid), at=at)
            entry = (await self.pending(units))[-1]
            waits_for = WAITED_FOR if state in (InboxState.PARKED, InboxState.ORPHAN) else None
            await self.decide(units, InboxVerdict(entry.id, state, provider_message_id=waits_for))
            ids.append(entry.id)
        return ids

    async def replay(
        self, units: UnitOfWorkFactory, selection: ReplaySelection, *, limit: int = 99, before: int | None = None,
        dry_run: bool = False,
    ) -> ReplayedEntries:  # fmt: skip
        async with units() as unit:
            step = await unit.inbox.replay(selection, limit=limit, before=before, dry_run=dry_run)
            await unit.commit()
        return step

    async def test_what_was_not_applied_is_replayed_and_keeps_its_arrival(self, units: UnitOfWorkFactory) -> None:
        ids = await self.decided(units, InboxState.APPLIED, *REPLAYABLE)
        await self.store(units, an_item())
        selection = ReplaySelection(REPLAYABLE, NOW)
        for entries in (len(REPLAYABLE), 0):
            assert await self.replay(units, selection, dry_run=True) == ReplayedEntries(entries, None)
            assert await self.replay(units, selection) == ReplayedEntries(entries, None)
        pending = await self.pending(units)
        assert [(entry.id, entry.received_at, entry.tries) for entry in pending[:-1]] == [
            (callback_id, NOW, 0) for callback_id in ids[1:]
        ]
        assert [entry.waits_for for entry in pending] == [WAITED_FOR, WAITED_FOR, None, None, None]

    async def test_a_replay_is_of_states_of_a_guid_and_of_a_time(self, units: UnitOfWorkFactory) -> None:
        other = Guid("guid-b")
        (early,) = await self.decided(units, InboxState.PARKED, at=NOW - 1)
        parked, _ = await self.decided(units, InboxState.PARKED, InboxState.QUARANTINED)
        (of_other,) = await self.decided(units, InboxState.PARKED, guid=other)
        states = (InboxState.PARKED,)
        assert (await self.replay(units, ReplaySelection(states, NOW, GUID))).entries == 1
        assert [entry.id for entry in await self.pending(units)] == [parked]
        assert (await self.replay(units, ReplaySelection(states, NOW))).entries == 1
        assert [entry.id for entry in await self.pending(units)] == [parked, of_other]
        assert (await self.replay(units, ReplaySelection(states, NOW - 1))).entries == 1
        assert [entry.id for entry in await self.pending(units)] == [early, parked, of_other]

    @pytest.mark.parametrize("guid", [None, GUID])
    async def test_a_replay_goes_on_step_by_step_newest_first(
        self, units: UnitOfWorkFactory, guid: Guid | None
    ) -> None:
        ids = await self.decided(units, *[InboxState.PARKED, InboxState.QUARANTINED] * 2)
        selection = ReplaySelection(REPLAYABLE, NOW, guid)
        assert await self.replay(units, selection, limit=3) == ReplayedEntries(3, ids[1])
        assert [entry.id for entry in await self.pending(units)] == ids[1:]
        assert await self.replay(units, selection, limit=3, before=ids[1]) == ReplayedEntries(1, None)

    async def test_what_failed_has_all_its_tries_again(self, units: UnitOfWorkFactory) -> None:
        await self.store(units, an_item())
        (entry,) = await self.pending(units)
        for state in (InboxState.PENDING, InboxState.FAILED):
            await self.decide(units, InboxVerdict(entry.id, state))
        assert (await self.replay(units, ReplaySelection(REPLAYABLE, NOW))).entries == 1
        assert [again.tries for again in await self.pending(units)] == [0]

    async def test_an_orphan_without_an_id_is_not_replayed(self, units: UnitOfWorkFactory) -> None:
        await self.store(units, an_item())
        (entry,) = await self.pending(units)
        await self.decide(units, InboxVerdict(entry.id, InboxState.ORPHAN))
        assert (await self.replay(units, ReplaySelection(REPLAYABLE, NOW))).entries == 0
        assert (await self.replay(units, ReplaySelection(REPLAYABLE, NOW, GUID))).entries == 0

    async def test_stored_callbacks_are_counted_up_to_a_limit(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        nothing = await reader.callback_counts(None, limit=3)
        assert (set(nothing.states.values()), nothing.newest, nothing.since) == ({0}, {}, None)
        await self.decided(units, *[InboxState.APPLIED] * 2, at=NOW - 1)
        await self.decided(units, InboxState.PARKED)
        await self.store(units, an_item(notify_type=11004), provider=BACKUP, at=NOW + 1)
        counts = await reader.callback_counts(None, limit=3)
        assert counts.states == dict.fromkeys(InboxState, 0) | {
            InboxState.APPLIED: 2, InboxState.PARKED: 1, InboxState.PENDING: 1
        }  # fmt: skip
        assert counts.newest == {
            CallbackKind(BACKUP, 11004, InboxState.PENDING): 1,
            CallbackKind(PROVIDER, 11010, InboxState.PARKED): 1,
            CallbackKind(PROVIDER, 11010, InboxState.APPLIED): 1,
        }
        assert counts.since == NOW - 1
        assert (await reader.callback_counts(None, limit=1)).states[InboxState.APPLIED] == 2

    async def test_an_orphan_that_names_an_id_opens_again_for_it_and_with_its_guid(
        self, units: UnitOfWorkFactory
    ) -> None:
        await self.store(units, an_item())
        (entry,) = await self.pending(units)
        orphan = InboxVerdict(entry.id, InboxState.ORPHAN, provider_message_id=WAITED_FOR)
        for keys, guids in (([(PROVIDER, GUID, WAITED_FOR)], []), ([], [(PROVIDER, GUID)])):
            await self.decide(units, orphan)
            async with units() as unit:
                assert await unit.inbox.reopen(keys, guids, since=NOW) == 1
                await unit.commit()
            assert [pending.id for pending in await self.pending(units)] == [entry.id]

    async def test_what_has_another_end_waits_for_no_id(self, units: UnitOfWorkFactory) -> None:
        ends = (InboxState.APPLIED, InboxState.QUARANTINED, InboxState.FAILED)
        await self.store(units, *[an_item() for _ in ends])
        entries = await self.pending(units)
        parked = [InboxVerdict(entry.id, InboxState.PARKED, provider_message_id=WAITED_FOR) for entry in entries]
        await self.decide(units, *parked)
        await self.decide(units, *[InboxVerdict(entry.id, end) for entry, end in zip(entries, ends, strict=True)])
        async with units() as unit:
            assert await unit.inbox.reopen([(PROVIDER, GUID, WAITED_FOR)], [(PROVIDER, GUID)], since=0) == 0

    async def test_an_orphan_without_an_id_stays_one(self, units: UnitOfWorkFactory) -> None:
        await self.store(units, an_item())
        (entry,) = await self.pending(units)
        await self.decide(units, InboxVerdict(entry.id, InboxState.ORPHAN))
        async with units() as unit:
            assert await unit.inbox.reopen([], [(PROVIDER, GUID)], since=0) == 0
            assert await unit.inbox.reopen([], [], since=0) == 0

    async def test_pending_callbacks_are_counted_up_to_a_limit(self, units: UnitOfWorkFactory) -> None:
        other = Guid("guid-b")
        await self.store(units, *[an_item() for _ in range(3)], *[an_item(guid=other) for _ in range(2)])
        await self.store(units, an_item(defect="junk"))
        await self.decide(units, InboxVerdict((await self.pending(units))[0].id, InboxState.ORPHAN))
        async with units() as unit:
            assert [await unit.inbox.count(InboxState.PENDING, limit=limit) for limit in (2, 4, 9)] == [2, 4, 4]
            assert await unit.inbox.count(InboxState.PENDING, limit=9, guid=GUID) == 2
            assert await unit.inbox.count(InboxState.PENDING, limit=9, guid=Guid("guid-c")) == 0
            assert await unit.inbox.count(InboxState.QUARANTINED, limit=9) == 1
            assert await unit.inbox.count(InboxState.QUARANTINED, limit=9, guid=other) == 0

    async def test_the_newest_quarantined_callbacks_are_kept(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        other = Guid("guid-b")
        for number in range(5):
            await self.store(units, an_item(defect="junk", raw=f'"{number}"'), at=NOW + number)
        await self.store(units, an_item(defect="junk", guid=other), an_item(guid=other), at=NOW)
        async with units() as unit:
            assert await unit.inbox.discard(InboxState.QUARANTINED, limit=1, keep=3, guid=GUID) == 1
            assert await unit.inbox.discard(InboxState.QUARANTINED, limit=9, keep=3, guid=GUID) == 1
            assert await unit.inbox.discard(InboxState.QUARANTINED, limit=9, keep=3, guid=GUID) == 0
            await unit.commit()
        kept = await reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        assert [view.raw for view in kept] == ['"4"', '"3"', '"2"']
        async with units() as unit:
            assert await unit.inbox.discard(InboxState.QUARANTINED, limit=9, before=NOW + 3) == 2
            await unit.commit()
        left = await reader.callbacks(None, None, notify_type=None, limit=9, before=None, state=InboxState.QUARANTINED)
        assert [view.raw for view in left] == ['"4"', '"3"']
        assert len(await self.pending(units)) == 1

    async def test_a_discarded_callback_may_come_again(self, units: UnitOfWorkFactory) -> None:
        item = an_item(defect="junk")
        await self.store(units, item)
        async with units() as unit:
            await unit.inbox.discard(InboxState.QUARANTINED, limit=9)
            await unit.commit()
        assert await self.store(units, item) == 1

    async def test_few_long_callbacks_are_worked_on_at_once(self, units: UnitOfWorkFactory) -> None:
        long = f'"{"x" * (PAGE_BYTES // 2)}"'
        for raw in ("1", long, long, "2"):
            await self.store(units, an_item(raw=raw))
        worked_on = []
        while entries := await self.pending(units):
            assert sum(len(entry.raw) for entry in entries) <= PAGE_BYTES + 2
            worked_on.append([len(entry.raw) for entry in entries])
            await self.decide(units, *[InboxVerdict(entry.id, InboxState.ORPHAN) for entry in entries])
        assert worked_on == [[1, len(long)], [len(long), 1]]
