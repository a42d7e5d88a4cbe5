"""Slots of the media worker: what hangs leaves room for others."""

import asyncio

import pytest
from tests.support.apps.media_app import PICTURE, MediaApp
from tests.support.builders.media import some_facts
from tests.support.builders.messages import BACKUP, PROVIDER

from wework_message.adapters.memory.system import SettableClock
from wework_message.application.media.slow_hosts import MAX_HOSTS, MAX_WAIT_MS, SlowHosts
from wework_message.application.media.worker import Slots
from wework_message.domain.content import MergedContent, MergedImage
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.fetched import MAX_TRIES
from wework_message.domain.ports.media_fetcher import Fetched, FetchOutcome
from wework_message.domain.ports.media_store import StagedFile

GOOD = "https://files.example/a.gif"


@pytest.mark.parametrize("total", [2, 3, 4, 9])
def test_uploads_leave_a_slot_to_fetches_whichever_providers_hang(total: int) -> None:
    slots = Slots(total, frozenset({PROVIDER, BACKUP}))
    for code in (PROVIDER, BACKUP) * total:
        if slots.room and code not in slots.full:
            slots.take(code)
    assert slots.full >= {PROVIDER, BACKUP}
    assert None not in slots.full
    assert slots.room >= 1


def test_a_claim_of_uploads_alone_leaves_a_slot_too() -> None:
    slots = Slots(4, frozenset({PROVIDER, BACKUP}))
    slots.take(PROVIDER)
    slots.take(BACKUP)
    assert slots.room == 1, "all that is claimed may be uploads"


def slow_server(app: MediaApp, monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Future[Fetched]]:
    """Fetches from slow.example end when the test says so: their ends, in their order."""
    fetch, ends = app.media_fetcher.fetch, list[asyncio.Future[Fetched]]()

    async def slow(url: str, into: StagedFile, *, max_bytes: int, deadline_ms: int) -> Fetched:
        if "slow" not in url:
            return await fetch(url, into, max_bytes=max_bytes, deadline_ms=deadline_ms)
        ends.append(asyncio.get_running_loop().create_future())
        return await ends[-1]

    monkeypatch.setattr(app.media_fetcher, "fetch", slow)
    return ends


async def turns(app: MediaApp, count: int) -> None:
    for _ in range(count):
        await app.worker.round()
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_slow_host_does_not_take_the_slots_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaApp() as app:
        ends = slow_server(app, monkeypatch)
        for number in range(50):
            await app.application.name_media(DEFAULT_TENANT, f"https://slow.example/{number}", None)
        app.media_fetcher.answers[GOOD] = PICTURE
        message_id = await app.accept_picture(url=GOOD)
        await app.dispatch()
        await turns(app, 3)
        assert len(ends) == 2, "half of the slots"
        app.clock.advance(20_000)
        ends[0].set_result(Fetched(FetchOutcome.FAILED))
        await turns(app, 100)
        assert app.media_fetcher.fetched == [GOOD]
        assert len(ends) == 2, "one at a time is enough"
        ends[1].set_result(Fetched(FetchOutcome.FAILED))
        await app.worker.settled()
        await app.settle_all(2)
        assert (await app.message(message_id)).status is MessageStatus.SENT
        app.clock.advance(MAX_WAIT_MS)
        await turns(app, 3)
        assert len(ends) == 3, "it goes on"
        await app.worker.stop()
        await app.worker.settled()


async def test_what_was_not_begun_is_no_try(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaApp() as app:
        ends = slow_server(app, monkeypatch)
        for number in range(3):
            await app.application.name_media(DEFAULT_TENANT, f"https://slow.example/{number}", None)
        await turns(app, 3)
        app.clock.advance(20_000)
        ends[0].set_result(Fetched(FetchOutcome.FAILED))
        for _ in range(MAX_TRIES):
            await turns(app, 3)
            app.clock.advance(MAX_WAIT_MS)
        assert sorted(row.job.tries for row in app.database.media_jobs.rows()) == [0, 0, 1]
        await app.worker.stop()
        await app.worker.settled()


def test_a_slow_host_has_one_slot_and_the_others_come_one_after_the_other() -> None:
    clock = SettableClock()
    hosts = SlowHosts(clock, slow_ms=5_000)
    assert [hosts.begin("a"), hosts.begin("a")] == [0, 0], "nothing is known of it"
    clock.advance(6_000)
    hosts.end("a", 6_000)
    assert [hosts.begin("a") for _ in range(3)] == [6_000, 12_000, 18_000]
    assert {hosts.begin("a") for _ in range(100)} > {MAX_WAIT_MS}
    assert hosts.begin("b") == 0
    hosts.end("a", 6_000)
    assert hosts.begin("a") == 0, "its slot is free"
    hosts.end("a", 4_999)
    assert [hosts.begin("a"), hosts.begin("a")] == [0, 0], "it is fast again"


def test_only_so_many_slow_hosts_are_known() -> None:
    hosts = SlowHosts(SettableClock(), slow_ms=5_000)
    for number in range(MAX_HOSTS + 1):
        hosts.begin(str(number))
        hosts.end(str(number), 9_000)
    assert [hosts.begin("0"), hosts.begin("0")] == [0, 0], "the one that was slow first is forgotten"
    assert hosts.begin(str(MAX_HOSTS)) == 0
    assert hosts.begin(str(MAX_HOSTS)) > 0
    assert len(hosts) == MAX_HOSTS


async def test_a_record_of_many_files_does_not_wake_its_messages_for_each_of_them() -> None:
    async with MediaApp() as app:
        assets = [await app.store_asset(facts=some_facts(str(number))) for number in range(20)]
        items = tuple(MergedImage(media_id=asset.media_id, sender_name="n") for asset in assets)
        ids = [await app.accept_content(MergedContent(messages=items), to=f"S:{to}") for to in range(3)]
        for _ in range(3 * len(assets)):
            await app.dispatch()
            await app.worker.round()
            await app.worker.settled()
        await app.dispatch()
        for message_id in ids:
            message = await app.message(message_id)
            assert message.status is MessageStatus.SENT
            assert message.version < 12, "held, woken, claimed, sent"
        assert len(app.files().uploads) == len(assets)


async def test_the_end_of_a_job_is_a_slot_for_the_next() -> None:
    async with MediaApp() as app:
        asset = await app.store_asset()
        await app.accept_picture(asset.media_id)
        await app.dispatch()
        await app.worker.round()
        app.worker._wake.clear()
        await app.worker.settled()
        assert app.worker._wake.is_set()
