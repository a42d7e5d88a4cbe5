"""What every adapter of replays and of failed messages does. Subclasses provide `units`, `replays`, `failed_walking`."""

import dataclasses
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.support.builders.messages import (
    BACKUP,
    NOW,
    PROVIDER,
    a_due_message,
    a_message_id,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.account import implicit_account_id
from wework_message.domain.errors import ConflictError
from wework_message.domain.failed_messages import FailureFilter, cause_of, error_code_of
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId, ProviderCode, ReplayId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import FailureReason, OutcomeClass
from wework_message.domain.ports.replays import FailedMessageReader, ReplayReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.replay import START, Counted, ItemState, Replay, ReplayItem, ReplayState, Selection
from wework_message.domain.retry import GiveUp

OPEN, ENDED, FAILED, SKIPPED = ItemState
GUIDS: Final = (Guid("guid-a"), Guid("guid-b"))
LAST: Final = ReplayId("ffffffff")
"""Behind every message."""


def a_refused_message(
    error_code: int | None = -1, *, provider_code: ProviderCode = PROVIDER, confirmed: bool = True, **changes: Any
) -> Message:
    """FAILED by a provider's answer."""
    message = a_due_message(**changes)
    begin_call(message, provider_code=provider_code)
    outcome = an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=error_code, confirmed=confirmed)
    settle(message, outcome, verdict=GiveUp(FailureReason.REFUSED_PERMANENT))
    return message


def an_uncalled_message(reason: str, **changes: Any) -> Message:
    """FAILED or EXPIRED without a call."""
    message = a_due_message(**changes)
    if reason == "EXPIRED":
        message.expire(now=NOW)
    else:
        message.fail(reason, now=NOW)
    return message


def a_replay(replay_id: str = "r-1", **changes: Any) -> Replay:
    fields: dict[str, Any] = {
        "id": ReplayId(replay_id), "tenant_id": DEFAULT_TENANT, "selection": Selection(FailureFilter(cause="POISON")),
        "rate_milli": 10_000, "dry_run": False, "created_at": NOW,
    }  # fmt: skip
    return Replay(**fields | changes)


def a_random_message(random_source: random.Random, place: int) -> Message:
    common = {"conversation_id": f"S:{place}", "accepted_at": NOW + place, "guid": random_source.choice(GUIDS)}
    kind = random_source.randrange(8)
    if kind == 0:
        return a_due_message(**common)
    if kind < 4:
        return an_uncalled_message(("EXPIRED", "NO_BINDING", "RECALL_ASKED")[kind - 1], **common)
    provider_code, code = random_source.choice([PROVIDER, BACKUP]), random_source.choice([None, 0, -1, -4017])
    return a_refused_message(code, provider_code=provider_code, confirmed=random_source.random() < 0.5, **common)


def a_random_filter(random_source: random.Random) -> FailureFilter:
    """Half of its fields are not filtered, on average."""

    def perhaps(*values: Any) -> Any:
        return random_source.choice(values) if random_source.random() < 0.5 else None

    return FailureFilter(
        cause=perhaps("EXPIRED", "NO_BINDING", "RECALL_ASKED", "REFUSED_PERMANENT", "POISON"),
        provider_code=perhaps(PROVIDER, BACKUP, ProviderCode("NONE")), error_code=perhaps(0, -1, -4017, 5),
        account_id=perhaps(*map(implicit_account_id, GUIDS)), created_from=perhaps(NOW, NOW + 10, NOW + 50),
        created_to=perhaps(NOW, NOW + 20, NOW + 50),
    )  # fmt: skip


async def store(units: UnitOfWorkFactory, *messages: Message) -> None:
    async with units() as unit:
        await unit.messages.add(list(messages))
        await unit.commit()


