"""What contents need of media, whether assets fit, and what a provider is sent."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.content import (
    CONTENTS,
    MERGED_ITEMS,
    QUOTABLE,
    BigVideoContent,
    Content,
    FileContent,
    GifContent,
    ImageContent,
    MergedContent,
    MergedFile,
    MergedImage,
    MergedRecord,
    MergedText,
    MergedVideo,
    MiniProgramContent,
    QuoteContent,
    TextContent,
    VideoContent,
    VoiceContent,
    WithFile,
    decode_content,
    encode_content,
)
from wework_message.domain.content.files import is_given, json_names, without
from wework_message.domain.content.mass import MassContent, MassImage
from wework_message.domain.content.rules import BIG_FILE_BYTES, MAX_MERGED_DEPTH
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, MediaId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure, MediaState, Seen
from wework_message.domain.media.handles import Handle, UploadKind
from wework_message.domain.media.kinds import KINDS, PICTURES, VIDEOS, VOICES, kind_of
from wework_message.domain.media.needs import (
    Misfit,
    misfit,
    names_media,
    needs,
    placed,
    previews,
    rendered,
    uploads,
    urls,
)
from wework_message.testing.strategies import contents

M, N, P = MediaId("m"), MediaId("n"), MediaId("p")
URL = "https://a.example/1"
HANDLE = Handle("f", "k", "provider's", 7, "https://provider.example/1")
GIVEN: Mapping[str, Any] = {
    "file_name": "n", "video_duration": 3, "voice_time": 4, "video_width": 5, "video_height": 6, "image_width": 7, "image_height": 8,
    "thumb_width": 9, "thumb_height": 10,
}  # fmt: skip


def facts(mime_type: str = "image/png", size: int = 100, **seen: Any) -> MediaFacts:
    return MediaFacts("sha", "md5 of the bytes", size, Seen(mime_type, **seen))


def an_asset(
    of: MediaFacts | None = None, media_id: MediaId = M, *, preview_id: MediaId | None = None, **changes: Any
) -> MediaAsset:
    state = MediaState.PENDING if of is None else MediaState.READY
    asset = MediaAsset(media_id, DEFAULT_TENANT, state, 1, b"", "own.bin", facts=of, preview_id=preview_id)
    return dataclasses.replace(asset, **changes)


def by_id(*assets: MediaAsset) -> Mapping[MediaId, MediaAsset]:
    return {asset.media_id: asset for asset in assets}


PICTURE = facts(width=30, height=40)
VIDEO = facts("video/mp4", width=50, height=60, duration_ms=2_500)
FILM = facts("video/mp4", BIG_FILE_BYTES + 1, duration_ms=2_499)
VOICE = facts("audio/amr", duration_ms=400)

PROGRAM = MiniProgramContent(
    mini_program_username="u", mini_program_app_id="a", mini_program_app_name="n", mini_program_title="t",
    mini_program_page_path="p", media_id=M,
)  # fmt: skip
QUOTED: Mapping[str, Any] = {
    "content": "x", "quote_content": "[IMAGE]", "quote_app_info": "i", "quote_content_type": 5, "quote_sender": "1", "quote_sender_name": "n",
}  # fmt: skip


# -- the table -----------------------------------------------------------------------------------------------------

EVERY_STRUCT: list[type[msgspec.Struct]] = [
    *CONTENTS.values(),
    *MERGED_ITEMS.values(),
    *QUOTABLE.values(),
    MassContent,
    MassImage,
]


def test_whatever_has_a_file_can_name_it_as_media_and_has_a_row() -> None:
    of_files = [kind for kind in EVERY_STRUCT if {"file_id", "gif_url", "image_url"} & set(kind.__struct_fields__)]
    assert of_files
    assert [kind for kind in of_files if not {"media_id", "url"} <= set(kind.__struct_fields__)] == []
    assert [kind for kind in of_files if not issubclass(kind, tuple(KINDS))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_lists_of_a_type_name_its_fields_and_what_an_asset_gives_may_be_absent(
    kind: type[WithFile] | type[MassImage],
) -> None:
    listed = [*kind.HANDLE, *kind.KEY, *kind.READ, *kind.PREVIEW]
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(kind.__struct_fields__)
    needed = {field.name for field in msgspec.structs.fields(kind) if field.required}
    assert needed.isdisjoint(listed)


def test_a_content_without_a_file_has_no_row() -> None:
    with pytest.raises(KeyError):
        kind_of(TextContent(content="x"))  # type: ignore[arg-type] # mypy says so too
    assert kind_of(MergedVideo(sender_name="n", media_id=M)) is KINDS[VideoContent]


@pytest.mark.parametrize(("size", "kind"), [(BIG_FILE_BYTES, UploadKind.FILE), (BIG_FILE_BYTES + 1, UploadKind.BIG)])
def test_the_size_of_a_file_says_how_it_is_uploaded(size: int, kind: UploadKind) -> None:
    assert KINDS[FileContent].upload_of(size) is kind
    assert KINDS[ImageContent].upload_of(size) is UploadKind.IMAGE


# -- what a content needs ------------------------------------------------------------------------------------------


def test_a_text_needs_nothing_and_is_not_looked_into() -> None:
    text = TextContent(content="x")
    assert (names_media(text), needs(text), urls(text), needs(None)) == (False, (), (), ())
    assert placed(text, {URL: M}) is text
    assert rendered(text, {}, {}) is text


@given(contents())
def test_a_content_with_handles_needs_nothing_and_stays_as_it_is(content: Content) -> None:
    assert (needs(content), urls(content)) == ((), ())
    assert placed(content, {URL: M}) is content
    assert rendered(content, {}, {}) is content


def nested(depth: int) -> MergedContent:
    record = MergedRecord(
        messages=(MergedText(content="x", sender_name="n"), MergedImage(media_id=M, sender_name="n")), sender_name="n"
    )
    for _ in range(depth - 2):
        record = MergedRecord(messages=(record, MergedFile(url=URL, sender_name="n")), sender_name="n")
    return MergedContent(messages=(record,))


def test_records_in_records_are_looked_into_to_their_end() -> None:
    record = nested(MAX_MERGED_DEPTH)
    assert record.depth == MAX_MERGED_DEPTH
    (need,) = needs(record)
    assert need.path == "messages[0]." * (MAX_MERGED_DEPTH - 1) + "messages[1]."
    assert urls(record) == (URL,)
    with_media = placed(record, {URL: N})
    assert {need.media_id for need in needs(with_media)} == {M, N}
    assert urls(with_media) == ()
    assets = by_id(an_asset(PICTURE), an_asset(facts("text/html"), N))
    made = rendered(with_media, assets, dict.fromkeys(uploads(with_media, assets), HANDLE))
    assert needs(made) == ()
    assert made.depth == MAX_MERGED_DEPTH


def test_a_quote_and_a_mass_send_are_looked_into() -> None:
    image = ImageContent(media_id=M)
    quote = QuoteContent(quote_message=image, **QUOTED)
    assert [need.path for need in needs(quote)] == ["quoteMessage."]
    mass = MassContent(
        images=(MassImage(media_id=M), MassImage(image_url=URL, size=1, thumb_width=1, thumb_height=1)),
        videos=(VideoContent(url=URL), VideoContent(media_id=M)), mini_programs=(PROGRAM,), files=(FileContent(media_id=N),),
    )  # fmt: skip
    assert [(need.path, need.media_id) for need in needs(mass)] == [
        ("images[0].", M), ("videos[1].", M), ("miniPrograms[0].", M), ("files[0].", N),
    ]  # fmt: skip
    assert urls(mass) == (URL,)
    assert [need.path for need in needs(placed(mass, {URL: N}))][1] == "videos[0]."
    assert needs(QuoteContent(content="x", quote_message_id="q")) == ()


def test_assets_are_exchanged_for_others() -> None:
    assert placed(ImageContent(media_id=M), {M: N}) == ImageContent(media_id=N)
    image = ImageContent(media_id=M)
    assert placed(image, {N: P}) is image


# -- whether an asset fits -----------------------------------------------------------------------------------------


def problem(content: Content | MassContent, *assets: MediaAsset) -> tuple[str, MediaFailure] | None:
    (need,) = needs(content)
    unfit = misfit(need, by_id(*assets))
    return None if unfit is None else (unfit.path, unfit.failure)


def test_an_asset_that_is_not_there_or_has_failed_is_no_use() -> None:
    image = ImageContent(media_id=M)
    assert problem(image) == ("mediaId", MediaFailure.GONE)
    failed = an_asset(state=MediaState.FAILED, failure=MediaFailure.BLOCKED)
    assert problem(image, failed) == ("mediaId", MediaFailure.BLOCKED)
    assert problem(image, dataclasses.replace(failed, failure=None)) == ("mediaId", MediaFailure.GONE)
    (need,) = needs(image)
    assert misfit(need, by_id(failed)) == Misfit(
        "mediaId", MediaFailure.BLOCKED, "names media that failed: MEDIA_BLOCKED"
    )


def test_nothing_speaks_against_an_asset_that_is_not_there_yet_but_a_name_that_nobody_gave() -> None:
    assert problem(VideoContent(media_id=M), an_asset()) is None
    nameless = an_asset(file_name=None)
    for kind in (VideoContent, FileContent, BigVideoContent):
        assert problem(kind(media_id=M), nameless) == ("fileName", MediaFailure.UNREADABLE)
        assert problem(kind(media_id=M, file_name="n"), nameless) is None
    assert problem(ImageContent(media_id=M), nameless) is None


def test_the_problem_names_its_place() -> None:
    record = MergedContent(
        messages=(MergedText(content="x", sender_name="n"), MergedVideo(media_id=M, sender_name="n"))
    )
    assert problem(record, an_asset(facts("video/mp4"))) == ("messages[1].videoDuration", MediaFailure.UNREADABLE)


@pytest.mark.parametrize(
    ("content", "mime_types"),
    [
        (ImageContent(media_id=M, image_width=1, image_height=1), PICTURES),
        (VideoContent(media_id=M, video_duration=1, video_width=1, video_height=1), VIDEOS),
        (VoiceContent(media_id=M, voice_time=1), VOICES),
        (GifContent(media_id=M, image_width=1, image_height=1), ("image/gif",)),
        (PROGRAM, PICTURES),
        (MassContent(images=(MassImage(media_id=M, thumb_width=1, thumb_height=1),)), PICTURES),
    ],
)
def test_the_bytes_must_be_of_the_type_and_of_its_size(
    content: Content | MassContent, mime_types: tuple[str, ...]
) -> None:
    for mime_type in mime_types:
        assert problem(content, an_asset(facts(mime_type, BIG_FILE_BYTES))) is None
        path, failure = problem(content, an_asset(facts(mime_type, BIG_FILE_BYTES + 1))) or ("", None)
        assert (path.endswith("mediaId"), failure) == (True, MediaFailure.TOO_LARGE)
    for mime_type in ("text/html", "application/octet-stream", "image/svg+xml"):
        assert (problem(content, an_asset(facts(mime_type))) or (None, None))[1] is MediaFailure.WRONG_TYPE


def test_a_file_is_of_any_type_and_size() -> None:
    for size in (1, BIG_FILE_BYTES + 1):
        assert problem(FileContent(media_id=M), an_asset(facts("text/html", size))) is None


def test_a_big_video_is_a_big_one_with_a_preview() -> None:
    film = BigVideoContent(media_id=M)
    own = an_asset(FILM, preview_id=P)
    assert problem(film, own, an_asset(PICTURE, P)) is None
    assert problem(film, an_asset(VIDEO)) == ("mediaId", MediaFailure.WRONG_TYPE)
    for preview in (None, an_asset(None, P), an_asset(facts(width=1), P), an_asset(facts(height=1), P)):
        assets = (own,) if preview is None else (own, preview)
        assert problem(film, *assets) == ("previewImageUrl", MediaFailure.UNREADABLE)
    assert problem(film, an_asset(FILM)) == ("previewImageUrl", MediaFailure.UNREADABLE)
    for failure in (MediaFailure.GONE, None):
        gone = an_asset(PICTURE, P, state=MediaState.FAILED, failure=failure)
        assert problem(film, own, gone) == ("mediaId", MediaFailure.GONE)
    described = BigVideoContent(
        media_id=M,
        preview_image_url=URL,
        preview_image_width=1,
        preview_image_height=1,
        preview_image_size=1,
        preview_image_md5="d",
    )
    assert problem(described, an_asset(FILM)) is None
    assert previews(film, by_id(own)) == {P}
    assert previews(film, by_id(an_asset(FILM))) == previews(film, {}) == previews(described, by_id(own)) == frozenset()
    assert uploads(described, by_id(own)) == ((M, UploadKind.BIG),)


READ = [
    (kind, field)
    for kind in (ImageContent, VideoContent, BigVideoContent, FileContent, VoiceContent, GifContent)
    for field in kind.READ
    if field != "file_name"
]
ALL_SEEN: Mapping[type[Any], MediaFacts] = {
    ImageContent: PICTURE, VideoContent: VIDEO, BigVideoContent: FILM, VoiceContent: VOICE, GifContent: dataclasses.replace(PICTURE, seen=Seen("image/gif", 30, 40)),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "field"), READ)
def test_what_cannot_be_read_must_be_given(kind: Callable[..., Content], field: str) -> None:
    of = ALL_SEEN[kind]  # type: ignore[index] # they are types
    blind = dataclasses.replace(of, seen=Seen(of.seen.mime_type))
    others = {name: GIVEN[name] for name in kind.READ if name != field}  # type: ignore[attr-defined] # they are types
    preview = an_asset(PICTURE, P)
    name = json_names(kind)[field]
    assert problem(kind(media_id=M, **others), an_asset(blind, preview_id=P), preview) == (
        name,
        MediaFailure.UNREADABLE,
    )
    assert problem(kind(media_id=M, **others, **{field: GIVEN[field]}), an_asset(blind, preview_id=P), preview) is None
    assert problem(kind(media_id=M), an_asset(of, preview_id=P), preview) is None


# -- what a provider is sent ---------------------------------------------------------------------------------------


def sent(content: Any, *assets: MediaAsset, handle: Handle = HANDLE) -> Any:
    known = by_id(*assets)
    return rendered(content, known, dict.fromkeys(uploads(content, known), handle))


def test_a_picture_gets_its_handle_and_its_size() -> None:
    assert sent(ImageContent(media_id=M, is_hd=True), an_asset(PICTURE)) == ImageContent(
        file_id="f", file_size=7, aes_key="k", md5="provider's", image_width=30, image_height=40, is_hd=True
    )
    bare = dataclasses.replace(HANDLE, md5="", size=0)
    assert sent(ImageContent(media_id=M), an_asset(PICTURE), handle=bare) == ImageContent(
        file_id="f", file_size=100, aes_key="k", md5="md5 of the bytes", image_width=30, image_height=40
    )


def test_the_other_types_get_theirs() -> None:
    assert sent(VideoContent(media_id=M), an_asset(VIDEO)) == VideoContent(
        file_id="f", file_size=7, file_name="own.bin", aes_key="k", md5="provider's", video_duration=3, video_width=50, video_height=60
    )  # fmt: skip
    assert sent(FileContent(media_id=M), an_asset(VIDEO)) == FileContent(
        file_id="f", file_size=7, file_name="own.bin", aes_key="k", md5="provider's"
    )
    assert sent(VoiceContent(media_id=M), an_asset(VOICE)) == VoiceContent(
        file_id="f", file_size=7, voice_time=1, aes_key="k", md5="provider's"
    )
    assert sent(GifContent(media_id=M), an_asset(PICTURE)) == GifContent(
        gif_url="https://provider.example/1", md5="provider's", image_width=30, image_height=40
    )
    program = sent(PROGRAM, an_asset(PICTURE))
    assert (program.file_id, program.file_size, program.aes_key, program.md5) == ("f", 7, "k", "provider's")
    (image,) = sent(MassContent(images=(MassImage(media_id=M),)), an_asset(PICTURE)).images
    assert image == MassImage(image_url="https://provider.example/1", size=7, thumb_width=30, thumb_height=40)
    quote = sent(QuoteContent(quote_message=ImageContent(media_id=M), **QUOTED), an_asset(PICTURE))
    assert quote.quote_message.file_id == "f"


def test_a_big_file_has_no_key_and_a_big_video_a_preview() -> None:
    big = Handle("f", "k", "", BIG_FILE_BYTES + 5)
    made = sent(FileContent(media_id=M), an_asset(FILM), handle=big)
    assert (made.aes_key, made.file_size) == ("", BIG_FILE_BYTES + 5)
    film = sent(BigVideoContent(media_id=M), an_asset(FILM, preview_id=P), an_asset(PICTURE, P))
    assert film == BigVideoContent(
        file_id="f", file_size=BIG_FILE_BYTES + 1, file_name="own.bin", md5="provider's", video_duration=2,
        preview_image_url="https://provider.example/1", preview_image_width=30, preview_image_height=40, preview_image_size=7,
        preview_image_md5="provider's",
    )  # fmt: skip


def test_a_file_near_the_limit_stays_on_its_side_whatever_the_provider_counts() -> None:
    below = dataclasses.replace(FILM, size=BIG_FILE_BYTES)
    padded = dataclasses.replace(HANDLE, size=BIG_FILE_BYTES + 16)
    assert sent(FileContent(media_id=M), an_asset(below), handle=padded).file_size == BIG_FILE_BYTES


def test_a_handle_that_lacks_what_the_type_needs_makes_no_content() -> None:
    with pytest.raises(InvalidValueError, match="aesKey"):
        sent(ImageContent(media_id=M), an_asset(PICTURE), handle=dataclasses.replace(HANDLE, aes_key=""))


def test_what_is_not_ready_has_no_uploads() -> None:
    with pytest.raises(ValueError, match="READY"):
        uploads(ImageContent(media_id=M), by_id(an_asset()))


def test_an_asset_that_is_used_twice_is_uploaded_once_for_each_kind() -> None:
    items = (
        MergedImage(media_id=M, sender_name="n"),
        MergedImage(media_id=M, sender_name="n"),
        MergedFile(media_id=M, sender_name="n"),
    )
    assert uploads(MergedContent(messages=items), by_id(an_asset(PICTURE))) == (
        (M, UploadKind.IMAGE),
        (M, UploadKind.FILE),
    )


@given(contents(), st.data())
def test_what_the_client_gives_wins_and_nothing_is_needed_any_more(content: Content, data: st.DataObject) -> None:
    def named(value: Any) -> Any:
        if isinstance(value, WithFile):
            if data.draw(st.booleans()):
                return value
            kind = type(value)
            kept = data.draw(st.sets(st.sampled_from(sorted(kind.READ)))) if kind.READ else set()
            dropped = {*kind.HANDLE, *kind.KEY, *kind.PREVIEW, *kind.READ} - kept
            defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
            return msgspec.structs.replace(value, media_id="m", **{name: defaults[name] for name in dropped})
        if isinstance(value, MergedContent):
            return msgspec.structs.replace(value, messages=tuple(named(item) for item in value.messages))
        if isinstance(value, QuoteContent) and value.quote_message is not None:
            return msgspec.structs.replace(value, quote_message=named(value.quote_message))
        return value

    requested = named(content)
    assert decode_content(encode_content(requested)) == requested
    size = BIG_FILE_BYTES + 1 if isinstance(content, BigVideoContent) else 100
    assets = by_id(an_asset(facts(size=size, width=30, height=40, duration_ms=900), preview_id=P), an_asset(PICTURE, P))
    made = rendered(requested, assets, dict.fromkeys(uploads(requested, assets), HANDLE))
    assert needs(made) == ()
    assert decode_content(encode_content(made)) == made
    for need in needs(requested):
        after = _at(made, need.path)
        given_fields = {name: getattr(need.file, name) for name in need.file.READ if is_given(getattr(need.file, name))}
        assert {name: getattr(after, name) for name in given_fields} == given_fields
        assert after.file_id == "f" or after.gif_url == HANDLE.url
    if not needs(requested):
        assert made is requested


def _at(content: Any, path: str) -> Any:
    for step in path.removesuffix(".").split(".") if path else ():
        name, _, place = step.partition("[")
        content = getattr(content, "quote_message" if name == "quoteMessage" else name)
        content = content[int(place.removesuffix("]"))] if place else content
    return content


def test_fields_that_are_not_given_are_left_out_of_what_is_stored() -> None:
    assert encode_content(ImageContent(media_id=M)) == b'{"messageType":"IMAGE","mediaId":"m","isHd":false}'
    assert without("url") == {"url": msgspec.UNSET}
