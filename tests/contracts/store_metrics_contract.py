"""What every StoreMetrics reports. Subclasses provide `units`, `store_metrics` and `clock`."""

import itertools
from typing import Any, Final

from tests.support.builders.media import HOLDER, an_asset, an_asset_of_url, an_upload
from tests.support.builders.messages import (
    LEASE_MS,
    NOW,
    PROVIDER,
    a_due_message,
    a_mass_message,
    a_message,
    an_item,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.builders.webhooks import a_delivery, an_endpoint

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.ids import BatchId, MessageId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.mass.chunks import cut
from wework_message.domain.media.asset import MediaState
from wework_message.domain.media.handles import UploadKind
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Due, LanePosition
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.inbox import InboxVerdict
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.store_metrics import (
    LEASE_OVERDUE_MS,
    OPEN,
    RECENT_MS,
    Invariant,
    MediaWork,
    StoreMetrics,
)
from wework_message.domain.webhooks.endpoint import DisabledReason

_serial: Final = itertools.count(1)


def _id(at: int = NOW) -> MessageId:
    """A UUIDv7 of this millisecond."""
    return MessageId(f"{at >> 16:08x}-{at & 0xFFFF:04x}-7000-8000-{next(_serial):012x}")


def _resting(status: MessageStatus, *, at: int = NOW, **changes: Any) -> Message:
    return a_message(id=_id(at), status=status, accepted_at=at, conversation_id=f"S:{next(_serial)}", **changes)


class StoreMetricsContract:
    async def keep(self, units: UnitOfWorkFactory, *messages: Message) -> None:
        async with units() as unit:
            await unit.messages.add(messages)
            await unit.commit()

    async def call(
        self, units: UnitOfWorkFactory, kind: OutcomeClass | None = None, *, status: MessageStatus | None = None
    ) -> Message:
        """A message with one call that ended as `kind`; `status` replaces the one that follows from it."""
        message = a_due_message(id=_id(), conversation_id=f"S:{next(_serial)}")
        await self.keep(units, message)
        async with units() as unit:
            (loaded,) = (await unit.messages.get([message.id])).values()
            begin_call(loaded)
            if kind is not None:
                settle(loaded, an_outcome(kind))
            loaded.lifecycle.status = status or loaded.status
            await unit.messages.save([loaded])
            await unit.commit()
        return loaded

    async def test_nothing_is_due_in_an_empty_store(self, store_metrics: StoreMetrics) -> None:
        assert await store_metrics.oldest_due_ms() == 0
        assert await store_metrics.unknown_open() == {}
        assert await store_metrics.violations() == dict.fromkeys(Invariant, 0)

    async def test_the_oldest_due_counts_over_all_classes(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        await self.keep(units, a_due_message(priority=9))
        clock.advance(100)
        await self.keep(units, a_due_message(priority=5))
        assert await store_metrics.oldest_due_ms() == 100
        clock.advance(50)
        assert await store_metrics.oldest_due_ms() == 150

    async def test_what_is_not_due_yet_is_not_late(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        await self.call(units)  # leased
        assert await store_metrics.oldest_due_ms() == 0
        clock.advance(LEASE_MS + 7)
        assert await store_metrics.oldest_due_ms() == 7

    async def test_the_age_of_the_oldest_open_message_of_each_status(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        assert await store_metrics.oldest_open_ms() == dict.fromkeys(OPEN, 0)
        now = clock.now()
        ages = {MessageStatus.QUEUED: 70_000, MessageStatus.UNKNOWN: 9_000, MessageStatus.SENT: 500_000}
        await self.keep(units, *(_resting(status, at=now - age) for status, age in ages.items()))
        await self.keep(units, _resting(MessageStatus.QUEUED, at=now - 1_000))
        shown = {status: age for status, age in (await store_metrics.oldest_open_ms()).items() if age}
        assert set(shown) == {MessageStatus.QUEUED, MessageStatus.UNKNOWN}  # SENT is at rest
        assert 70_000 <= shown[MessageStatus.QUEUED] < 500_000
        assert 9_000 <= shown[MessageStatus.UNKNOWN] < 70_000

    async def test_the_oldest_callback_that_waits_to_be_applied_counts(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        assert await store_metrics.inbox_lag_ms() == 0
        now = clock.now()
        async with units() as unit:
            await unit.inbox.store(PROVIDER, [an_item()], now - 90_000, states=[InboxState.PARKED])
            await unit.inbox.store(PROVIDER, [an_item()], now - 7_000)
            await unit.inbox.store(PROVIDER, [an_item()], now - 3_000)
            await unit.commit()
        assert 7_000 <= await store_metrics.inbox_lag_ms() < 90_000
        async with units() as unit:
            await unit.inbox.decide(
                [InboxVerdict(entry.id, InboxState.APPLIED) for entry in await unit.inbox.pending(9)]
            )
            await unit.commit()
        assert await store_metrics.inbox_lag_ms() == 0

    async def test_the_delivery_to_a_client_that_is_due_for_longest_counts(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        assert await store_metrics.webhook_overdue_ms() == 0
        now = clock.now()
        async with units() as unit:
            await unit.webhooks.put(an_endpoint("w-1"))
            await unit.webhooks.put(an_endpoint("w-2", disabled=DisabledReason.GONE))
            await unit.webhooks.record([a_delivery(due_at=now - 5), a_delivery("e-0", "w-2", due_at=now - 9_000)])
            await unit.commit()
        clock.advance(2)
        assert 7 <= await store_metrics.webhook_overdue_ms() < 9_000
        assert await store_metrics.oldest_due_ms() == 0

    async def test_unknown_messages_are_counted_by_provider(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics
    ) -> None:
        for kind in (OutcomeClass.UNCERTAIN, OutcomeClass.UNCERTAIN, OutcomeClass.ACCEPTED):
            await self.call(units, kind)
        assert await store_metrics.unknown_open() == {PROVIDER: 2}

    async def test_ordinary_messages_break_no_invariant(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        await self.call(units)
        for kind in ("ACCEPTED", "NOT_SENT", "UNCERTAIN"):
            await self.call(units, OutcomeClass(kind))
        await self.keep(units, a_due_message(conversation_id="S:1"))
        assert await store_metrics.violations() == dict.fromkeys(Invariant, 0)

    async def broken(self, store_metrics: StoreMetrics) -> dict[Invariant, int]:
        return {kind: count for kind, count in (await store_metrics.violations()).items() if count}

    async def test_an_open_message_that_is_not_due_is_stranded(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics
    ) -> None:
        await self.keep(units, _resting(MessageStatus.QUEUED), _resting(MessageStatus.UNKNOWN))
        assert await self.broken(store_metrics) == {Invariant.STRANDED: 2}

    async def test_sending_without_an_intent(self, units: UnitOfWorkFactory, store_metrics: StoreMetrics) -> None:
        message = a_message(id=_id(), status=MessageStatus.SENDING)
        message.due = Due(60_000, LanePosition.FREE)
        await self.keep(units, message)
        assert await self.broken(store_metrics) == {Invariant.SENDING_WITHOUT_INTENT: 1}

    async def test_sent_without_proof_as_long_as_it_is_recent(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics
    ) -> None:
        await self.keep(units, _resting(MessageStatus.SENT), _resting(MessageStatus.SENT, at=NOW - RECENT_MS - 1))
        await self.call(units, OutcomeClass.NOT_SENT, status=MessageStatus.DELIVERED)
        assert await self.broken(store_metrics) == {Invariant.SENT_WITHOUT_PROOF: 2}

    async def test_failed_for_certain_with_an_attempt_that_may_have_been_executed(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics
    ) -> None:
        await self.call(units, OutcomeClass.UNCERTAIN, status=MessageStatus.FAILED)
        assert await self.broken(store_metrics) == {Invariant.FAILED_UNPROVEN: 1}

    async def test_a_lease_that_is_not_taken(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        await self.call(units)
        clock.advance(LEASE_MS + LEASE_OVERDUE_MS)
        assert await self.broken(store_metrics) == {}
        clock.advance(1)
        assert await self.broken(store_metrics) == {Invariant.LEASE_OVERDUE: 1}

    async def test_media_are_counted_and_the_first_job_is_measured(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        assert not any((await store_metrics.media_jobs()).values())
        assert not any((await store_metrics.media_assets()).values())
        assert await store_metrics.media_overdue_ms() == 0
        asset = an_asset()
        async with units() as unit:
            await unit.media.add([asset, an_asset(), an_asset_of_url()])
            await unit.media.request([an_upload(asset), an_upload(asset, kind=UploadKind.COVER)])
            await unit.commit()
        clock.advance(7)
        assert dict(await store_metrics.media_jobs()) == {MediaWork.FETCH: 1, MediaWork.UPLOAD: 2}
        counts = await store_metrics.media_assets()
        assert [counts.get(state, 0) for state in MediaState] == [1, 2, 0]
        assert await store_metrics.media_overdue_ms() == 7
        async with units() as unit:
            await unit.media.claim(10, lease_ms=100, holder=HOLDER)
            await unit.commit()
        assert await store_metrics.media_overdue_ms() == 0

    async def test_a_recipient_that_waits_is_stranded_where_its_chunk_is_never_due(
        self, units: UnitOfWorkFactory, store_metrics: StoreMetrics, clock: SettableClock
    ) -> None:
        messages = [a_mass_message(BatchId(_id()), index) for index in range(1)]
        async with units() as unit:
            await unit.mass.add(cut(messages))
            await unit.messages.add(messages)
            await unit.commit()
        assert (await store_metrics.violations())[Invariant.STRANDED] == 0
        clock.advance(5_000)
        assert await store_metrics.oldest_due_ms() == 5_000
        async with units() as unit:
            await unit.mass.due(1)  # as a claim that forgot its messages would leave it
            await unit.commit()
        assert (await store_metrics.violations())[Invariant.STRANDED] == 1
