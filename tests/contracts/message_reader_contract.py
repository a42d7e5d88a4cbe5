"""What every MessageReader does. Subclasses provide `units`, `clock`, `reader` and `reader_that_walks`."""

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest
from tests.support.builders.distinct_messages import store_distinct_messages
from tests.support.builders.messages import (
    DAY_MS,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_batch_id,
    a_due_message,
    a_message_id,
    a_receipt,
    an_item,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.builders.random_messages import random_filter, store_random_messages

from wework_message.adapters.memory.system import SettableClock
from wework_message.application.maintenance.verify_statuses import VerifyStatuses, VerifyStatusesHandler
from wework_message.domain.content import TextContent
from wework_message.domain.ids import DEFAULT_TENANT, BatchId, Guid, MessageId, ProviderMessageId, TenantId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.refold import Difference
from wework_message.domain.message.timeline import Note
from wework_message.domain.message_filter import FILTERS, MessageFilter
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.page import PAGE_BYTES
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.repositories import NewBatch, UnitOfWorkFactory

ELSEWHERE = TenantId("elsewhere")

_NO_MESSAGES: Final[Mapping[str, Any]] = {
    "status": MessageStatus.EXPIRED,
    "created_from": NOW + DAY_MS,
    "created_to": NOW,
}
"""Values that no message of these tests has, for filters that do not take "none"."""


class MessageReaderContract:
    async def add(self, units: UnitOfWorkFactory, *messages: Message, batches: Sequence[NewBatch] = ()) -> None:
        async with units() as unit:
            await unit.messages.add(messages, batches)
            await unit.commit()
        for message in messages:
            message.written()

    async def save(self, units: UnitOfWorkFactory, *messages: Message) -> None:
        async with units() as unit:
            assert await unit.messages.save(messages) == frozenset()
            await unit.commit()
        for message in messages:
            message.written()

    async def ids(self, reader: MessageReader, filters: MessageFilter, limit: int = 100) -> list[MessageId]:
        return [
            view.message.id for view in (await reader.page(DEFAULT_TENANT, filters, limit=limit, before=None)).messages
        ]

    async def test_a_tenant_sees_its_own_messages_only(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        own, other = a_due_message(), a_due_message(tenant_id=ELSEWHERE)
        await self.add(units, own, other)
        message_ids = [own.id, other.id, MessageId("none")]
        assert set(await reader.messages(DEFAULT_TENANT, message_ids)) == {own.id}
        assert await self.ids(reader, MessageFilter()) == [own.id]
        assert await reader.messages(DEFAULT_TENANT, []) == {}

    async def test_versions_are_those_of_the_stored_messages(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        first, second, other = a_due_message(), a_due_message(), a_due_message(tenant_id=ELSEWHERE)
        await self.add(units, first, second, other)
        before = first.version
        begin_call(first)
        await self.save(units, first)
        versions = await reader.versions([first.id, second.id, other.id, MessageId("none")])
        assert versions == {message.id: message.version for message in (first, second, other)}
        assert versions[first.id] > before
        assert await reader.versions([]) == {}

    async def test_a_view_shows_attempts_and_the_next_due_time(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        message = a_due_message()
        await self.add(units, message)
        begin_call(message)
        await self.save(units, message)
        view = (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id]
        assert (view.message.attempts, view.message.status) == (message.attempts, MessageStatus.SENDING)
        assert view.next_attempt_at is not None
        assert view.next_attempt_at > clock.now()
        settle(message, an_outcome(OutcomeClass.ACCEPTED))
        await self.save(units, message)
        assert (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id].next_attempt_at is None

    async def test_a_status_that_its_journal_does_not_prove_is_named_and_no_other(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        whole, damaged = a_due_message(), a_due_message()
        await self.add(units, whole, damaged)
        for message in (whole, damaged):
            begin_call(message)
            await self.save(units, message)
            settle(message, an_outcome(OutcomeClass.UNCERTAIN))
            await self.save(units, message)
            note = Note(FactKind.ECHO, NOW, attempt=1, source="callback")
            message.learn(1, FactKind.ECHO, horizon_ms=HORIZON_MS, now=NOW, note=note)
            if message is damaged:
                message.lifecycle.status = MessageStatus.FAILED
            await self.save(units, message)
        verified = await VerifyStatusesHandler(reader, {})(VerifyStatuses(shuffle=3))
        assert (verified.messages, verified.facts) == (2, 2)
        assert verified.named == [(damaged.id, Difference.STATUS)]

    async def test_the_timeline_has_every_note_in_order(
        self, units: UnitOfWorkFactory, reader: MessageReader, clock: SettableClock
    ) -> None:
        message = a_due_message()
        await self.add(units, message, a_due_message())
        message.hold(HoldReason.BUDGET, 5, now=NOW)
        await self.save(units, message)
        message.hold(HoldReason.PROVIDER_DOWN, 5, now=NOW + 1)
        message.cancel(now=NOW + 2)
        await self.save(units, message)
        notes = await reader.timeline(None, message.id)
        assert [(note.kind, note.at, note.detail) for note in notes] == [
            ("HELD", NOW, "BUDGET"), ("HELD", NOW + 1, "PROVIDER_DOWN"), ("CANCELLED", NOW + 2, "CANCELLED_BY_CLIENT"),
        ]  # fmt: skip

    async def test_a_message_is_found_by_the_providers_id_at_its_guid(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message = a_due_message()
        await self.add(units, message)
        begin_call(message)
        settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711")))
        await self.save(units, message)
        provider_message_id = ProviderMessageId("4711")
        assert await reader.sent_as(DEFAULT_TENANT, GUID, provider_message_id) == message.id
        assert await reader.sent_as(DEFAULT_TENANT, Guid("guid-b"), provider_message_id) is None
        assert await reader.sent_as(ELSEWHERE, GUID, provider_message_id) is None

    async def test_pages_are_newest_first_and_miss_nothing(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        messages = [a_due_message(conversation_id=f"R:{number % 2}") for number in range(7)]
        await self.add(units, *messages)
        expected = [message.id for message in reversed(messages[::2])]
        assert await self.pages(reader, MessageFilter(conversation_id="R:0"), limit=3) == [expected[:3], expected[3:]]
        assert await self.pages(reader, MessageFilter(conversation_id="R:0"), limit=4) == [expected]
        assert await self.pages(reader, MessageFilter(conversation_id="R:9"), limit=4) == [[]]

    async def pages(self, reader: MessageReader, filters: MessageFilter, limit: int) -> list[list[MessageId]]:
        pages: list[list[MessageId]] = []
        before = None
        while before is not None or not pages:
            page = await reader.page(DEFAULT_TENANT, filters, limit=limit, before=before)
            pages.append([view.message.id for view in page.messages])
            before = page.following
        return pages

    async def test_a_page_of_long_messages_has_few(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        texts = ["1", "x" * (PAGE_BYTES // 2), "x" * (PAGE_BYTES // 2), "2", "3"]
        messages = [a_due_message(content=TextContent(content=text), conversation_id="R:0") for text in texts]
        await self.add(units, *messages)
        expected = [message.id for message in reversed(messages)]
        assert await self.pages(reader, MessageFilter(), limit=9) == [expected[:3], expected[3:]]

    @pytest.mark.parametrize("name", FILTERS)
    async def test_a_filter_lists_what_matches_and_nothing_else(
        self, units: UnitOfWorkFactory, reader: MessageReader, name: str
    ) -> None:
        unlike = await store_distinct_messages(units)
        assert await self.ids(reader, MessageFilter(**{name: unlike.value(name)})) == unlike.listed(name)

    async def test_a_message_must_pass_every_filter(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        unlike = await store_distinct_messages(units)
        values = {name: unlike.value(name) for name in FILTERS} | {"created_to": NOW + DAY_MS}
        assert await self.ids(reader, MessageFilter(**values)) == [unlike.messages[1].id]
        for name in FILTERS:
            other = MessageFilter(**values | {name: _NO_MESSAGES.get(name, "none")})
            assert await self.ids(reader, other) == [], name

    async def test_a_page_ends_after_so_many_messages_and_the_next_one_goes_on(
        self, units: UnitOfWorkFactory, reader_that_walks: Callable[[int], MessageReader]
    ) -> None:
        types = ["TEXT", *["LINK"] * 5, "TEXT", *["LINK"] * 3]  # oldest first
        messages = [a_due_message(message_type=message_type) for message_type in types]
        await self.add(units, *messages)
        oldest, newer = messages[0].id, messages[6].id
        texts = MessageFilter(message_type="TEXT")
        assert await self.pages(reader_that_walks(3), texts, limit=9) == [[], [newer], [], [oldest]]
        assert await self.pages(reader_that_walks(9), texts, limit=1) == [[newer], [oldest]]
        assert await self.pages(reader_that_walks(11), texts, limit=9) == [[newer, oldest]]
        assert len(await self.pages(reader_that_walks(1), MessageFilter(), limit=99)) == 1  # all of them pass

    @pytest.mark.parametrize("seed", range(6))
    async def test_pages_have_every_message_that_passes_exactly_once_and_newest_first(
        self, units: UnitOfWorkFactory, reader_that_walks: Callable[[int], MessageReader], seed: int
    ) -> None:
        random_source = random.Random(seed)
        messages = await store_random_messages(units, random_source)
        for _ in range(12):
            filters, walked = random_filter(messages, random_source), random_source.choice((1, 2, 5, 11, 100))
            limit = random_source.choice((1, 2, 3, 100))
            pages = await self.pages(reader_that_walks(walked), filters, limit=limit)
            expected = sorted((message.id for message in messages if filters.matches(message)), reverse=True)
            assert [message_id for page in pages for message_id in page] == expected, filters
            assert len(pages) <= len(messages) // walked + len(expected) // limit + 2, filters

    @pytest.mark.parametrize("lateness_ms", [0, 59_000])
    async def test_a_time_is_compared_exactly_although_ids_are_made_later(
        self, units: UnitOfWorkFactory, reader: MessageReader, lateness_ms: int
    ) -> None:
        times = [NOW, NOW + 1, NOW + 2]
        messages = [a_due_message(id=a_message_id(time + lateness_ms), accepted_at=time) for time in times]
        await self.add(units, *messages)
        first, second, third = [message.id for message in messages]
        assert await self.ids(reader, MessageFilter(created_from=NOW + 1)) == [third, second]
        assert await self.ids(reader, MessageFilter(created_to=NOW + 2)) == [second, first]
        assert await self.ids(reader, MessageFilter(created_from=NOW + 1, created_to=NOW + 2)) == [second]
        assert await self.ids(reader, MessageFilter(created_from=NOW + DAY_MS)) == []
        assert await self.ids(reader, MessageFilter(created_to=NOW - DAY_MS)) == []

    async def test_a_guid_is_found_with_its_own_account_and_with_that_it_is_an_instance_of(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        guid = Guid("guid-c")
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(guid, PROVIDER)])
            await unit.commit()
        messages = [a_due_message(guid=guid), a_due_message(), a_due_message(guid=guid)]
        await self.add(units, *messages)
        assert await self.ids(reader, MessageFilter(guid=guid)) == [messages[2].id, messages[0].id]
        account_id = messages[0].account_id
        assert len(await self.ids(reader, MessageFilter(guid=guid, account_id=account_id))) == 2
        assert await self.ids(reader, MessageFilter(guid=guid, account_id=messages[1].account_id)) == []
        assert await self.ids(reader, MessageFilter(guid=Guid("never seen"))) == []

    async def test_a_batch_is_counted_by_status_and_finished_when_all_rest(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        batch = NewBatch(a_batch_id(), DEFAULT_TENANT, "FANOUT", 3, NOW)
        items = [a_due_message(batch_id=batch.id, index=index, conversation_id=f"R:{index}") for index in range(3)]
        await self.add(units, *items, a_due_message(), batches=[batch])
        items[0].cancel(now=NOW + 5)
        await self.save(units, items[0])
        view = await reader.batch(DEFAULT_TENANT, batch.id)
        assert view is not None
        assert (view.mode, view.total, view.created_at, view.finished_at) == ("FANOUT", 3, NOW, None)
        assert dict(view.by_status) == {MessageStatus.CANCELLED: 1, MessageStatus.QUEUED: 2}
        items[1].cancel(now=NOW + 9)
        items[2].fail("NO_BINDING", now=NOW + 7)
        await self.save(units, *items[1:])
        view = await reader.batch(DEFAULT_TENANT, batch.id)
        assert view is not None
        assert dict(view.by_status) == {MessageStatus.CANCELLED: 2, MessageStatus.FAILED: 1}
        assert view.finished_at == NOW + 9

    async def test_a_batch_of_another_tenant_is_none(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        batch = NewBatch(a_batch_id(), ELSEWHERE, "FANOUT", 1, NOW)
        await self.add(units, a_due_message(batch_id=batch.id, index=0, tenant_id=ELSEWHERE), batches=[batch])
        assert await reader.batch(DEFAULT_TENANT, batch.id) is None
        assert await reader.batch(DEFAULT_TENANT, a_batch_id()) is None
        assert await reader.batch(ELSEWHERE, batch.id) is not None

    @pytest.mark.parametrize("field", ["batch_id", "group_id"])
    async def test_items_come_in_order_page_by_page(
        self, units: UnitOfWorkFactory, reader: MessageReader, field: str
    ) -> None:
        owner: BatchId = a_batch_id()
        items = [a_due_message(**{field: owner}, index=index) for index in (4, 0, 2, 3, 1)]
        await self.add(units, *items)
        first = await reader.batch_items(None, owner, limit=3, after=-1)
        second = await reader.batch_items(None, owner, limit=3, after=2)
        assert [[view.message.index for view in page] for page in (first, second)] == [[0, 1, 2], [3, 4]]

    async def test_callbacks_are_newest_first_page_by_page(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        items = [an_item(notify_type=11010 + number % 2, raw=f'"{number}"') for number in range(5)]
        async with units() as unit:
            await unit.inbox.store(PROVIDER, [*items, an_item(guid=Guid("guid-b"))], NOW)
            await unit.commit()
        first = await reader.callbacks(None, GUID, notify_type=11010, limit=2, before=None)
        second = await reader.callbacks(None, GUID, notify_type=11010, limit=2, before=first[-1].id)
        assert [[view.raw for view in page] for page in (first, second)] == [['"4"', '"2"'], ['"0"']]
        assert (first[0].provider_code, first[0].received_at, first[0].state) == (PROVIDER, NOW, "PENDING")
        assert len(await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)) == 5

    async def test_a_page_of_long_callbacks_ends_with_one_without_its_text(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        long = f'"{"x" * (PAGE_BYTES // 2)}"'
        async with units() as unit:
            await unit.inbox.store(PROVIDER, [an_item(raw=raw) for raw in ("1", long, long, "2")], NOW)
            await unit.commit()
        views = await reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        assert [view.raw and len(view.raw) for view in views] == [1, len(long), None]
        assert await reader.callback(None, views[2].id) == dataclasses.replace(views[2], raw=long)
        assert await reader.callback(None, 10**17) is None

    async def test_a_callback_longer_than_a_page_is_read(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        async with units() as unit:
            await unit.inbox.store(PROVIDER, [an_item(raw="x" * (PAGE_BYTES + 1))], NOW)
            await unit.commit()
        (view,) = await reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        assert view.raw is not None
        assert len(view.raw) == PAGE_BYTES + 1

    async def test_the_store_answers(self, reader: MessageReader) -> None:
        await reader.ping()
