"""What a person mends and then retries: nothing that failed before is remembered (ADR 66)."""

import pytest
from tests.support.apps.media_app import PICTURE, MediaApp
from tests.support.builders.media import some_facts

from wework_message.application.actions.change import RetryMessage
from wework_message.application.replays.start import StartReplay
from wework_message.domain.content import BigVideoContent
from wework_message.domain.content.rules import BIG_FILE_BYTES
from wework_message.domain.failed_messages import FailureFilter
from wework_message.domain.ids import DEFAULT_TENANT, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.asset import MediaFailure, Seen
from wework_message.domain.ports.media_fetcher import Fetched, FetchOutcome
from wework_message.domain.ports.media_gateway import Uploaded, UploadOutcome
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.replay import Selection

SENT, FAILED = MessageStatus.SENT, MessageStatus.FAILED
URL = "https://files.example/a.gif"


async def state(app: MediaApp, message_id: MessageId) -> tuple[MessageStatus, str | None]:
    message = await app.message(message_id)
    return message.status, message.reason


async def retry(app: MediaApp, message_id: MessageId) -> None:
    await app.retrying(RetryMessage(DEFAULT_TENANT, message_id))
    await app.settle_all()


@pytest.mark.parametrize(
    "answer", [Fetched.of_status(404), Fetched(FetchOutcome.BLOCKED), b""], ids=["404", "blocked", "empty"]
)
async def test_a_retry_fetches_again_what_failed(answer: bytes | Fetched) -> None:
    async with MediaApp() as app:
        app.media_fetcher.answers[URL] = answer
        message_id = await app.accept_picture(url=URL)
        await app.settle_all()
        assert (await state(app, message_id))[0] is FAILED
        app.media_fetcher.answers[URL] = PICTURE
        await retry(app, message_id)
        assert await state(app, message_id) == (SENT, None)
        assert app.media_fetcher.fetched == [URL] * 2


async def test_a_replay_of_many_fetches_once_what_failed() -> None:
    async with MediaApp() as app:
        ids = [await app.accept_picture(url=URL, to=f"S:{number}") for number in range(5)]
        await app.settle_all()
        assert {await state(app, message_id) for message_id in ids} == {(FAILED, MediaFailure.NOT_FOUND.value)}
        app.media_fetcher.answers[URL] = PICTURE
        selection = Selection(FailureFilter(cause=MediaFailure.NOT_FOUND.value))
        await app.application.start_replay(StartReplay(DEFAULT_TENANT, selection, 1000, False))
        app.clock.advance(10)
        await app.replay_runner.round()
        await app.settle_all()
        assert {await state(app, message_id) for message_id in ids} == {(SENT, None)}
        assert app.media_fetcher.fetched == [URL] * 2


async def test_a_retry_looks_again_for_bytes_that_the_store_had_lost() -> None:
    async with MediaApp() as app:
        asset = await app.store_asset()
        assert asset.facts is not None
        key = BlobKey(DEFAULT_TENANT, asset.facts.sha256)
        lost = app.media_store._blobs.pop(key)
        message_id = await app.accept_picture(asset.media_id)
        await app.settle_all()
        assert await state(app, message_id) == (FAILED, MediaFailure.GONE.value)
        await retry(app, message_id)
        assert await state(app, message_id) == (FAILED, MediaFailure.GONE.value)
        app.media_store._blobs[key] = lost
        await retry(app, message_id)
        assert await state(app, message_id) == (SENT, None)


async def test_a_retry_asks_the_provider_again_for_what_it_has_refused() -> None:
    async with MediaApp() as app:
        asset = await app.store_asset()
        app.files().script(Uploaded(UploadOutcome.REFUSED, error_code=5))
        message_id = await app.accept_picture(asset.media_id)
        await app.settle_all()
        assert await state(app, message_id) == (FAILED, MediaFailure.REFUSED.value)
        await retry(app, message_id)
        assert await state(app, message_id) == (SENT, None)


async def test_a_video_whose_preview_is_gone_fails_at_once_and_is_mended_like_any_other() -> None:
    async with MediaApp() as app:
        preview = await app.store_asset(facts=some_facts("preview"))
        facts = some_facts("video", size=BIG_FILE_BYTES + 1, seen=Seen("video/mp4", 640, 480, 5_000))
        video = await app.store_asset(facts=facts, preview_id=preview.media_id)
        lost = app.media_store._blobs.pop(BlobKey(DEFAULT_TENANT, some_facts("preview").sha256))
        message_id = await app.accept_content(BigVideoContent(media_id=video.media_id))
        await app.settle_all()
        assert await state(app, message_id) == (FAILED, MediaFailure.GONE.value)
        app.media_store._blobs[BlobKey(DEFAULT_TENANT, some_facts("preview").sha256)] = lost
        await retry(app, message_id)
        assert await state(app, message_id) == (SENT, None)
