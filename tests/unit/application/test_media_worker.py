"""The media worker with other processes beside it, killed at any moment, and with what it needs away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.apps.media_app import PICTURE, MediaApp
from tests.support.builders.media import some_facts
from tests.support.builders.messages import BACKUP, PROVIDER, an_outcome
from tests.support.virtual_time import in_virtual_time, let_time_pass
from tests.unit.application.test_dispatch import register_at_two_providers

from wework_message.adapters.memory.media import MemoryMedia
from wework_message.application.actions.change import CancelMessage
from wework_message.application.media.jobs import ClaimedJob
from wework_message.application.media.release import ReleaseMessages
from wework_message.application.media.worker import POLL_S, MediaWorker, Slots, again, outcome_of
from wework_message.application.role import Role
from wework_message.bootstrap.loops import Loops, loops_of
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, Guid, HolderToken, MediaId, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.media.fetched import Fetched
from wework_message.domain.media.handles import Handle
from wework_message.domain.media.outcome import LATER, MADE
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.media import MediaJob
from wework_message.domain.ports.media_gateway import Upload, Uploaded, UploadOutcome

SENT = MessageStatus.SENT
LEASE_MS = 65_000


def another_process(app: MediaApp) -> MediaWorker:
    """A worker with slots of its own on the same database."""
    own = app.worker
    return MediaWorker(
        own._commits, own._claim, own._end, own._release, own._fetch, own._upload, Slots(4), 60_000, own._new_holder, asyncio.Event(),
        own._observer, own._clock,
    )  # fmt: skip


def hold_upload(app: MediaApp, code: Any = None) -> "asyncio.Future[Uploaded]":
    """The next upload waits for the end that is set here."""
    end: asyncio.Future[Uploaded] = asyncio.get_running_loop().create_future()

    async def wait(_: Upload) -> Uploaded:
        return await end

    app.files(code).script(wait)
    return end


async def status(app: MediaApp, message_id: MessageId) -> MessageStatus:
    return (await app.message(message_id)).status


async def until_uploading(app: MediaApp) -> None:
    while not app.files().uploads:  # noqa: ASYNC110 -- nothing tells
        await asyncio.sleep(0)


async def test_two_processes_make_each_file_once() -> None:
    async with MediaApp() as app:
        assets = [await app.upload(PICTURE + bytes([number])) for number in range(10)]
        ids = [await app.accept_picture(asset.media_id, to=f"S:{number}") for number, asset in enumerate(assets)]
        await app.dispatch()
        both = app.worker, another_process(app)
        while any(await asyncio.gather(*(worker.round() for worker in both))):
            await asyncio.gather(*(worker.settled() for worker in both))
        await app.dispatch()
        assert {await status(app, message_id) for message_id in ids} == {SENT}
        assert len(app.files().uploads) == 10


async def test_after_a_kill_another_process_uploads_when_the_lease_has_ended_and_the_message_is_sent_once() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatch()
        held = hold_upload(app)
        await app.worker.round()
        await until_uploading(app)
        killed = app.worker
        await app.restart()
        await app.make()
        assert len(app.files().uploads) == 1, "it belongs to the other one still"
        app.clock.advance(LEASE_MS)
        await app.settle_all()
        assert await status(app, message_id) is SENT
        assert (len(app.files().uploads), len(app.gateway.calls)) == (2, 1)
        await killed.stop()
        assert held.cancelled()


async def test_a_process_that_went_on_after_its_lease_changes_nothing() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatch()
        late = hold_upload(app)
        await app.worker.round()
        await until_uploading(app)
        app.clock.advance(LEASE_MS)
        other = another_process(app)
        await other.round()
        await other.settled()
        late.set_result(Uploaded(UploadOutcome.UPLOADED, Handle("too-late", "key", "5" * 32, 3)))
        await app.worker.settled()
        await app.dispatch()
        assert await status(app, message_id) is SENT
        assert [call.content.file_id for call in app.gateway.calls if hasattr(call.content, "file_id")] == [
            "3000000001"
        ]


async def test_a_kill_between_the_end_and_the_wake_up_costs_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatch()

        async def killed(*_: object) -> None:
            raise UnavailableError("database")

        with monkeypatch.context() as patched:
            patched.setattr(ReleaseMessages, "__call__", killed)
            await app.make()
        await app.dispatch()
        assert await status(app, message_id) is MessageStatus.HELD
        await app.pass_time(60_000)
        assert await status(app, message_id) is SENT


async def test_what_a_process_gives_up_at_its_end_is_due_for_the_next_one() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatch()
        held = hold_upload(app)
        await app.worker.round()
        await until_uploading(app)
        await app.worker.stop(5)
        await app.worker.settled()
        app.clock.advance(2_000)
        other = another_process(app)
        await other.round()
        await other.settled()
        await app.dispatch()
        assert await status(app, message_id) is SENT
        assert held.cancelled()


async def test_what_was_claimed_when_the_end_began_is_given_up_without_a_try() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        await app.accept_picture(asset.media_id)
        await app.dispatch()
        claiming = asyncio.create_task(app.worker.round())
        await app.worker.stop(0)
        await claiming
        await app.worker.settled()
        assert app.files().uploads == []
        app.clock.advance(2_000)
        other = another_process(app)
        assert await other.round()
        await other.settled()
        assert len(app.files().uploads) == 1


async def test_a_clock_that_is_set_back_delays_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        app.files().script(Uploaded(UploadOutcome.RETRY))
        await app.accept_picture(asset.media_id)
        await app.dispatch()
        await app.make()
        app.clock.advance(-3_600_000)
        await app.make()
        assert len(app.files().uploads) == 2


def test_the_database_may_be_away_for_a_minute() -> None:
    async def test() -> None:
        async with MediaApp() as app:
            asset = await app.store_asset()
            await app.accept_picture(asset.media_id)
            await app.dispatch()
            away = True
            claim = MemoryMedia.claim

            async def claimed(*arguments: Any, **named: Any) -> Any:
                if away:
                    raise UnavailableError("database")
                return await claim(*arguments, **named)

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(MemoryMedia, "claim", claimed)
                task = asyncio.create_task(app.worker.run())
                await let_time_pass(60)
                assert app.files().uploads == []
                away = False
                await let_time_pass(2)
                assert len(app.files().uploads) == 1
                await app.worker.stop(1)
                await task

    in_virtual_time(test())


def test_a_defect_ends_neither_the_loop_nor_the_job() -> None:
    async def test() -> None:
        async with MediaApp() as app:
            asset = await app.store_asset()
            await app.accept_picture(asset.media_id)
            await app.dispatch()

            async def defect(_: Upload) -> Uploaded:
                raise LookupError

            app.files().script(defect)
            claims = [LookupError(), None]
            claim = MemoryMedia.claim

            async def claimed(*arguments: Any, **named: Any) -> Any:
                if claims and (error := claims.pop(0)):
                    raise error
                return await claim(*arguments, **named)

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(MemoryMedia, "claim", claimed)
                task = asyncio.create_task(app.worker.run())
                await let_time_pass(3)
                app.clock.advance(2_000)
                await let_time_pass(3)
                assert len(app.files().uploads) == 2
                assert app.observer.media_counts == {(PROVIDER, LATER): 1, (PROVIDER, MADE): 1}
                await app.worker.stop(1)
                await task

    in_virtual_time(test())


def test_the_end_of_a_job_begins_the_next_one_at_once() -> None:
    async def test() -> None:
        async with MediaApp() as app:
            for number in range(5):
                asset = await app.store_asset(facts=some_facts(str(number)))
                await app.accept_picture(asset.media_id, to=f"S:{number}")
            await app.dispatch()
            task = asyncio.create_task(app.worker.run())
            await let_time_pass(POLL_S / 2)
            assert len(app.files().uploads) == 5, "two have a slot at a time"
            await app.worker.stop(1)
            await task

    in_virtual_time(test())


async def test_a_store_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatch()

        async def away(_: object) -> int:
            raise UnavailableError("media store")

        with monkeypatch.context() as patched:
            patched.setattr(app.media_store, "size", away)
            await app.make()
        assert app.files().uploads == []
        app.clock.advance(2_000)
        await app.settle_all()
        assert await status(app, message_id) is SENT


def test_a_job_ends_before_its_lease() -> None:
    async def test() -> None:
        async with MediaApp() as app:
            asset = await app.store_asset()
            await app.accept_picture(asset.media_id)
            await app.dispatch()
            held = hold_upload(app)
            await app.worker.round()
            await let_time_pass(60)
            await app.worker.settled()
            assert held.cancelled()
            app.clock.advance(2_000)
            await app.make()
            assert len(app.files().uploads) == 2

    in_virtual_time(test())


async def test_an_upload_whose_asset_was_deleted_is_dropped() -> None:
    async with MediaApp() as app:
        asset, same = await app.upload(), await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatch()
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        await app.application.delete_media(DEFAULT_TENANT, asset.media_id)
        await app.make()
        assert app.files().uploads == []
        later = await app.accept_picture(same.media_id)
        await app.settle_all()
        assert await status(app, later) is SENT, "its bytes are not lost"


async def test_a_provider_that_hangs_leaves_slots_to_others_and_to_fetches() -> None:
    async with MediaApp() as app:
        account_id = register_at_two_providers(app)
        hanging = [hold_upload(app) for _ in range(2)]
        for number in range(5):
            asset = await app.upload(PICTURE + bytes([number]))
            await app.accept_picture(asset.media_id, to=f"S:{number}")
        await app.dispatch()
        while await app.worker.round():
            pass
        await asyncio.sleep(0)
        assert len(app.files().uploads) == 2, "half of the slots"
        asset = await app.upload(PICTURE + b"other")
        message_id = await app.accept_picture(asset.media_id, guid=None, account_id=account_id, provider_code=BACKUP)
        app.media_fetcher.answers["https://files.example/b.gif"] = PICTURE
        await app.application.name_media(DEFAULT_TENANT, "https://files.example/b.gif", None)
        await app.dispatcher.dispatch_due()
        while not app.media_fetcher.fetched or len(app.files(BACKUP).uploads) < 1:
            await app.worker.round()
            await asyncio.sleep(0)
        for end in hanging:
            end.set_result(Uploaded(UploadOutcome.RETRY))
        await app.worker.settled()
        app.clock.advance(2_000)
        await app.settle_all()
        assert await status(app, message_id) is SENT


async def test_an_instance_that_is_offline_is_replaced_by_another_one() -> None:
    async with MediaApp() as app:
        await app.accept_text(guid=Guid("guid-b"), to="S:7")
        await app.dispatch()
        asset = await app.upload()
        app.files().script(Uploaded(UploadOutcome.RETRY, guid_offline=True))
        message_id = await app.accept_picture(asset.media_id)
        await app.settle_all()
        assert await status(app, message_id) is SENT
        assert [upload.guid for upload in app.files().uploads] == ["guid-a", "guid-b"]


async def test_without_an_address_uploads_wait(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        upload = app.worker._upload
        with monkeypatch.context() as patched:
            patched.setattr(upload, "_own_address", lambda *_, **__: None)
            await app.settle_all()
            assert await status(app, message_id) is MessageStatus.HELD
            assert "app.media.public-url" in caplog.text
        app.clock.advance(2_000)
        await app.settle_all()
        assert await status(app, message_id) is SENT


@pytest.mark.parametrize("role", Role)
async def test_only_processes_that_dispatch_make_media(role: Role) -> None:
    async with MediaApp() as app:
        loops = Loops(loops_of(role, app.use_cases)).loops
        assert any(isinstance(loop, MediaWorker) for loop in loops) is role.dispatches


@pytest.mark.parametrize("total", [1, 2, 3, 4, 9])
def test_slots(total: int) -> None:
    slots = Slots(total)
    taken = 0
    while slots.room and PROVIDER not in slots.full:
        slots.take(PROVIDER)
        taken += 1
    assert taken == max(1, total // 2)
    if total > 1:
        assert slots.room >= 1
        slots.take(None)
    slots.give_back(PROVIDER)
    assert PROVIDER not in slots.full
    assert slots.room >= 1


def test_outcomes_for_metrics() -> None:
    fetch = ClaimedJob(MediaJob(MediaId("m"), DEFAULT_TENANT), HolderToken("h"), None)
    assert outcome_of(again(fetch)) == LATER
    assert outcome_of(Fetched.of_status(404)) == "MEDIA_NOT_FOUND"
    assert outcome_of(Uploaded(UploadOutcome.REFUSED)) == "MEDIA_REFUSED"
    assert outcome_of(MediaFailure.GONE) == "MEDIA_GONE"
    assert outcome_of(Handle("f")) == MADE


OLD_HANDLE = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.MEDIA_EXPIRED)
NO_CONNECTION = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)


class Turmoil:
    """What may happen to messages with one picture, in any order."""

    def __init__(self, app: MediaApp, media_id: MediaId) -> None:
        self._app = app
        self._media_id = media_id
        self._workers = [app.worker]
        self.ids: list[MessageId] = []
        self._held: list[asyncio.Future[Uploaded]] = []

    async def accept(self) -> None:
        self.ids.append(await self._app.accept_picture(self._media_id, to=f"S:{len(self.ids) % 3}"))

    async def dispatch(self) -> None:
        await self._app.dispatch()

    async def make(self) -> None:
        await self._app.worker.round()
        for _ in range(20):
            await asyncio.sleep(0)

    async def hang(self) -> None:
        self._held.append(hold_upload(self._app))
        await self.make()

    async def kill(self) -> None:
        await self._app.restart()
        self._workers.append(self._app.worker)

    async def end_leases(self) -> None:
        self._app.clock.advance(LEASE_MS)

    async def refuse_handle(self) -> None:
        self._app.gateway.script(OLD_HANDLE)

    async def refuse_connection(self) -> None:
        self._app.gateway.script(NO_CONNECTION)

    async def refuse_upload(self) -> None:
        self._app.files().script(Uploaded(UploadOutcome.RETRY))

    async def calm(self) -> None:
        """Everything works from now on."""
        for worker in self._workers:
            await worker.stop(1)
        await self._app.restart()
        self._app.gateway._script.clear()
        self._app.files()._script.clear()
        for _ in range(12):
            self._app.clock.advance(LEASE_MS)
            await self._app.settle_all(rounds=2)


STEPS = [
    Turmoil.accept, Turmoil.dispatch, Turmoil.make, Turmoil.hang, Turmoil.kill, Turmoil.end_leases, Turmoil.refuse_handle,
    Turmoil.refuse_connection, Turmoil.refuse_upload,
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=14))
def test_whatever_happens_every_message_is_sent_once_or_fails_for_its_handles(
    steps: list[Callable[[Turmoil], Awaitable[None]]],
) -> None:
    async def test() -> None:
        async with MediaApp() as app:
            turmoil = Turmoil(app, (await app.store_asset()).media_id)
            for step in [Turmoil.accept, *steps]:
                await step(turmoil)
            await turmoil.calm()
            for message in [await app.message(message_id) for message_id in turmoil.ids]:
                outcomes = [attempt.outcome for attempt in message.attempts if attempt.outcome is not None]
                sent = [outcome for outcome in outcomes if outcome.kind is OutcomeClass.ACCEPTED]
                failed = (message.status, message.reason) == (MessageStatus.FAILED, "MEDIA_EXPIRED")
                assert failed or message.status is SENT
                assert len(sent) == (not failed)

    asyncio.run(test())