class FailedMessagesContract:
    """Provides `units` and `failed_walking`: a reader that looks at so many messages."""

    @pytest.fixture
    def failed(self, failed_walking: Callable[[int], FailedMessageReader]) -> FailedMessageReader:
        return failed_walking(10_000)

    async def test_failures_are_grouped_by_cause_provider_and_code(
        self, units: UnitOfWorkFactory, failed: FailedMessageReader
    ) -> None:
        refused = [
            a_refused_message(-7, conversation_id=f"S:{number}", accepted_at=NOW + number, confirmed=number > 0)
            for number in range(3)
        ]
        others = [
            a_refused_message(-8, conversation_id="S:8"),
            a_refused_message(-7, conversation_id="S:9", provider_code=BACKUP),
            an_uncalled_message("EXPIRED", conversation_id="S:10"),
            an_uncalled_message("POISON", conversation_id="S:11"),
            a_due_message(conversation_id="S:12"),
        ]
        await store(units, *refused, *others)
        part = await failed.groups(DEFAULT_TENANT, FailureFilter(), before=None)
        assert part.following is None
        largest = part.groups[0]
        assert (largest.cause, largest.provider_code, largest.error_code) == ("REFUSED_PERMANENT", PROVIDER, -7)
        assert (largest.count, largest.unconfirmed) == (3, 1)
        assert (largest.oldest_at, largest.newest_at) == (NOW, NOW + 2)
        assert largest.sample_message_ids == (refused[0].id, refused[2].id)
        assert {(group.cause, group.provider_code, group.error_code, group.count) for group in part.groups[1:]} == {
            ("REFUSED_PERMANENT", PROVIDER, -8, 1), ("REFUSED_PERMANENT", BACKUP, -7, 1), ("EXPIRED", None, None, 1),
            ("POISON", None, None, 1),
        }  # fmt: skip

    async def test_others_tenants_failures_do_not_exist(
        self, units: UnitOfWorkFactory, failed: FailedMessageReader
    ) -> None:
        await store(units, a_refused_message())
        other = TenantId("other")
        assert list((await failed.groups(other, FailureFilter(), before=None)).groups) == []
        assert list((await failed.page(other, FailureFilter(), limit=10, before=None)).messages) == []
        selection = Selection(FailureFilter(cause="REFUSED_PERMANENT"))
        assert (await failed.count(other, selection, after=START, until=LAST)).messages == 0

    async def test_pages_groups_and_replays_have_what_passes_exactly_once(
        self, units: UnitOfWorkFactory, failed_walking: Callable[[int], FailedMessageReader]
    ) -> None:
        random_source = random.Random(1)
        messages = [a_random_message(random_source, place) for place in range(40)]
        await store(units, *messages)
        for _ in range(60):
            reader, limit = failed_walking(random_source.randint(1, 50)), random_source.randint(1, 9)
            filters = a_random_filter(random_source)
            passing = [message for message in messages if filters.matches(message)]
            await self._pages(reader, filters, passing, limit)
            await self._groups(reader, filters, passing)
            if filters != FailureFilter():
                selection = Selection(filters, unconfirmed=random_source.random() < 0.5)
                await self._selects(reader, selection, messages, limit)

    async def _pages(
        self, reader: FailedMessageReader, filters: FailureFilter, passing: list[Message], limit: int
    ) -> None:
        listed: list[MessageId] = []
        before: MessageId | None = None
        while True:
            page = await reader.page(DEFAULT_TENANT, filters, limit=limit, before=before)
            assert len(page.messages) <= limit
            listed += [view.message.id for view in page.messages]
            before = page.following
            if before is None:
                break
        assert listed == [message.id for message in reversed(passing)]

    async def _groups(self, reader: FailedMessageReader, filters: FailureFilter, passing: list[Message]) -> None:
        counted: Counter[object] = Counter()
        before: MessageId | None = None
        while True:
            part = await reader.groups(DEFAULT_TENANT, filters, before=before)
            for group in part.groups:
                counted[group.cause, group.error_code, group.provider_code] += group.count
            before = part.following
            if before is None:
                break
        assert counted == Counter(
            (cause_of(message), error_code_of(message), _provider_of(message)) for message in passing
        )

    async def _selects(
        self, reader: FailedMessageReader, selection: Selection, messages: list[Message], limit: int
    ) -> None:
        chosen = [message.id for message in messages if selection.skipped_because(message) is None]
        selected: list[MessageId] = []
        after: MessageId | None = START
        while after is not None:
            part = await reader.select(DEFAULT_TENANT, selection, after=after, until=LAST, limit=limit)
            selected += part.message_ids
            after = part.reached
        assert selected == chosen
        total, after = Counted(0, 0, None), START
        while after is not None:
            counted = await reader.count(DEFAULT_TENANT, selection, after=after, until=LAST)
            total = Counted(total.messages + counted.messages, total.unconfirmed + counted.unconfirmed, None)
            after = counted.reached
        left_out = [message for message in messages if selection.skipped_because(message) == "UNCONFIRMED"]
        assert total == Counted(len(chosen), len(left_out), None)

    async def test_messages_accepted_after_the_replay_are_not_selected(
        self, units: UnitOfWorkFactory, failed: FailedMessageReader
    ) -> None:
        early, late = a_refused_message(conversation_id="S:1"), a_refused_message(conversation_id="S:2")
        await store(units, early, late)
        selection = Selection(FailureFilter(cause="REFUSED_PERMANENT"))
        until = ReplayId(late.id)
        assert (await failed.count(DEFAULT_TENANT, selection, after=START, until=until)).messages == 1
        selected = await failed.select(DEFAULT_TENANT, selection, after=START, until=until, limit=10)
        assert list(selected.message_ids) == [early.id]


