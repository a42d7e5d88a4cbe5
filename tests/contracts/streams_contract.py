"""What every StreamPositions and StreamReader do. Subclasses provide `units` and `streams`."""

import dataclasses

from tests.support.builders.messages import (
    BACKUP,
    GUID,
    NOW,
    PROVIDER,
    a_due_message,
    a_receipt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.account import implicit_account_id, implicit_binding
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.streams import StreamReader
from wework_message.domain.stream import PullOutcome, StreamPosition

OTHER = Guid("Guid-a")
NEW = StreamPosition(implicit_account_id(GUID), 0, "1000")
LATER = StreamPosition(AccountId("梅" * 64), 7, "9" * 64, NOW, NOW + 1, NOW + 2, PullOutcome.UNREADABLE)
LOST = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)


class StreamsContract:
    async def save(self, units: UnitOfWorkFactory, position: StreamPosition, guid: Guid = GUID) -> None:
        async with units() as unit:
            await unit.streams.save(PROVIDER, guid, position)
            await unit.commit()

    async def sent(
        self, units: UnitOfWorkFactory, outcome: AttemptOutcome, *, guid: Guid = GUID, at: int = NOW
    ) -> Message:
        message = a_due_message(guid=guid, conversation_id=f"S:{at}")
        begin_call(message, now=at)
        settle(message, outcome, now=at)
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(guid, PROVIDER)])
            await unit.messages.add([message])
            await unit.commit()
        return message

    async def test_a_position_is_read_as_it_was_saved_last(
        self, units: UnitOfWorkFactory, streams: StreamReader
    ) -> None:
        assert await streams.positions(PROVIDER, [GUID]) == {}
        for position in (NEW, LATER, NEW):
            await self.save(units, position)
            assert await streams.positions(PROVIDER, [GUID]) == {GUID: position}
            async with units() as unit:
                assert await unit.streams.position(PROVIDER, GUID) == position

    async def test_positions_are_those_of_an_instance_at_a_provider(
        self, units: UnitOfWorkFactory, streams: StreamReader
    ) -> None:
        await self.save(units, NEW)
        await self.save(units, LATER, OTHER)
        assert await streams.positions(PROVIDER, [GUID, OTHER, Guid("z")]) == {GUID: NEW, OTHER: LATER}
        assert await streams.positions(PROVIDER, []) == {}
        assert await streams.positions(BACKUP, [GUID]) == {}
        async with units() as unit:
            assert await unit.streams.position(BACKUP, GUID) is None

    async def test_a_tear_is_a_gap_in_every_stream(self, units: UnitOfWorkFactory, streams: StreamReader) -> None:
        await self.save(units, LATER)
        await self.save(units, NEW, OTHER)
        async with units() as unit:
            await unit.streams.tear()
        assert await streams.positions(PROVIDER, [GUID, OTHER]) == {GUID: LATER, OTHER: NEW}
        async with units() as unit:
            await unit.streams.tear()
            await unit.commit()
        assert await streams.positions(PROVIDER, [GUID, OTHER]) == {GUID: LATER.torn(), OTHER: NEW}

    async def test_what_is_not_committed_is_not_there(self, units: UnitOfWorkFactory, streams: StreamReader) -> None:
        async with units() as unit:
            await unit.streams.save(PROVIDER, GUID, NEW)
            assert await unit.streams.position(PROVIDER, GUID) == NEW
        assert await streams.positions(PROVIDER, [GUID]) == {}

    async def test_bindings_with_an_uncertain_attempt_are_found(
        self, units: UnitOfWorkFactory, streams: StreamReader
    ) -> None:
        assert list(await streams.uncertain(PROVIDER, limit=9)) == []
        await self.sent(units, an_outcome(OutcomeClass.ACCEPTED))
        assert list(await streams.uncertain(PROVIDER, limit=9)) == []
        await self.sent(units, LOST, at=NOW + 1)
        await self.sent(units, LOST, at=NOW + 2)
        await self.sent(units, LOST, guid=Guid("another"), at=NOW + 3)
        another = implicit_binding(Guid("another"), PROVIDER)
        here = implicit_binding(GUID, PROVIDER)
        assert list(await streams.uncertain(PROVIDER, limit=9)) == [(another, NOW + 3), (here, NOW + 2)]
        assert list(await streams.uncertain(PROVIDER, limit=1)) == [(another, NOW + 3)]
        assert list(await streams.uncertain(BACKUP, limit=9)) == []

    async def test_a_binding_that_is_disabled_is_not_found(
        self, units: UnitOfWorkFactory, streams: StreamReader
    ) -> None:
        await self.sent(units, LOST)
        async with units() as unit:
            stored = await unit.accounts.accounts([implicit_account_id(GUID)])
            account, (binding,) = stored[implicit_account_id(GUID)]
            disabled = dataclasses.replace(binding, enabled=False, epoch=binding.epoch + 1)
            await unit.accounts.save(dataclasses.replace(account, version=1, registered=True), [disabled])
            await unit.commit()
        assert list(await streams.uncertain(PROVIDER, limit=9)) == []

    async def test_the_newest_place_that_an_answer_named_is_that_of_the_account(
        self, units: UnitOfWorkFactory, streams: StreamReader
    ) -> None:
        account_id = implicit_account_id(GUID)
        assert await streams.newest_seq(PROVIDER, GUID, account_id) is None
        for at, seq in enumerate(("7", "8", None), NOW):
            receipt = a_receipt(str(at), seq=seq)
            await self.sent(units, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt), at=at)
        assert await streams.newest_seq(PROVIDER, GUID, account_id) == "8"
        assert await streams.newest_seq(PROVIDER, GUID, AccountId("another")) is None
        assert await streams.newest_seq(BACKUP, GUID, account_id) is None
        assert await streams.newest_seq(PROVIDER, OTHER, account_id) is None
