"""Requests that name media: what is stored with them, and what they are refused for."""

import dataclasses
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import NOW, a_draft, a_receipt, an_outcome

from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.accept.media import store_assets
from wework_message.application.commit.scope import CommitScope
from wework_message.application.errors import IdempotencyConflictError, UnfitMediaError, UnquotableError
from wework_message.domain.content import (
    Content,
    FileContent,
    ImageContent,
    MergedContent,
    MergedImage,
    MergedText,
    QuoteContent,
    TextContent,
    VideoContent,
)
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, MediaId, MessageId, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure, MediaState, Seen
from wework_message.domain.message.draft import Draft
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.media import MediaUse

URL = "https://files.example/pictures/cat.png"
FRESH_MS = 600_000


def an_asset(media_id: str = "m", mime_type: str = "image/png", **changes: Any) -> MediaAsset:
    facts = MediaFacts("sha", "md5", 100, Seen(mime_type, 30, 40))
    fields: dict[str, Any] = {
        "state": MediaState.READY,
        "facts": facts,
        "tenant_id": DEFAULT_TENANT,
        "file_name": "cat.png",
    } | changes
    return MediaAsset(media_id=MediaId(media_id), created_at=NOW, address_key=b"k" * 32, **fields)


async def add(app: InMemoryApp, *assets: MediaAsset) -> None:
    async with app.units() as unit:
        await unit.media.add(assets)
        await unit.commit()


def a_request(content: Content, key: str | None = None) -> AcceptMessage:
    return AcceptMessage(DEFAULT_TENANT, (a_draft(content=content),), key=key)


def assets(app: InMemoryApp) -> list[MediaAsset]:
    return [row.asset for row in app.database.media.rows()]


def uses(app: InMemoryApp) -> set[MediaUse]:
    return set(app.database.media_uses.rows())


