"""Properties of a service that embeds wework-message, tried on its fakes with its strategies."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.system import CountingIds, SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.domain.account import implicit_account_id
from wework_message.domain.content import Content
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, MessageId
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import SendOptions
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import Dispatch
from wework_message.testing.strategies import contents, conversations, drafts

DAY_MS = 24 * 3_600_000
GUID = Guid("desk")


class Service:
    """The part of one's own service that keeps messages and sends them: here with the shipped fakes."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.ids = CountingIds()
        self.database = MemoryDatabase()
        self.units = MemoryUnitOfWorkFactory(self.database, self.clock)
        self.reader = MemoryMessageReader(self.database)
        self.gateway = MemoryGateway(self.clock, busy=lambda: self.database.busy)

    def message(self, content: Content, conversation: str, account: AccountId | None = None) -> Message:
        now = self.clock.now()
        message = Message(
            id=self.ids.message_id(),
            tenant_id=DEFAULT_TENANT,
            account_id=account or implicit_account_id(GUID),
            guid=None if account else GUID,
            conversation_id=conversation,
            content=content,
            message_type=str(content.message_type),
            accepted_at=now,
            expires_at=now + DAY_MS,
            options=SendOptions(),
        )
        message.make_due(now=now)
        return message

    async def store(self, messages: Sequence[Message]) -> None:
        async with self.units() as unit:
            await unit.messages.add(messages)
            await unit.commit()

    async def read(self, message_id: MessageId) -> Message:
        return (await self.reader.messages(DEFAULT_TENANT, [message_id]))[message_id].message


def run(story: Callable[[Service], Awaitable[None]]) -> None:
    """Each example has a service of its own."""

    async def one_service() -> None:
        await story(Service())

    asyncio.run(one_service())


@given(drafts())
def test_every_valid_request_is_stored_unchanged(draft: Draft) -> None:
    async def story(service: Service) -> None:
        message = service.message(draft.content, str(draft.conversation))
        await service.store([message])
        stored = await service.read(message.id)
        assert stored.content == draft.content
        assert stored.conversation_id == str(draft.conversation)

    run(story)


@given(contents(), conversations().map(str))
def test_what_is_not_committed_never_happened(content: Content, conversation: str) -> None:
    async def story(service: Service) -> None:
        message = service.message(content, conversation)
        async with service.units() as unit:
            await unit.messages.add([message])
        assert await service.reader.messages(DEFAULT_TENANT, [message.id]) == {}

    run(story)


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["S:1", "S:2", "R:3"]), min_size=1, max_size=12), contents())
def test_of_each_conversation_one_message_goes_at_a_time_and_first_in_goes_first(
    lanes: list[str], content: Content
) -> None:
    async def story(service: Service) -> None:
        messages = [service.message(content, lane) for lane in lanes]
        await service.store(messages)
        async with service.units() as unit:
            due = await unit.messages.due(len(messages))
        going = [item.message.id for item in due if item.blocked is None]
        assert going == [
            next(message.id for message in messages if message.conversation_id == lane) for lane in dict.fromkeys(lanes)
        ]

    run(story)


@given(contents(), st.sampled_from(OutcomeClass))
def test_the_fake_counts_what_may_have_reached_the_customer(content: Content, kind: OutcomeClass) -> None:
    async def story(service: Service) -> None:
        accepted = service.gateway.accepted()
        service.gateway.script(accepted if kind is OutcomeClass.ACCEPTED else type(accepted)(kind))
        dispatch = Dispatch(service.ids.message_id(), 1, GUID, "S:1", content, service.clock.boot() + 1)
        outcome = await service.gateway.send(dispatch)
        assert outcome.kind is kind
        assert len(service.gateway.executed) == (kind in (OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN))

    run(story)