def _provider_of(message: Message) -> ProviderCode | None:
    return message.attempts.last.provider_code if message.attempts.last is not None else None


class ReplaysContract:
    """Provides `units` and `replays`."""

    async def add(self, units: UnitOfWorkFactory, replay: Replay, *skipped: ReplayItem) -> None:
        async with units() as unit:
            await unit.replays.add(replay, skipped)
            await unit.commit()

    async def save(self, units: UnitOfWorkFactory, replay: Replay, *items: ReplayItem, now: int = NOW) -> None:
        async with units() as unit:
            await unit.replays.save(replay, items, now=now)
            await unit.commit()

    async def test_a_replay_comes_back_as_it_was_stored(self, units: UnitOfWorkFactory, replays: ReplayReader) -> None:
        filters = FailureFilter("POISON", PROVIDER, -4017, "acc-1", NOW, NOW + 1)
        by_filter = a_replay(selection=Selection(filters, unconfirmed=True), rate_milli=100, dry_run=True)
        named = a_replay("r-2", selection=Selection(message_ids=(MessageId("b"), MessageId("a"))))
        changed = dataclasses.replace(
            named, state=ReplayState.DONE, position=MessageId("b"), total=2, unconfirmed=3, replayed=4, skipped=5, failed=6,
            open=7, next_at=NOW + 8, finished_at=NOW + 9,
        )  # fmt: skip
        await self.add(units, by_filter)
        await self.add(units, named)
        await self.save(units, changed)
        assert await replays.replay(DEFAULT_TENANT, by_filter.id) == by_filter
        assert await replays.replay(DEFAULT_TENANT, named.id) == changed
        assert list(await replays.replays(DEFAULT_TENANT, limit=2, before=None)) == [changed, by_filter]
        assert list(await replays.replays(DEFAULT_TENANT, limit=2, before=named.id)) == [by_filter]
        assert list(await replays.replays(DEFAULT_TENANT, limit=1, before=None)) == [changed]

    async def test_what_is_not_there_is_none(self, units: UnitOfWorkFactory, replays: ReplayReader) -> None:
        await self.add(units, a_replay())
        other = TenantId("other")
        assert await replays.replay(DEFAULT_TENANT, ReplayId("r-2")) is None
        assert await replays.replay(other, ReplayId("r-1")) is None
        assert list(await replays.replays(other, limit=2, before=None)) == []
        async with units() as unit:
            assert await unit.replays.get(ReplayId("r-2")) is None
            assert await unit.replays.get(ReplayId("r-1")) == a_replay()

    async def test_what_is_not_committed_did_not_happen(self, units: UnitOfWorkFactory, replays: ReplayReader) -> None:
        async with units() as unit:
            await unit.replays.add(a_replay(), ())
        assert await replays.replay(DEFAULT_TENANT, ReplayId("r-1")) is None

    async def test_those_with_something_to_do_are_active(self, units: UnitOfWorkFactory, replays: ReplayReader) -> None:
        done = {"state": ReplayState.DONE, "finished_at": NOW}
        for replay_id, changes in (("r-1", {}), ("r-2", done), ("r-3", done | {"open": 1}), ("r-4", {})):
            await self.add(units, a_replay(replay_id, **changes))
        await self.add(units, a_replay("r-5", state=ReplayState.CANCELLED, finished_at=NOW, open=1))
        assert [replay.id for replay in await replays.active(limit=10)] == ["r-1", "r-4"]
        assert [replay.id for replay in await replays.active(limit=1)] == ["r-1"]
        for after, limit, expected in (("", 9, ["r-3", "r-5"]), ("", 1, ["r-3"]), ("r-3", 9, ["r-5"]), ("r-5", 9, [])):
            settling = await replays.settling(after=ReplayId(after), limit=limit)
            assert [replay.id for replay in settling] == expected
        await self.save(units, a_replay("r-3", **done, open=1), now=NOW + 26 * 3_600_000)
        await self.save(units, a_replay("r-1", **done))
        assert [replay.id for replay in await replays.active(limit=10)] == ["r-4"]
        assert [replay.id for replay in await replays.settling(after=ReplayId(""), limit=9)] == ["r-5"]

    async def test_a_message_is_replayed_by_a_replay_once(
        self, units: UnitOfWorkFactory, replays: ReplayReader
    ) -> None:
        await self.add(units, a_replay())
        await self.add(units, a_replay("r-2"))
        item = ReplayItem(a_message_id(), OPEN, round=2)
        await self.save(units, a_replay(replayed=1), item)
        await self.save(units, a_replay("r-2"), item)
        with pytest.raises(ConflictError):
            await self.save(units, a_replay(replayed=2), item)
        replay = await replays.replay(DEFAULT_TENANT, ReplayId("r-1"))
        assert replay is not None
        assert replay.replayed == 1

    async def test_skipped_messages_are_listed(self, units: UnitOfWorkFactory, replays: ReplayReader) -> None:
        first, second = (ReplayItem(MessageId(name), SKIPPED, "NOT_FOUND") for name in "ab")
        await self.add(units, a_replay(), second)
        await self.save(units, a_replay(), first, ReplayItem(MessageId("c"), OPEN, round=2))
        assert list(await replays.skipped(DEFAULT_TENANT, ReplayId("r-1"), limit=10)) == [first, second]
        assert list(await replays.skipped(DEFAULT_TENANT, ReplayId("r-1"), limit=1)) == [first]
        assert list(await replays.skipped(DEFAULT_TENANT, ReplayId("r-2"), limit=10)) == []

    async def test_what_became_of_messages_is_seen_part_by_part(
        self, units: UnitOfWorkFactory, replays: ReplayReader
    ) -> None:
        sent, refused, waiting = (
            a_due_message(),
            a_refused_message(conversation_id="S:2"),
            a_due_message(conversation_id="S:3"),
        )
        begin_call(sent)
        settle(sent, an_outcome(OutcomeClass.ACCEPTED))
        retried = a_due_message(conversation_id="S:4", round=3)
        await store(units, sent, refused, waiting, retried)
        stored = [sent.id, refused.id, waiting.id, retried.id]
        deleted = a_message_id()
        items = [ReplayItem(message_id, OPEN, round=2) for message_id in (*stored, deleted)]
        await self.add(units, a_replay())
        await self.save(units, a_replay(), *items)
        ended, reached = await replays.ended(ReplayId("r-1"), after=START, limit=10)
        assert {item.message_id: item.state for item in ended} == {
            sent.id: ENDED, refused.id: FAILED, retried.id: FAILED, deleted: ENDED,
        }  # fmt: skip
        assert reached is None
        part, reached = await replays.ended(ReplayId("r-1"), after=START, limit=2)
        assert ([item.message_id for item in part], reached) == ([sent.id, refused.id], refused.id)
        assert {item.round for item in part} == {2}
        async with units() as unit:
            assert list(await unit.replays.settle(ReplayId("r-1"), part)) == list(part)
            assert list(await unit.replays.settle(ReplayId("r-1"), part)) == []  # they are not OPEN any more
            assert list(await unit.replays.settle(ReplayId("r-1"), [])) == []
            await unit.commit()
        left, _ = await replays.ended(ReplayId("r-1"), after=START, limit=10)
        assert {item.message_id for item in left} == {retried.id, deleted}

    async def test_old_replays_are_deleted_with_what_they_have_come_to(
        self, units: UnitOfWorkFactory, replays: ReplayReader
    ) -> None:
        old = {"state": ReplayState.DONE, "finished_at": NOW - 10}
        for replay_id, changes in (("r-1", old), ("r-2", {}), ("r-3", old), ("r-4", old | {"finished_at": NOW})):
            await self.add(units, a_replay(replay_id, **changes))
        items = [ReplayItem(MessageId(str(number)), SKIPPED, "NOT_FOUND") for number in range(5)]
        await self.save(units, a_replay("r-1", **old), *items)
        deleted, steps = 0, 0
        after: str | None = ""
        while after is not None:
            async with units() as unit:
                pruned = await unit.pruning.replays(older_than_ms=5, limit=2, after=after)
                await unit.commit()
            deleted, steps = deleted + pruned.deleted, steps + 1
            after = pruned.after
        assert [replay.id for replay in await replays.replays(DEFAULT_TENANT, limit=9, before=None)] == ["r-4", "r-2"]
        assert list(await replays.skipped(DEFAULT_TENANT, ReplayId("r-1"), limit=10)) == []
        assert (deleted, steps) == (7, 5)