def counted(app: InMemoryApp, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Gets an entry with each transaction that begins."""
    begun: list[None] = []
    begin = app.database.begin

    async def counting() -> None:
        begun.append(None)
        await begin()

    monkeypatch.setattr(app.database, "begin", counting)
    return begun


async def content(app: InMemoryApp, accepted: Accepted) -> Content | None:
    return (await app.message(MessageId(accepted.target))).content


async def test_a_url_becomes_an_asset_that_is_to_be_fetched() -> None:
    async with InMemoryApp() as app:
        accepted = await app.accept(content=ImageContent(url=URL))
        (asset,) = assets(app)
        assert (asset.state, asset.url, asset.file_name, asset.tenant_id, asset.created_at) == (
            MediaState.PENDING, URL, "cat.png", DEFAULT_TENANT, NOW,
        )  # fmt: skip
        assert asset.address_key is not None
        assert len(asset.address_key) == 32
        assert await content(app, accepted) == ImageContent(media_id=asset.media_id)
        assert uses(app) == {MediaUse(MessageId(accepted.target), asset.media_id)}
        assert [row.job.media_id for row in app.database.media_jobs.rows()] == [asset.media_id]


async def test_the_same_url_is_one_asset_while_it_is_fresh() -> None:
    async with InMemoryApp() as app:
        first = await app.accept(content=ImageContent(url=URL))
        app.clock.advance(FRESH_MS)
        second = await app.accept(content=FileContent(url=URL))
        (asset,) = assets(app)
        assert await content(app, second) == FileContent(media_id=asset.media_id)
        assert uses(app) == {MediaUse(MessageId(accepted.target), asset.media_id) for accepted in (first, second)}


async def test_what_a_record_names_is_an_asset_too_and_each_is_used_once() -> None:
    async with InMemoryApp() as app:
        await add(app, an_asset())
        items = (
            MergedText(content="x", sender_name="n"),
            MergedImage(url=URL, sender_name="n"),
            MergedImage(url=URL, sender_name="n"),
            MergedImage(media_id="m", sender_name="n"),
        )
        accepted = await app.accept(content=MergedContent(messages=items))
        stored = await content(app, accepted)
        assert isinstance(stored, MergedContent)
        named = [item.media_id for item in stored.messages if isinstance(item, MergedImage)]
        assert named[0] == named[1]
        assert named[2] == "m"
        assert {use.media_id for use in uses(app)} == set(named)


async def test_a_batch_of_one_file_is_one_asset(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        await add(app, an_asset())
        begun = counted(app, monkeypatch)
        batch = await app.accept_batch(
            *[a_request(ImageContent(url=URL)) for _ in range(50)],
            *[a_request(ImageContent(media_id="m")) for _ in range(50)],
        )
        assert len(begun) == 2, "one transaction reads what the batch names, one stores it"
        assert len(batch.items) == 100
        assert len(assets(app)) == 2
        assert len(uses(app)) == 100


async def test_parts_of_a_group_name_media_each_for_itself() -> None:
    async with InMemoryApp() as app:
        parts = [a_draft(content=TextContent(content="x")), a_draft(content=ImageContent(url=URL))]
        await app.accept(*parts, grouped=True)
        (use,) = uses(app)
        assert (await app.message(use.message_id)).index == 1
        with pytest.raises(UnfitMediaError) as refused:
            await app.accept(parts[0], a_draft(content=ImageContent(media_id="nobody's")), grouped=True)
        assert refused.value.path == "parts[1].mediaId"


@pytest.mark.parametrize(
    ("asset", "sent", "path"),
    [
        (None, ImageContent(media_id="m"), "mediaId"),
        (an_asset(tenant_id=TenantId("another")), ImageContent(media_id="m"), "mediaId"),
        (
            an_asset(state=MediaState.FAILED, facts=None, failure=MediaFailure.BLOCKED),
            ImageContent(media_id="m"),
            "mediaId",
        ),
        (an_asset(mime_type="text/html"), ImageContent(media_id="m"), "mediaId"),
        (an_asset(mime_type="video/mp4"), VideoContent(media_id="m"), "videoDuration"),
        (an_asset(file_name=None), FileContent(media_id="m"), "fileName"),
        (None, FileContent(url="https://files.example/"), "fileName"),
        (
            an_asset(),
            MergedContent(messages=(MergedImage(media_id="nobody's", sender_name="n"),)),
            "messages[0].mediaId",
        ),
    ],
)
async def test_media_that_do_not_fit_are_refused_by_their_field_and_nothing_is_stored(
    asset: MediaAsset | None, sent: Content, path: str
) -> None:
    async with InMemoryApp() as app:
        if asset is not None:
            await add(app, asset)
        with pytest.raises(UnfitMediaError) as refused:
            await app.accept(content=sent)
        assert (refused.value.path, app.stored(), uses(app)) == (path, 0, set())
        batch = await app.accept_batch(a_request(sent, "k"), a_request(TextContent(content="x")))
        assert [isinstance(item, UnfitMediaError) for item in batch.items] == [True, False]


async def test_an_asset_that_is_fetched_may_be_anything_yet() -> None:
    async with InMemoryApp() as app:
        await add(app, an_asset(state=MediaState.PENDING, facts=None, url=URL))
        accepted = await app.accept(content=VideoContent(media_id="m"))
        assert await content(app, accepted) == VideoContent(media_id="m")


async def test_a_repetition_makes_no_second_asset_however_late() -> None:
    async with InMemoryApp() as app:
        first = await app.accept(content=ImageContent(url=URL), key="k")
        app.clock.advance(FRESH_MS * 2)
        again = await app.accept(content=ImageContent(url=URL), key="k")
        assert (again.target, again.duplicate) == (first.target, True)
        assert len(assets(app)) == 1
        with pytest.raises(IdempotencyConflictError):
            await app.accept(content=ImageContent(url=f"{URL}2"), key="k")
        assert len(assets(app)) == 1


async def test_a_repetition_is_known_although_its_media_have_gone() -> None:
    async with InMemoryApp() as app:
        await add(app, an_asset(), an_asset("n"))
        picture, other = ImageContent(media_id="m"), ImageContent(media_id="n")
        first = await app.accept(content=picture, key="k")
        batch = await app.accept_batch(a_request(other, "item"))
        async with app.units() as unit:
            for media_id in ("m", "n"):
                app.database.media.drop(MediaId(media_id))
            await unit.commit()
        again = await app.accept(content=picture, key="k")
        assert (again.target, again.duplicate) == (first.target, True)
        repeated = await app.accept_batch(a_request(other, "item"), a_request(other, "another"))
        (item,), (same, refused) = batch.items, repeated.items
        assert isinstance(item, Accepted)
        assert isinstance(same, Accepted)
        assert (same.target, same.duplicate) == (item.target, True)
        assert isinstance(refused, UnfitMediaError)
        for unknown in (a_request(other), a_request(other, "k"), a_request(picture, "never used")):
            with pytest.raises(UnfitMediaError):
                await app.accepting(unknown)
        assert not (await app.accept(key="never used")).duplicate, "the look at a key does not take it"


async def test_a_text_costs_no_look_at_media(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        begun = counted(app, monkeypatch)
        await app.accept(content=TextContent(content="x"))
        assert len(begun) == 1


async def test_media_are_stored_with_their_message_or_not_at_all() -> None:
    async with InMemoryApp() as app:
        app.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await app.accept(content=ImageContent(url=URL), key="k")
        assert (assets(app), uses(app)) == ([], set())
        accepted = await app.accept(content=ImageContent(url=URL), key="k")
        assert {use.message_id for use in uses(app)} == {accepted.target}


async def test_a_message_is_copied_where_another_asset_stands_for_its_own() -> None:
    own, other = (
        an_asset("own", url=URL, state=MediaState.PENDING, facts=None),
        an_asset("other", url=f"{URL}2", state=MediaState.PENDING, facts=None),
    )
    async with InMemoryApp() as app:
        stored = await content(app, await app.accept(content=ImageContent(url=URL)))
        assert isinstance(stored, ImageContent)
        picture = await app.message(MessageId((await app.accept(content=ImageContent(url=f"{URL}3"))).target))
        text = await app.message(await app.accept_text())
        picture.content = ImageContent(media_id="own")
        async with app.units() as unit:
            scope = CommitScope(unit)
            copied, same, erased = await store_assets(
                scope, [own, own, other], [picture, text, dataclasses.replace(text, content=None)], fresh_ms=FRESH_MS
            )
            assert scope.media, "the worker of media is woken"
            (unchanged,) = await store_assets(scope, [other], [picture], fresh_ms=FRESH_MS)
            without_media = CommitScope(unit)
            assert await store_assets(without_media, [], [picture], fresh_ms=1) == [picture]
            assert not without_media.media
        assert copied.content == stored
        assert picture.content == ImageContent(media_id="own")
        assert (same is text, erased.content, unchanged is picture) == (True, None, True)


async def test_a_draft_keeps_the_url_that_its_fingerprint_is_of() -> None:
    draft: Draft = a_draft(content=ImageContent(url=URL))
    async with InMemoryApp() as app:
        await app.accept(draft)
        assert draft.content == ImageContent(url=URL)


async def test_a_quote_of_a_message_with_media_keeps_them_and_uses_them() -> None:
    original_content = ImageContent(file_id="f", file_size=1, aes_key="k", md5="d", image_width=1, image_height=1)
    async with InMemoryApp() as app:
        await add(app, an_asset())
        receipt = a_receipt("7001", sender_id="788", sender_name="not base64!")
        app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
        original = MessageId((await app.accept(content=original_content)).target)
        await app.dispatch()
        async with app.units() as unit:  # as it would be stored if it had been named as media
            stored = app.database.messages.get(original)
            assert stored is not None
            stored.content = ImageContent(media_id="m")
            await unit.commit()
        quote = await app.accept(content=QuoteContent(content="x", quote_message_id=original))
        made = await content(app, quote)
        assert isinstance(made, QuoteContent)
        assert made.quote_message == ImageContent(media_id="m")
        assert uses(app) == {MediaUse(MessageId(quote.target), MediaId("m"))}
        async with app.units() as unit:
            app.database.media.drop(MediaId("m"))
            await unit.commit()
        with pytest.raises(UnquotableError, match="not there any more"):
            await app.accept(content=QuoteContent(content="x", quote_message_id=original))
