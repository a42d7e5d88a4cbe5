"""Messages wait for their media in their lanes; each file is fetched once, and uploaded once to each provider that needs it."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.apps.in_memory_app import a_policy
from tests.support.apps.media_app import PICTURE, MediaApp
from tests.support.builders.media import some_facts
from tests.support.builders.messages import BACKUP, DAY_MS, GUID, PROVIDER, an_outcome
from tests.unit.application.test_dispatch import register_at_two_providers

from wework_message.adapters.memory.media import MemoryMedia
from wework_message.application.dispatch import record_answers
from wework_message.application.media import intake
from wework_message.domain.content import BigVideoContent, FileContent, ImageContent
from wework_message.domain.content.rules import BIG_FILE_BYTES
from wework_message.domain.ids import DEFAULT_TENANT, ProviderCode
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.media.asset import MediaFailure, Seen
from wework_message.domain.media.handles import Handle, UploadKind
from wework_message.domain.message.echo_keys import echo_key
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.media import MediaJob
from wework_message.domain.ports.media_fetcher import Fetched, FetchOutcome
from wework_message.domain.ports.media_gateway import Uploaded, UploadOutcome
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.routing.provider import Capabilities

HELD, SENT, FAILED, SENDING = MessageStatus.HELD, MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.SENDING
OLD_HANDLE = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.MEDIA_EXPIRED)
URL = "https://files.example/a.gif"


def sent_files(app: MediaApp, code: ProviderCode | None = None) -> list[str]:
    gateway = app.gateway if code is None else app.gateways[code]
    return [str(call.content.file_id) for call in gateway.calls if isinstance(call.content, ImageContent)]


def counted(method: Callable[..., Awaitable[Any]], asks: Counter[str]) -> Callable[..., Awaitable[Any]]:
    """The method, which counts its calls in `asks`."""

    async def call(*arguments: Any, **named: Any) -> Any:
        asks[method.__name__] += 1
        return await method(*arguments, **named)

    return call


async def test_a_message_waits_for_the_upload_of_its_file_and_is_sent_with_its_handle() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason, len(message.attempts)) == (HELD, HoldReason.MEDIA, 0)
        assert app.use_cases.wake_media().is_set()
        await app.make()
        await app.dispatch()
        message = await app.message(message_id)
        assert message.status is SENT
        (call,) = app.gateway.calls
        assert isinstance(call.content, ImageContent)
        assert (call.content.file_id, call.content.md5, call.content.file_size) == (
            "3000000001", asset.facts and asset.facts.md5, len(PICTURE),
        )  # fmt: skip
        assert message.attempts[0].content_key == echo_key(call.content)
        assert isinstance(message.content, ImageContent)
        assert message.content.media_id == asset.media_id, "what is stored names no handle"
        (upload,) = app.files().uploads
        assert upload.guid == GUID
        assert upload.address.startswith(f"http://gateway.example/api/media/{asset.media_id}/content?")


async def test_thirty_messages_of_a_file_are_one_upload_and_a_claim_asks_once_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        ids = [await app.accept_picture(asset.media_id, to=f"S:{number}") for number in range(30)]
        asks: Counter[str] = Counter()
        for name in ("assets", "handles", "request"):
            monkeypatch.setattr(MemoryMedia, name, counted(getattr(MemoryMedia, name), asks))
        assert await app.dispatcher.dispatch_due() > 20
        assert asks == {"assets": 1, "handles": 1, "request": 1}
        await app.settle_all()
        assert {(await app.message(message_id)).status for message_id in ids} == {SENT}
        assert len(app.files().uploads) == 1


async def test_with_a_known_handle_a_call_begins_with_acceptance() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        await app.accept_picture(asset.media_id)
        await app.settle_all()
        app.use_cases.gate().caught_up = True
        message_id = await app.accept_picture(asset.media_id, to="S:2")
        await app.quiet()
        assert (await app.message(message_id)).status is SENT
        assert len(app.files().uploads) == 1


async def test_without_a_handle_it_is_stored_as_waiting_with_its_job() -> None:
    async with MediaApp() as app:
        app.use_cases.gate().caught_up = True
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        assert (await app.message(message_id)).reason == HoldReason.MEDIA
        await app.make()
        await app.dispatch()
        assert (await app.message(message_id)).status is SENT


async def test_a_url_is_fetched_once_and_its_messages_keep_their_order() -> None:
    async with MediaApp() as app:
        app.media_fetcher.answers[URL] = PICTURE
        picture = await app.accept_picture(url=URL)
        text = await app.accept_text("after it")
        other = await app.accept_picture(url=URL, to="S:2")
        elsewhere = await app.accept_text(to="S:3")
        await app.dispatch()
        assert (await app.message(elsewhere)).status is SENT, "another conversation does not wait"
        assert not (await app.message(text)).attempts
        await app.settle_all()
        assert [(await app.message(message_id)).status for message_id in (picture, text, other)] == [SENT] * 3
        order = [call.message_id for call in app.gateway.calls]
        assert order.index(picture) < order.index(text)
        assert app.media_fetcher.fetched == [URL]
        assert len(app.files().uploads) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Fetched(FetchOutcome.BLOCKED), MediaFailure.BLOCKED),
        (Fetched.of_status(302), MediaFailure.REDIRECTED),
        (Fetched.of_status(404), MediaFailure.NOT_FOUND),
        (Fetched(FetchOutcome.TOO_LARGE, 200), MediaFailure.TOO_LARGE),
        (b"", MediaFailure.EMPTY),
        (b"<html>sorry</html>", MediaFailure.WRONG_TYPE),
    ],
)
async def test_what_a_url_can_never_give_fails_its_messages_for_certain(
    answer: bytes | Fetched, reason: MediaFailure
) -> None:
    async with MediaApp() as app:
        app.media_fetcher.answers[URL] = answer
        picture, text = await app.accept_picture(url=URL), await app.accept_text("after it")
        await app.settle_all()
        message = await app.message(picture)
        assert (message.status, message.reason, message.confirmed) == (FAILED, reason.value, True)
        assert (await app.message(text)).status is SENT
        assert app.files().uploads == []


async def test_what_the_provider_refuses_fails_its_messages_and_is_asked_again_later() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        app.files().script(Uploaded(UploadOutcome.REFUSED, error_code=5))
        message_id = await app.accept_picture(asset.media_id)
        await app.settle_all()
        message = await app.message(message_id)
        assert (message.status, message.reason, message.confirmed) == (FAILED, "MEDIA_REFUSED", True)
        app.clock.advance(DAY_MS)
        later = await app.accept_picture(asset.media_id, to="S:2")
        await app.settle_all()
        assert (await app.message(later)).status is SENT


async def test_bytes_that_the_store_has_lost_fail_the_message() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        assert asset.facts is not None
        await app.media_store.delete(BlobKey(DEFAULT_TENANT, asset.facts.sha256))
        message_id = await app.accept_picture(asset.media_id)
        await app.settle_all()
        assert (await app.message(message_id)).reason == MediaFailure.GONE.value


async def test_a_message_expires_while_its_media_are_away() -> None:
    async with MediaApp() as app:
        app.media_fetcher.answers[URL] = Fetched(FetchOutcome.FAILED)
        message_id = await app.accept_picture(url=URL)
        for _ in range(30):
            await app.settle_all(rounds=1)
            app.clock.advance(DAY_MS // 24)
        assert (await app.message(message_id)).status is MessageStatus.EXPIRED
        assert len(app.media_fetcher.fetched) > 8, "as long as a message waits, it is tried"


async def test_a_fetch_that_nobody_waits_for_is_given_up() -> None:
    async with MediaApp() as app:
        app.media_fetcher.answers[URL] = Fetched(FetchOutcome.FAILED)
        asset = await app.application.name_media(DEFAULT_TENANT, URL, None)
        for _ in range(12):
            await app.make()
            app.clock.advance(120_000)
        assert len(app.media_fetcher.fetched) == 8
        view = await app.application.read_media.asset(DEFAULT_TENANT, asset.media_id)
        assert view is not None
        assert view.asset.failure is MediaFailure.UNREACHABLE


async def test_an_upload_that_nobody_waits_for_is_given_up_and_made_for_the_next_message() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        app.files().script(*[Uploaded(UploadOutcome.RETRY)] * 8)
        message_id = await app.accept_picture(asset.media_id, expires_at=app.clock.now() + 1_000)
        await app.dispatch()
        for _ in range(12):
            await app.settle_all(rounds=1)
            app.clock.advance(120_000)
        assert (await app.message(message_id)).status is MessageStatus.EXPIRED
        assert len(app.files().uploads) == 8
        later = await app.accept_picture(asset.media_id)
        await app.settle_all()
        assert (await app.message(later)).status is SENT


async def test_a_handle_that_expired_is_made_anew_once_and_the_message_is_sent_once() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        await app.accept_picture(asset.media_id, to="S:9")
        await app.settle_all()
        app.gateway.script(OLD_HANDLE)
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatch()
        await app.pass_time(1)
        assert (await app.message(message_id)).reason == HoldReason.MEDIA
        await app.settle_all()
        message = await app.message(message_id)
        assert (message.status, [attempt.met_old_handle for attempt in message.attempts]) == (SENT, [True, False])
        assert len(app.files().uploads) == 2
        assert sent_files(app) == ["3000000001", "3000000001", "3000000002"]


async def test_a_new_handle_that_is_refused_too_fails_the_message() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        app.gateway.script(OLD_HANDLE, OLD_HANDLE)
        message_id = await app.accept_picture(asset.media_id)
        for _ in range(3):
            await app.settle_all(rounds=3)
            app.clock.advance(1)
        message = await app.message(message_id)
        assert (message.status, message.reason, message.confirmed) == (FAILED, "MEDIA_EXPIRED", True)
        assert len(app.files().uploads) == 2


async def test_a_refused_handle_whose_answer_was_spooled_is_forgotten_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(record_answers, "RECORD_RETRY_S", 0.0)
    async with MediaApp() as app:
        asset = await app.upload()
        await app.accept_picture(asset.media_id, to="S:9")
        await app.settle_all()
        answer = app.hold_next_send()
        message_id = await app.accept_picture(asset.media_id)
        await app.dispatcher.dispatch_due()
        app._connection.cut()
        answer.set_result(OLD_HANDLE)
        for _ in range(20):
            await asyncio.sleep(0)
        await app.restart()
        await app.use_cases.record_spooled().round()
        app.clock.advance(1)
        await app.settle_all()
        assert (await app.message(message_id)).status is SENT
        assert len(app.files().uploads) == 2


async def test_after_a_failover_the_next_provider_has_a_handle_of_its_own() -> None:
    async with MediaApp() as app:
        account_id = register_at_two_providers(app)
        asset = await app.upload()
        app.gateway.script(an_outcome(OutcomeClass.REFUSED_BINDING, reason=Reason.CODE))
        message_id = await app.accept_picture(asset.media_id, guid=None, account_id=account_id)
        for _ in range(3):
            await app.settle_all(rounds=3)
            app.clock.advance(1_000)
        message = await app.message(message_id)
        assert [attempt.provider_code for attempt in message.attempts] == [PROVIDER, BACKUP]
        assert message.status is SENT
        assert [len(app.files(code).uploads) for code in (PROVIDER, BACKUP)] == [1, 1]


async def test_a_handle_that_is_refused_after_a_failover_is_made_anew_there() -> None:
    async with MediaApp() as app:
        account_id = register_at_two_providers(app)
        asset = await app.upload()
        app.gateway.script(an_outcome(OutcomeClass.REFUSED_BINDING, reason=Reason.CODE))
        app.gateways[BACKUP].script(OLD_HANDLE)
        message_id = await app.accept_picture(asset.media_id, guid=None, account_id=account_id)
        for _ in range(4):
            await app.settle_all(rounds=3)
            app.clock.advance(1_000)
        message = await app.message(message_id)
        assert [attempt.provider_code for attempt in message.attempts] == [PROVIDER, BACKUP, BACKUP]
        assert message.status is SENT
        assert [len(app.files(code).uploads) for code in (PROVIDER, BACKUP)] == [1, 2]
        assert len(app.gateways[BACKUP].executed) == 1


async def test_a_provider_that_takes_no_files_is_passed_over() -> None:
    async with MediaApp(uploading=frozenset({BACKUP})) as app:
        account_id = register_at_two_providers(app)
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id, guid=None, account_id=account_id)
        await app.settle_all()
        message = await app.message(message_id)
        assert (message.status, [attempt.provider_code for attempt in message.attempts]) == (SENT, [BACKUP])
        decision = message.attempts[0].decision
        assert decision is not None
        assert [considered.excluded for considered in decision.candidates] == ["NO_UPLOADS", None]


async def test_where_no_provider_takes_files_the_message_fails() -> None:
    async with MediaApp(uploading=frozenset()) as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        await app.settle_all()
        assert (await app.message(message_id)).reason == "NO_CAPABILITY"


async def test_a_hold_takes_no_token_of_a_budget() -> None:
    async with MediaApp(rate_per_minute=1) as app:
        asset = await app.upload()
        picture = await app.accept_picture(asset.media_id)
        await app.dispatch()
        assert (await app.message(picture)).reason == HoldReason.MEDIA
        text = await app.accept_text(to="S:2")
        await app.dispatch()
        assert (await app.message(text)).status is SENT, "the token is still there"


async def test_a_place_in_a_budget_is_given_back_where_the_file_has_to_be_made_anew() -> None:
    async with MediaApp(rate_per_minute=1) as app:
        asset = await app.upload()
        await app.accept_picture(asset.media_id)
        await app.settle_all()
        message_id = await app.accept_picture(asset.media_id, to="S:2")
        await app.dispatch()
        assert (await app.message(message_id)).reason == HoldReason.BUDGET
        async with app.units() as unit:
            for key, (handle, _) in list(app.database.media_handles.items()):
                assert isinstance(handle, Handle)
                await unit.media.forget_handle(key, handle.file_id)
            await unit.commit()
        await app.pass_time(60_000)
        assert (await app.message(message_id)).reason == HoldReason.MEDIA
        app.clock.advance(60_000)
        async with app.units() as unit:
            (due,) = await unit.messages.due(10)
        assert not due.paced


async def test_what_is_stored_as_waiting_is_named_by_the_end_of_its_job() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        app.use_cases.gate().caught_up = True
        waits = await app.accept_picture(asset.media_id)
        app.use_cases.gate().caught_up = False
        later = await app.accept_picture(asset.media_id, to="S:2")
        uses = {use.message_id: use.waits for use in app.database.media_uses.committed_rows()}
        assert uses == {waits: True, later: False}


async def test_a_handle_that_came_meanwhile_is_not_made_again() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        assert asset.facts is not None
        await app.accept_picture(asset.media_id)
        await app.settle_all()
        job = MediaJob(asset.media_id, DEFAULT_TENANT, PROVIDER, UploadKind.IMAGE, GUID, asset.facts.sha256)
        async with app.units() as unit:
            await unit.media.request([job])
            await unit.commit()
        await app.make()
        assert len(app.files().uploads) == 1
        assert not await app.worker.round(), "the job has ended"


async def test_a_handle_that_lacks_what_the_type_needs_fails_the_message_and_is_not_kept() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        app.files().script(Uploaded(UploadOutcome.UPLOADED, Handle("without-key")))
        message_id = await app.accept_picture(asset.media_id)
        await app.settle_all()
        assert (await app.message(message_id)).reason == MediaFailure.REFUSED.value
        later = await app.accept_picture(asset.media_id, to="S:2")
        await app.settle_all()
        assert (await app.message(later)).status is SENT


async def test_a_big_video_waits_for_its_preview_as_well() -> None:
    async with MediaApp() as app:
        preview = await app.store_asset(facts=some_facts("preview"))
        facts = some_facts("video", size=BIG_FILE_BYTES + 1, seen=Seen("video/mp4", 640, 480, 5_000))
        video = await app.store_asset(facts=facts, preview_id=preview.media_id)
        message_id = await app.accept_content(BigVideoContent(media_id=video.media_id))
        await app.settle_all()
        assert (await app.message(message_id)).status is SENT
        assert {upload.kind for upload in app.files().uploads} == {UploadKind.BIG, UploadKind.PREVIEW}
        (call,) = app.gateway.calls
        assert isinstance(call.content, BigVideoContent)
        assert str(call.content.preview_image_url).startswith("https://")


async def test_a_message_whose_asset_is_gone_fails() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        message_id = await app.accept_picture(asset.media_id)
        app.database.media.drop(asset.media_id)
        await app.settle_all()
        assert (await app.message(message_id)).reason == MediaFailure.GONE.value


async def test_a_file_that_is_larger_than_its_provider_carries_goes_nowhere() -> None:
    capabilities = Capabilities(frozenset({"FILE"}), {"FILE": 3}, uploads=True)
    provider = dataclasses.replace(a_policy().providers[PROVIDER], capabilities=capabilities)
    async with MediaApp(policy=a_policy(providers={PROVIDER: provider})) as app:
        asset = await app.upload()
        message_id = await app.accept_content(FileContent(media_id=asset.media_id))
        await app.settle_all()
        assert (await app.message(message_id)).reason == "NO_CAPABILITY"


async def test_a_fetched_video_brings_its_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaApp() as app:
        monkeypatch.setattr(intake, "BIG_FILE_BYTES", 3)

        async def inspect(path: Path) -> Seen:
            is_video = path.read_bytes() == b"video"  # noqa: ASYNC240 -- a few bytes
            return Seen("video/mp4" if is_video else "image/jpeg", 640, 480, 5_000)

        async def preview(_: Path) -> bytes:
            return b"preview"

        monkeypatch.setattr(app.inspector, "inspect", inspect)
        monkeypatch.setattr(app.inspector, "preview", preview)
        app.media_fetcher.answers[URL] = b"video"
        asset = await app.application.name_media(DEFAULT_TENANT, URL, None)
        await app.make()
        view = await app.application.read_media.asset(DEFAULT_TENANT, asset.media_id)
        assert view is not None
        assert view.asset.preview_id is not None
        shown = await app.application.read_media.asset(DEFAULT_TENANT, view.asset.preview_id)
        assert shown is not None
        assert shown.asset.facts is not None
        assert await app.media_store.size(BlobKey(DEFAULT_TENANT, shown.asset.facts.sha256)) == len(b"preview")


async def test_bytes_that_are_being_deleted_are_fetched_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaApp() as app:
        app.media_fetcher.answers[URL] = PICTURE
        message_id = await app.accept_picture(url=URL)

        async def deleting(*_: object) -> bool:
            return False

        with monkeypatch.context() as patched:
            patched.setattr(MemoryMedia, "keep", deleting)
            await app.settle_all()
        assert (await app.message(message_id)).reason == HoldReason.MEDIA
        app.clock.advance(2_000)
        await app.settle_all()
        assert (await app.message(message_id)).status is SENT


async def test_texts_cost_no_statement_for_media(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaApp() as app:

        async def refused(*_: object, **__: object) -> object:
            raise AssertionError("texts ask for media")

        for name in ("assets", "handles", "request", "use", "for_urls"):
            monkeypatch.setattr(MemoryMedia, name, refused)
        app.use_cases.gate().caught_up = True
        ids = [await app.accept_text(to=f"S:{number}") for number in range(3)]
        app.use_cases.gate().caught_up = False
        ids += [await app.accept_text("second", to=f"S:{number}") for number in range(3)]
        await app.dispatch()
        assert {(await app.message(message_id)).status for message_id in ids} == {SENT}
