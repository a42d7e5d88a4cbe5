import asyncio
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import DAY_MS, GUID, PROVIDER, a_stream_record, an_item

from wework_message.application.callbacks import kept
from wework_message.application.callbacks.ingest import Arrival
from wework_message.application.callbacks.kept import MAX_STEPS, Purged, PurgeQuarantine
from wework_message.application.maintenance.prune import Prune
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, Guid
from wework_message.domain.inbox import KEPT_FOR_PEOPLE, InboxLimits, InboxState

OTHER = Guid("guid-b")


def app_with(**limits: int) -> InMemoryApp:
    return InMemoryApp(inbox=InboxLimits(**limits))


async def arrives(app: InMemoryApp, guid: Guid = GUID, **fields: Any) -> None:
    await app.ingesting(app.callbacks.body(guid=guid, **fields))


async def states(app: InMemoryApp, guid: Guid = GUID) -> list[str]:
    views = await app.reader.callbacks(None, guid, notify_type=None, limit=10_000, before=None)
    return [view.state for view in views]


async def test_beyond_the_callbacks_that_may_wait_the_provider_is_asked_to_come_again() -> None:
    async with app_with(max_pending=3, max_pending_per_guid=3) as app:
        for serial in range(3):
            await arrives(app, Guid(f"guid-{serial}"))
        with pytest.raises(UnavailableError, match="inbox"):
            await arrives(app, Guid("guid-9"))
        await app.projector.project_pending()
        await arrives(app, Guid("guid-9"))


async def test_one_guid_does_not_take_the_room_of_others() -> None:
    async with app_with(max_pending=100, max_pending_per_guid=3) as app:
        for _ in range(3):
            await arrives(app)
        with pytest.raises(UnavailableError):
            await arrives(app)
        await arrives(app, OTHER)
        assert await states(app, OTHER) == ["PENDING"]


async def test_callbacks_of_one_transaction_are_counted_together() -> None:
    async with app_with(max_pending=100, max_pending_per_guid=3) as app:
        results = await asyncio.gather(*[arrives(app) for _ in range(6)], return_exceptions=True)
        assert [type(result) for result in results] == [*[type(None)] * 3, *[UnavailableError] * 3]
        assert await states(app) == ["PENDING"] * 3


async def test_unreadable_callbacks_are_refused_while_the_quarantine_of_their_guid_or_of_all_is_full() -> None:
    async with app_with(max_kept=5, max_kept_per_guid=2) as app:
        for guid in (GUID, OTHER):
            for _ in range(2):
                await arrives(app, guid, defect="junk")
            with pytest.raises(UnavailableError, match="quarantine"):
                await arrives(app, guid, defect="junk")
        await arrives(app, Guid("guid-3"), defect="junk")
        with pytest.raises(UnavailableError, match="quarantine"):
            await arrives(app, Guid("guid-4"), defect="junk")
        await arrives(app)
        await app.application.purge_quarantine(PurgeQuarantine(DEFAULT_TENANT, GUID))
        await arrives(app, Guid("guid-4"), defect="junk")
        assert await states(app) == ["PENDING"]


async def test_unreadable_callbacks_of_one_transaction_are_counted_together() -> None:
    async with app_with(max_kept=9, max_kept_per_guid=3) as app:
        junk = [arrives(app, defect="junk") for _ in range(6)]
        results = await asyncio.gather(*junk, arrives(app), return_exceptions=True)
        assert [type(result) for result in results] == [*[type(None)] * 3, *[UnavailableError] * 3, type(None)]


async def test_a_full_quarantine_refuses_no_readable_record_for_its_neighbours() -> None:
    async with app_with(max_kept=9, max_kept_per_guid=2) as app:
        for _ in range(2):
            await arrives(app, defect="junk")
        items = [an_item(), an_item(defect="newest")]
        handler = app.application.ingest_callback
        await handler.commits.submit(handler.operation, Arrival(PROVIDER, tuple(items)))
        kept = [row for row in app.database.callbacks.committed_rows() if row.state is InboxState.QUARANTINED]
        assert (len(kept), kept[-1].raw) == (2, items[1].raw)
        assert "PENDING" in await states(app)


async def test_what_the_projector_quarantines_counts_too_and_a_log_line_says_how_many_went(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with app_with(max_kept=100, max_kept_per_guid=2) as app:
        for serial in range(5):
            await arrives(app, OTHER, stream_record=a_stream_record(guid=OTHER, provider_message_id=str(serial)))
        await app.projector.project_pending()
        assert await states(app, OTHER) == ["QUARANTINED"] * 2
        assert [record.getMessage() for record in caplog.records] == [
            "the oldest callbacks that were kept for people went beyond their limit: 3"
        ]


async def test_defective_callbacks_come_again_and_again_and_are_kept_once() -> None:
    async with app_with() as app:
        body = app.callbacks.body(guid=GUID, defect="junk")
        for _ in range(3):
            await app.ingesting(body)
            app.clock.advance(DAY_MS)
        assert await states(app) == ["QUARANTINED"]


async def test_callbacks_that_are_kept_for_people_go_once_they_are_old() -> None:
    async with InMemoryApp(keep_quarantine_ms=2 * DAY_MS) as app:
        await arrives(app, defect="junk")
        for days, left in ((1, 1), (2, 0)):
            app.clock.advance(days * DAY_MS)
            task = Prune(app.policy)
            async with app.units() as unit:
                while await task.step(unit):
                    pass
                await unit.commit()
            assert len(await states(app)) == left
    assert set(KEPT_FOR_PEOPLE) == {InboxState.QUARANTINED, InboxState.FAILED}


async def test_a_purge_deletes_what_is_quarantined_of_a_guid_or_of_all() -> None:
    async with app_with(max_kept=10**6, max_kept_per_guid=10**6) as app:
        for guid in (GUID, OTHER):
            for _ in range(3):
                await arrives(app, guid, defect="junk")
        received = app.clock.now()
        app.clock.advance(1)
        await arrives(app, defect="junk")
        await arrives(app)
        purge = app.application.purge_quarantine
        assert await purge(PurgeQuarantine(DEFAULT_TENANT, OTHER)) == Purged(3, more=False)
        assert await purge(PurgeQuarantine(DEFAULT_TENANT, before=received + 1)) == Purged(3, more=False)
        assert await states(app) == ["PENDING", "QUARANTINED"]
        assert await purge(PurgeQuarantine(DEFAULT_TENANT)) == Purged(1, more=False)
        assert await states(app) == ["PENDING"]


async def test_a_long_purge_ends_and_says_that_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "STEP", 2)
    async with app_with() as app:
        for _ in range(2 * MAX_STEPS + 1):
            await arrives(app, defect="junk")
        assert await app.application.purge_quarantine(PurgeQuarantine(DEFAULT_TENANT)) == Purged(
            2 * MAX_STEPS, more=True
        )
        assert await app.application.purge_quarantine(PurgeQuarantine(DEFAULT_TENANT)) == Purged(1, more=False)
