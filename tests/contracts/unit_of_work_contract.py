"""What every UnitOfWork does. Subclasses provide `units` and `reader`, and can provide `other_units`."""

import asyncio

import pytest
from tests.support.builders.messages import GUID, PROVIDER, a_due_message, an_item

from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.repositories import IdempotencyKey, UnitOfWork, UnitOfWorkFactory


class UnitOfWorkContract:
    @pytest.fixture
    def other_units(self, units: UnitOfWorkFactory) -> UnitOfWorkFactory:
        return units

    async def write_everywhere(self, unit: UnitOfWork, message: Message) -> None:
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "key", b"f" * 32, message.id)])
        await unit.messages.add([message])
        await unit.messages.count({(PROVIDER, "TEXT", "ACCEPTED"): 1})
        await unit.inbox.store(PROVIDER, [an_item(event_key="e")], 1)
        await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])

    async def stored(self, units: UnitOfWorkFactory, reader: MessageReader, message: Message) -> list[bool]:
        async with units() as unit:
            (owner,) = await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "key", b"f" * 32, "other")])
            return [
                not owner.fresh,
                message.id in await unit.messages.get([message.id]),
                message.id in [due.message.id for due in await unit.messages.due(10)],
                len(await unit.inbox.pending(10)) == 1,
                implicit_account_id(GUID) in await unit.accounts.accounts([implicit_account_id(GUID)]),
                message.id in await reader.messages(DEFAULT_TENANT, [message.id]),
                len(await reader.counts()) == 1,
            ]

    async def test_what_was_committed_is_there(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message = a_due_message()
        async with units() as unit:
            await self.write_everywhere(unit, message)
            await unit.commit()
        assert all(await self.stored(other_units, reader, message))

    async def test_what_was_not_committed_never_happened(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        message = a_due_message()
        async with units() as unit:
            await self.write_everywhere(unit, message)
        assert not any(await self.stored(units, reader, message))

    async def test_an_error_inside_rolls_back_and_goes_on(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message = a_due_message()

        async def fail() -> None:
            async with units() as unit:
                await self.write_everywhere(unit, message)
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        assert not any(await self.stored(units, reader, message))

    async def test_a_cancelled_unit_rolls_back_and_lets_the_next_one_in(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message, inside = a_due_message(), asyncio.Event()

        async def hang() -> None:
            async with units() as unit:
                await self.write_everywhere(unit, message)
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hang())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not any(await self.stored(units, reader, message))

    async def test_a_rolled_back_change_leaves_the_stored_message_as_it_was(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message = a_due_message()
        async with units() as unit:
            await unit.messages.add([message])
            await unit.commit()
        async with units() as unit:
            loaded = (await unit.messages.get([message.id]))[message.id]
            loaded.cancel(now=message.accepted_at)
            await unit.messages.save([loaded])
            assert (await unit.messages.get([message.id]))[message.id].status is MessageStatus.CANCELLED
        async with units() as unit:
            stored = (await unit.messages.get([message.id]))[message.id]
            assert (stored.status, stored.version) == (MessageStatus.QUEUED, 0)
            assert [due.message.id for due in await unit.messages.due(10)] == [message.id]
        assert await reader.timeline(None, message.id) in ((), [])

    async def test_readers_do_not_wait_and_see_only_what_is_committed(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message = a_due_message()
        async with units() as unit:
            await unit.messages.add([message])
            assert message.id not in await reader.messages(DEFAULT_TENANT, [message.id])
            await unit.commit()
        assert message.id in await reader.messages(DEFAULT_TENANT, [message.id])

    async def test_two_open_units_never_get_the_same_due_message(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        messages = [a_due_message(conversation_id=f"R:{number}") for number in range(6)]
        async with units() as unit:
            await unit.messages.add(messages)
            await unit.commit()

        async def take(factory: UnitOfWorkFactory) -> list[str]:
            async with factory() as unit:
                taken = [due.message for due in await unit.messages.due(3)]
                await asyncio.sleep(0)
                for message in taken:
                    message.cancel(now=message.accepted_at)
                assert await unit.messages.save(taken) == frozenset()
                await unit.commit()
            return [message.id for message in taken]

        first, second = await asyncio.gather(take(units), take(other_units))
        assert sorted(first + second) == sorted(message.id for message in messages)
