"""What every MediaRepository does. Subclasses provide `units`, `other_units` and `clock`."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tests.support.builders.media import (
    HOLDER,
    OTHER_HOLDER,
    URL,
    a_handle,
    a_handle_key,
    a_message_with,
    an_asset,
    an_asset_of_url,
    an_upload,
    hold_for_media,
    some_facts,
)
from tests.support.builders.messages import BACKUP, NOW, a_due_message

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.ids import DEFAULT_TENANT, Guid, HolderToken, MediaId, TenantId
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.media.asset import MediaAsset, MediaFailure, MediaState, Seen
from wework_message.domain.media.handles import Handle, HandleKey, UploadKind
from wework_message.domain.message.message import Message
from wework_message.domain.ports.media import (
    KEPT_MS,
    LONGEST_WAIT_MS,
    REFUSAL_MS,
    MediaDeletion,
    MediaJob,
    MediaUse,
)
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.repositories import UnitOfWorkFactory

FRESH_MS = 600_000
LEASE_MS = 60_000
OTHER_TENANT = TenantId("other")
FULL = Seen("video/mp4", 1920, 1080, 12_345)


async def add(units: UnitOfWorkFactory, *assets: MediaAsset) -> None:
    async with units() as unit:
        await unit.media.add(assets)
        await unit.commit()


async def for_urls(units: UnitOfWorkFactory, *assets: MediaAsset) -> Sequence[MediaId]:
    async with units() as unit:
        ids = await unit.media.for_urls(assets, fresh_ms=FRESH_MS)
        await unit.commit()
    return ids


async def stored(units: UnitOfWorkFactory, media_id: MediaId, tenant: TenantId = DEFAULT_TENANT) -> MediaAsset | None:
    async with units() as unit:
        return (await unit.media.assets(tenant, [media_id])).get(media_id)


async def claim(units: UnitOfWorkFactory, limit: int = 10, holder: HolderToken = HOLDER) -> Sequence[MediaJob]:
    async with units() as unit:
        jobs = await unit.media.claim(limit, lease_ms=LEASE_MS, holder=holder)
        await unit.commit()
    return jobs


async def request(units: UnitOfWorkFactory, *jobs: MediaJob) -> None:
    async with units() as unit:
        await unit.media.request(jobs)
        await unit.commit()


async def fetched(
    units: UnitOfWorkFactory, job: MediaJob, *, failure: MediaFailure | None = None, holder: HolderToken = HOLDER
) -> Sequence[str]:
    async with units() as unit:
        waiting = await unit.media.fetched(job, failure or some_facts(), holder=holder, now=NOW)
        await unit.commit()
    return waiting


async def uploaded(
    units: UnitOfWorkFactory, job: MediaJob, handle: Handle | MediaFailure, holder: HolderToken = HOLDER
) -> Sequence[str]:
    async with units() as unit:
        waiting = await unit.media.uploaded(job, handle, holder=holder, now=NOW)
        await unit.commit()
    return waiting


async def handle_of(units: UnitOfWorkFactory, key: HandleKey, now: int = NOW) -> Handle | MediaFailure | None:
    async with units() as unit:
        return (await unit.media.handles([key], now=now)).get(key)


async def revive(units: UnitOfWorkFactory, media_ids: Sequence[MediaId], tenant: TenantId = DEFAULT_TENANT) -> None:
    async with units() as unit:
        await unit.media.revive(tenant, media_ids)
        await unit.commit()


async def keep(units: UnitOfWorkFactory, key: BlobKey) -> bool:
    async with units() as unit:
        kept = await unit.media.keep(key)
        await unit.commit()
    return kept


async def unowned(units: UnitOfWorkFactory, holder: HolderToken = HOLDER) -> Sequence[BlobKey]:
    async with units() as unit:
        keys = await unit.media.unowned(10, lease_ms=LEASE_MS, holder=holder)
        await unit.commit()
    return keys


async def delete(units: UnitOfWorkFactory, media_id: MediaId, tenant: TenantId = DEFAULT_TENANT) -> MediaDeletion:
    async with units() as unit:
        deletion = await unit.media.delete(tenant, media_id)
        await unit.commit()
    return deletion


async def end(units: UnitOfWorkFactory, message: Message) -> None:
    async with units() as unit:
        changed = (await unit.messages.get([message.id]))[message.id]
        changed.cancel(now=NOW)
        await unit.messages.save([changed])
        await unit.commit()


class MediaContract:
    async def test_assets_are_read_as_they_were_stored_and_only_by_their_tenant(self, units: UnitOfWorkFactory) -> None:
        video = an_asset(facts=some_facts(seen=FULL), preview_id=MediaId("p"), url=URL, file_name=None)
        failed = an_asset(state=MediaState.FAILED, facts=None, failure=MediaFailure.BLOCKED, file_name="梅" * 255)
        await add(units, video, failed)
        assert await stored(units, video.media_id) == video
        assert await stored(units, failed.media_id) == failed
        assert await stored(units, video.media_id, OTHER_TENANT) is None
        assert await stored(units, MediaId("unknown")) is None
        assert await claim(units) == [], "nothing is to be fetched"

    async def test_a_pending_asset_is_stored_with_its_fetch(self, units: UnitOfWorkFactory) -> None:
        asset = an_asset_of_url()
        await add(units, asset)
        assert await claim(units) == [MediaJob(asset.media_id, DEFAULT_TENANT)]

    async def test_messages_of_one_url_share_an_asset_and_a_fetch(self, units: UnitOfWorkFactory) -> None:
        many = [an_asset_of_url() for _ in range(5_000)]
        other = an_asset_of_url("https://files.example.com/other.png")
        foreign = an_asset_of_url(tenant_id=OTHER_TENANT)
        ids = await for_urls(units, *many, other, foreign)
        assert set(ids[:5_000]) == {many[0].media_id}
        assert ids[5_000:] == [other.media_id, foreign.media_id]
        assert await for_urls(units, an_asset_of_url(), an_asset_of_url()) == [many[0].media_id] * 2
        assert {job.media_id for job in await claim(units)} == {many[0].media_id, other.media_id, foreign.media_id}
        assert await stored(units, many[0].media_id) == many[0]
        assert await stored(units, many[1].media_id) is None

    async def test_two_units_of_work_that_name_one_url_at_once_share_it(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        urls = [f"https://files.example.com/{number}" for number in range(20)]
        orders = (urls, urls[::-1], urls[10:] + urls[:10])
        results = await asyncio.gather(
            *(
                for_urls(factory, *(an_asset_of_url(url) for url in order))
                for order, factory in zip(orders, (units, other_units, units), strict=True)
            )
        )
        first, *others = [dict(zip(order, ids, strict=True)) for order, ids in zip(orders, results, strict=True)]
        assert others == [first, first]
        assert len(await claim(units, limit=100)) == 20

    async def test_the_second_waits_for_a_unit_of_work_that_stores_the_url_now(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        for committed in (True, False):
            mine, theirs = an_asset_of_url(f"{URL}&{committed}"), an_asset_of_url(f"{URL}&{committed}")
            async with units() as unit:
                await unit.media.for_urls([mine], fresh_ms=FRESH_MS)
                second = asyncio.create_task(for_urls(other_units, theirs))
                await asyncio.sleep(0)
                if committed:
                    await unit.commit()
            assert await second == [mine.media_id if committed else theirs.media_id]

    async def test_an_asset_of_a_url_is_fresh_for_a_while(self, units: UnitOfWorkFactory) -> None:
        first = an_asset_of_url()
        await for_urls(units, first)
        await fetched(units, (await claim(units))[0])
        before = an_asset_of_url(created_at=NOW + FRESH_MS - 1)
        assert await for_urls(units, before) == [first.media_id]
        after = an_asset_of_url(created_at=NOW + FRESH_MS)
        assert await for_urls(units, after) == [after.media_id]
        assert await for_urls(units, an_asset_of_url()) == [after.media_id], "the newer one is the URL's own"
        assert [job.media_id for job in await claim(units)] == [after.media_id]
        assert await stored(units, first.media_id) is not None

    async def test_an_asset_that_a_clock_made_which_was_set_back_is_not_fresh(self, units: UnitOfWorkFactory) -> None:
        first, second = an_asset_of_url(), an_asset_of_url(created_at=NOW - FRESH_MS)
        await for_urls(units, first)
        await fetched(units, (await claim(units))[0])
        assert await for_urls(units, second) == [second.media_id]

    async def test_what_became_ready_while_a_message_was_being_stored_is_fetched_once(
        self, units: UnitOfWorkFactory
    ) -> None:
        """The message has the time at which it came, and is stored a moment later."""
        first, second = an_asset_of_url(), an_asset_of_url(created_at=NOW - 1)
        await for_urls(units, first)
        await fetched(units, (await claim(units))[0])
        assert await for_urls(units, second) == [first.media_id]

    async def test_a_failed_asset_is_not_used_again(self, units: UnitOfWorkFactory) -> None:
        first, second = an_asset_of_url(), an_asset_of_url()
        await for_urls(units, first)
        await fetched(units, (await claim(units))[0], failure=MediaFailure.NOT_FOUND)
        assert await for_urls(units, second) == [second.media_id]
        failed = await stored(units, first.media_id)
        assert failed == replace(first, state=MediaState.FAILED, failure=MediaFailure.NOT_FOUND)

    async def test_a_fetch_makes_the_asset_ready_and_names_the_messages_that_wait(
        self, units: UnitOfWorkFactory
    ) -> None:
        asset, other = an_asset_of_url(), an_asset_of_url("https://files.example.com/other.png")
        await add(units, asset, other)
        waiting = [await a_message_with(units, asset.media_id, conversation_id=f"S:{number}") for number in range(3)]
        await a_message_with(units, asset.media_id, other.media_id)
        await a_message_with(units, asset.media_id, held=False)
        await a_message_with(units, other.media_id)
        ended = await a_message_with(units, asset.media_id)
        await end(units, ended)
        job = next(job for job in await claim(units) if job.media_id == asset.media_id)
        preview = an_asset(facts=some_facts("preview"))
        async with units() as unit:
            facts = some_facts(seen=FULL)
            ids = await unit.media.fetched(job, facts, holder=HOLDER, now=NOW, preview=preview)
            await unit.commit()
        assert set(ids) - {ended.id} == {message.id for message in waiting}, "one of them waits for another asset, too"
        assert await stored(units, preview.media_id) == preview
        ready = replace(asset, state=MediaState.READY, facts=facts, preview_id=preview.media_id)
        assert await stored(units, asset.media_id) == ready
        assert await fetched(units, job) == (), "the job has ended"

    async def test_a_message_that_is_stored_as_held_is_named(self, units: UnitOfWorkFactory) -> None:
        asset = an_asset_of_url()
        await add(units, asset)
        message = a_due_message()
        message.hold(HoldReason.MEDIA, 60_000, now=NOW)
        async with units() as unit:
            await unit.messages.add([message])
            await unit.media.use([MediaUse(message.id, asset.media_id, waits=True)])
            await unit.commit()
        (job,) = await claim(units)
        assert await fetched(units, job) == [message.id]

    async def test_a_message_that_looks_again_is_named_again(self, units: UnitOfWorkFactory) -> None:
        asset = an_asset()
        await add(units, asset)
        message = await a_message_with(units, asset.media_id)
        for kind in (UploadKind.IMAGE, UploadKind.COVER):
            job = an_upload(asset, kind=kind)
            await request(units, job)
            await claim(units)
            assert await uploaded(units, job, a_handle()) == [message.id]
            await hold_for_media(units, message)

    async def test_only_the_holder_of_a_job_ends_it(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        asset = an_asset_of_url()
        await add(units, asset)
        (job,) = await claim(units)
        clock.advance(LEASE_MS)
        assert await claim(units, holder=OTHER_HOLDER) == [job]
        await a_message_with(units, asset.media_id)
        assert await fetched(units, job) == ()
        assert await uploaded(units, job, MediaFailure.GONE) == ()
        async with units() as unit:
            await unit.media.later(job, wait_ms=0, holder=HOLDER)
            await unit.commit()
        assert await stored(units, asset.media_id) == asset
        assert await claim(units) == []
        assert len(await fetched(units, job, holder=OTHER_HOLDER)) == 1

    async def test_equal_uploads_are_one(self, units: UnitOfWorkFactory) -> None:
        asset, equal = an_asset(), an_asset()
        await add(units, asset, equal)
        job = an_upload(asset)
        others = [an_upload(asset, kind=UploadKind.COVER), an_upload(asset, provider_code=BACKUP)]
        await request(units, job, an_upload(equal), *others)
        await request(units, an_upload(equal), *others)
        assert len(await claim(units)) == 3
        await request(units, job)
        assert await claim(units) == [], "one that is worked on is not doubled"
        assert not await uploaded(units, job, a_handle())
        await request(units, job)
        assert await claim(units) == [job]

    async def test_an_upload_that_was_tried_in_vain_gets_the_new_instance(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        asset = an_asset()
        await add(units, asset)
        job, elsewhere = an_upload(asset), an_upload(asset, guid=Guid("elsewhere"))
        await request(units, job)
        await request(units, elsewhere)
        assert await claim(units) == [job], "it was not tried yet"
        await request(units, elsewhere)
        async with units() as unit:
            await unit.media.later(job, wait_ms=1_000, holder=HOLDER)
            await unit.commit()
        await request(units, elsewhere)
        assert await claim(units) == []
        clock.advance(1_000)
        assert await claim(units) == [replace(elsewhere, tries=1)]

    async def test_jobs_are_claimed_oldest_first_and_again_when_the_lease_ends(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        assets = [an_asset_of_url(f"https://files.example.com/{number}") for number in range(3)]
        for asset in assets:
            await add(units, asset)
            clock.advance(1)
        assert [job.media_id for job in await claim(units, 2)] == [asset.media_id for asset in assets[:2]]
        assert [job.media_id for job in await claim(units, 2)] == [assets[2].media_id]
        clock.advance(LEASE_MS - 1)
        assert await claim(units) == []
        clock.advance(1)
        assert len(await claim(units)) == 3

    async def test_what_was_not_begun_is_no_try(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        await request(units, an_upload(an_asset()))
        for tried, tries in ((False, 0), (True, 1), (False, 1)):
            (job,) = await claim(units)
            async with units() as unit:
                await unit.media.later(job, wait_ms=1_000, holder=HOLDER, tried=tried)
                await unit.commit()
            clock.advance(1_000)
            (again,) = await claim(units)
            assert again.tries == tries
            clock.advance(LEASE_MS)

    async def test_a_job_that_a_clock_wrote_which_was_set_back_since_is_due(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        clock.advance(LONGEST_WAIT_MS + 1)
        await add(units, an_asset_of_url())
        clock.advance(-LONGEST_WAIT_MS)
        assert await claim(units) == []
        clock.advance(-1)
        assert len(await claim(units)) == 1

    async def test_jobs_of_some_providers_can_be_left_out(self, units: UnitOfWorkFactory) -> None:
        asset, pending = an_asset(), an_asset_of_url()
        await add(units, asset, pending)
        fetch = MediaJob(pending.media_id, DEFAULT_TENANT)
        main, backup = an_upload(asset), an_upload(asset, provider_code=BACKUP)
        await request(units, main, backup)
        for without, left in (((None, BACKUP), [main]), ((BACKUP,), [fetch]), ((), [backup])):
            async with units() as unit:
                assert await unit.media.claim(10, lease_ms=LEASE_MS, holder=HOLDER, without=without) == left
                await unit.commit()

    async def test_a_job_that_is_dropped_is_gone(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        asset = an_asset()
        await add(units, asset)
        job = an_upload(asset)
        await request(units, job)
        await claim(units)
        for holder in (OTHER_HOLDER, HOLDER):
            clock.advance(LEASE_MS)
            async with units() as unit:
                await unit.media.drop(job, holder=holder)
                await unit.commit()
            assert await claim(units) == ([job] if holder == OTHER_HOLDER else [])

    async def test_two_processes_share_the_jobs(self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory) -> None:
        await add(units, *(an_asset_of_url(f"https://files.example.com/{number}") for number in range(10)))
        halves = await asyncio.gather(claim(units, 5), claim(other_units, 5, OTHER_HOLDER))
        assert [len(half) for half in halves] == [5, 5]
        assert len({job.media_id for half in halves for job in half}) == 10

    async def test_a_handle_is_known_by_bytes_provider_and_kind(self, units: UnitOfWorkFactory) -> None:
        asset, equal = an_asset(), an_asset()
        await add(units, asset, equal)
        message = await a_message_with(units, equal.media_id)
        job = an_upload(asset)
        await request(units, job)
        await claim(units)
        full = a_handle(file_id="梅" * 4_096, aes_key="k" * 255, url="https://files.example.com/" + "p" * 2_000)
        assert await uploaded(units, job, full) == [message.id], "it waits for the same bytes"
        key = a_handle_key()
        assert await handle_of(units, key) == full
        for other in (
            replace(key, tenant_id=OTHER_TENANT),
            replace(key, sha256="0" * 64),
            replace(key, provider_code=BACKUP),
            replace(key, kind=UploadKind.COVER),
        ):
            assert await handle_of(units, other) is None

    async def test_a_refusal_is_believed_for_a_while(self, units: UnitOfWorkFactory) -> None:
        asset = an_asset()
        await add(units, asset)
        job, key = an_upload(asset), a_handle_key()
        await request(units, job)
        await claim(units)
        await uploaded(units, job, MediaFailure.REFUSED)
        assert await handle_of(units, key) is MediaFailure.REFUSED
        assert await handle_of(units, key, NOW + REFUSAL_MS - 1) is MediaFailure.REFUSED
        assert await handle_of(units, key, NOW + REFUSAL_MS) is None
        assert await handle_of(units, key, NOW - 1) is None, "the clock was set back"
        await request(units, job)
        await claim(units)
        await uploaded(units, job, a_handle())
        assert await handle_of(units, key, NOW + 10 * REFUSAL_MS) == a_handle()

    async def test_bytes_that_are_gone_fail_every_asset_that_has_them(self, units: UnitOfWorkFactory) -> None:
        asset, equal, other = an_asset(), an_asset(), an_asset(facts=some_facts("other"))
        await add(units, asset, equal, other)
        message = await a_message_with(units, equal.media_id)
        job = an_upload(asset)
        await request(units, job)
        await claim(units)
        assert await uploaded(units, job, MediaFailure.GONE) == [message.id]
        for gone in (asset, equal):
            failed = await stored(units, gone.media_id)
            assert failed is not None
            assert (failed.state, failed.failure) == (MediaState.FAILED, MediaFailure.GONE)
        assert await stored(units, other.media_id) == other
        assert await handle_of(units, a_handle_key()) is None

    async def test_what_failed_is_made_again_where_a_person_says_so(self, units: UnitOfWorkFactory) -> None:
        lost, pending, ready = an_asset(), an_asset_of_url(), an_asset(facts=some_facts("other"))
        video = an_asset(facts=some_facts("video"), preview_id=lost.media_id)
        await add(units, lost, ready, video)
        await for_urls(units, pending)
        (fetch,) = await claim(units)
        await fetched(units, fetch, failure=MediaFailure.NOT_FOUND)
        await request(units, an_upload(lost), an_upload(ready))
        for job in await claim(units):
            await uploaded(units, job, MediaFailure.GONE if job.media_id == lost.media_id else MediaFailure.REFUSED)
        everything = [pending.media_id, ready.media_id, video.media_id]
        await revive(units, everything, OTHER_TENANT)
        assert await claim(units) == []
        await revive(units, everything)
        await revive(units, [])
        for asset in (lost, pending, ready, video):
            assert await stored(units, asset.media_id) == asset
        assert [job.media_id for job in await claim(units)] == [pending.media_id]
        assert await handle_of(units, a_handle_key(sha256=some_facts("other").sha256)) is None

    async def test_what_did_not_fail_is_left_as_it_is(self, units: UnitOfWorkFactory) -> None:
        asset, pending = an_asset(), an_asset_of_url()
        await add(units, asset)
        await for_urls(units, pending)
        await claim(units)
        await request(units, job := an_upload(asset))
        await claim(units)
        await uploaded(units, job, a_handle())
        await revive(units, [asset.media_id, pending.media_id])
        assert await handle_of(units, a_handle_key()) == a_handle()
        assert await claim(units) == [], "the fetch is somebody's"

    async def test_messages_of_a_video_wait_for_its_preview(self, units: UnitOfWorkFactory) -> None:
        preview = an_asset(facts=some_facts("preview"))
        video = an_asset(facts=some_facts("video"), preview_id=preview.media_id)
        await add(units, preview, video)
        message = await a_message_with(units, video.media_id)
        job = an_upload(preview, kind=UploadKind.PREVIEW)
        await request(units, job)
        await claim(units)
        assert await uploaded(units, job, a_handle()) == [message.id]
        assert await delete(units, preview.media_id) is MediaDeletion.IN_USE

    async def test_a_message_that_needs_several_is_named_by_the_end_of_the_last(self, units: UnitOfWorkFactory) -> None:
        first, second, ready = (an_asset(facts=some_facts(name)) for name in ("first", "second", "ready"))
        url = an_asset_of_url()
        await add(units, first, second, ready)
        await for_urls(units, url)
        message = await a_message_with(units, *(asset.media_id for asset in (first, second, ready, url)))
        alone = await a_message_with(units, first.media_id)
        jobs = [an_upload(asset) for asset in (first, second)]
        await request(units, *jobs)
        elsewhere = an_upload(first, provider_code=BACKUP)
        await request(units, elsewhere)
        (fetch,) = [job for job in await claim(units) if job.sha256 is None]
        assert await uploaded(units, jobs[0], a_handle()) == [alone.id]
        assert message.id not in await uploaded(units, elsewhere, a_handle())
        assert await fetched(units, fetch) == []
        assert await uploaded(units, jobs[1], a_handle()) == [message.id]

    async def test_a_failure_is_named_at_once(self, units: UnitOfWorkFactory) -> None:
        first, second = an_asset(facts=some_facts("first")), an_asset(facts=some_facts("second"))
        await add(units, first, second)
        message = await a_message_with(units, first.media_id, second.media_id)
        jobs = [an_upload(asset) for asset in (first, second)]
        await request(units, *jobs)
        await claim(units)
        assert await uploaded(units, jobs[0], MediaFailure.REFUSED) == [message.id]

    async def test_a_handle_is_forgotten_only_while_it_is_that_one(self, units: UnitOfWorkFactory) -> None:
        asset = an_asset()
        await add(units, asset)
        job, key = an_upload(asset), a_handle_key()
        await request(units, job)
        await claim(units)
        await uploaded(units, job, a_handle())
        for file_id, left in (("another", a_handle()), ("file-1", None), ("file-1", None)):
            async with units() as unit:
                await unit.media.forget_handle(key, file_id)
                await unit.commit()
            assert await handle_of(units, key) == left

    async def test_an_asset_is_in_use_until_its_messages_rest(self, units: UnitOfWorkFactory) -> None:
        asset = an_asset()
        await add(units, asset)
        messages = [await a_message_with(units, asset.media_id, held=False, conversation_id=f"S:{n}") for n in range(3)]
        for message in messages:
            assert await delete(units, asset.media_id) is MediaDeletion.IN_USE
            async with units() as unit:
                assert await unit.media.in_use(asset.media_id)
            await end(units, message)
        async with units() as unit:
            assert not await unit.media.in_use(asset.media_id)
        assert await delete(units, asset.media_id, OTHER_TENANT) is MediaDeletion.UNKNOWN
        assert await delete(units, asset.media_id) is MediaDeletion.DELETED
        assert await stored(units, asset.media_id) is None
        assert await delete(units, asset.media_id) is MediaDeletion.UNKNOWN

    async def test_what_is_deleted_leaves_no_job_and_no_handle(self, units: UnitOfWorkFactory) -> None:
        pending = an_asset_of_url()
        asset, equal = an_asset(), an_asset()
        await add(units, pending, asset, equal)
        job = an_upload(asset)
        await request(units, job)
        claimed = await claim(units)
        await uploaded(units, job, a_handle())
        await request(units, an_upload(asset, kind=UploadKind.COVER))
        assert await delete(units, pending.media_id) is MediaDeletion.DELETED
        fetch = next(job for job in claimed if job.kind is None)
        assert await fetched(units, fetch) == ()
        await delete(units, asset.media_id)
        assert await handle_of(units, a_handle_key()) == a_handle(), "another asset has the bytes"
        await delete(units, equal.media_id)
        assert await handle_of(units, a_handle_key()) is None
        assert await claim(units) == []

    async def test_a_preview_goes_with_its_video(self, units: UnitOfWorkFactory) -> None:
        preview = an_asset(facts=some_facts("preview"))
        videos = [an_asset(facts=some_facts("video"), preview_id=preview.media_id) for _ in range(2)]
        used = an_asset(facts=some_facts("used"))
        video_of_used = an_asset(facts=some_facts("video"), preview_id=used.media_id)
        await add(units, preview, used, *videos, video_of_used)
        await end(units, await a_message_with(units, used.media_id))
        await delete(units, videos[0].media_id)
        assert await delete(units, preview.media_id) is MediaDeletion.IN_USE
        assert await stored(units, preview.media_id) == preview
        await delete(units, videos[1].media_id)
        assert await stored(units, preview.media_id) is None
        await delete(units, video_of_used.media_id)
        assert await stored(units, used.media_id) == used

    async def test_bytes_are_deleted_once_no_asset_has_them(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        asset, equal = an_asset(), an_asset()
        key = BlobKey(DEFAULT_TENANT, some_facts().sha256)
        await add(units, asset, equal, an_asset(tenant_id=OTHER_TENANT))
        await delete(units, asset.media_id)
        assert await unowned(units) == []
        await delete(units, equal.media_id)
        assert await unowned(units) == [key]
        assert await unowned(units, OTHER_HOLDER) == [], "somebody deletes them"
        clock.advance(LEASE_MS)
        assert await unowned(units, OTHER_HOLDER) == [key]
        for holder, left in ((HOLDER, [key]), (OTHER_HOLDER, [])):
            async with units() as unit:
                await unit.media.deleted([key], holder=holder)
                await unit.commit()
            clock.advance(LEASE_MS)
            assert await unowned(units, OTHER_HOLDER) == left

    async def test_bytes_that_are_put_anew_are_not_deleted(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        asset = an_asset()
        key = BlobKey(DEFAULT_TENANT, some_facts().sha256)
        await add(units, asset)
        await delete(units, asset.media_id)
        assert await keep(units, key)
        assert await unowned(units) == []
        clock.advance(KEPT_MS - 1)
        assert await unowned(units) == []
        await add(units, an_asset())
        clock.advance(1)
        assert await unowned(units) == []

    async def test_bytes_that_were_put_and_got_no_asset_are_deleted(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        key = BlobKey(DEFAULT_TENANT, "0" * 64)
        assert await keep(units, key)
        clock.advance(KEPT_MS)
        assert await keep(units, key), "it begins anew"
        assert await unowned(units) == []
        clock.advance(KEPT_MS)
        assert await unowned(units) == [key]
        assert not await keep(units, key), "they are being deleted"
        async with units() as unit:
            await unit.media.deleted([key], holder=HOLDER)
            await unit.commit()
        assert await keep(units, key)

    async def test_uses_of_one_asset_in_one_message_are_one(self, units: UnitOfWorkFactory) -> None:
        asset = an_asset()
        await add(units, asset)
        message = await a_message_with(units, asset.media_id, asset.media_id)
        job = an_upload(asset)
        await request(units, job)
        await claim(units)
        assert await uploaded(units, job, a_handle()) == [message.id]

    async def test_nothing_is_done_for_nothing(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.media.add([])
            await unit.media.use([])
            await unit.media.request([])
            await unit.media.deleted([], holder=HOLDER)
            assert list(await unit.media.for_urls([], fresh_ms=FRESH_MS)) == []
            assert await unit.media.assets(DEFAULT_TENANT, []) == {}
            assert await unit.media.handles([], now=NOW) == {}
            await unit.commit()

    async def test_a_message_that_is_put_on_hold_while_its_upload_ends_is_named(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        asset = an_asset()
        await add(units, asset)
        message = await a_message_with(units, asset.media_id, held=False)
        job, key = an_upload(asset), a_handle_key()
        await request(units, job)
        await claim(units)
        async with units() as unit:
            locked = (await unit.messages.get([message.id]))[message.id]
            await unit.media.assets(DEFAULT_TENANT, [asset.media_id])
            assert await unit.media.handles([key], now=NOW) == {}
            ending = asyncio.create_task(uploaded(other_units, job, a_handle()))
            await asyncio.sleep(0)
            await unit.media.request([job])
            locked.hold(HoldReason.MEDIA, 60_000, now=NOW)
            await unit.messages.save([locked])
            await unit.commit()
        assert await ending == [message.id]
