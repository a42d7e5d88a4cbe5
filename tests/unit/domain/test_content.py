from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from msgspec import structs

from wework_message.domain.content import (
    CONTENTS,
    MERGED_ITEMS,
    OBJECTS,
    BigVideoContent,
    Content,
    FileContent,
    GifContent,
    LinkContent,
    LocationContent,
    MergedContent,
    MergedRecord,
    MergedText,
    MessageType,
    QuoteContent,
    TextContent,
    VideoContent,
    WithFile,
    decode_content,
    encode_content,
    rules_of,
)
from wework_message.domain.content.files import MEDIA_NAMES, json_names
from wework_message.domain.content.mass import MassContent, MassImage
from wework_message.domain.content.rules import BIG_FILE_BYTES, MAX_MERGED_DEPTH
from wework_message.domain.errors import InvalidValueError
from wework_message.entrypoints.wire.requests.examples import content_example
from wework_message.testing.strategies import contents

GOLDEN = Path(__file__).parents[2] / "golden" / "contents"
TYPES = [kind for kind in MessageType if kind not in (MessageType.MIXED, MessageType.MASS_SEND)]


def example(kind: str, **changes: Any) -> Content:
    raw = content_example(kind) | changes
    return decode_content(msgspec.json.encode(raw))


def test_every_type_but_mixed_has_a_content_and_a_stored_form() -> None:
    assert [str(kind) for kind in TYPES] == list(CONTENTS)
    assert {*CONTENTS, "MASS_SEND"} == {path.stem for path in GOLDEN.glob("*.json")}


@pytest.mark.parametrize("kind", TYPES)
def test_the_stored_form_is_the_golden_one(kind: MessageType) -> None:
    stored = (GOLDEN / f"{kind}.json").read_bytes().rstrip(b"\n")
    content = example(kind)
    assert encode_content(content) == stored, "what is stored already must stay readable: change this only on purpose"
    assert decode_content(stored) == content
    assert content.message_type is kind


@pytest.mark.parametrize("kind", [kind for kind in TYPES if issubclass(CONTENTS[kind], WithFile)])
def test_the_stored_form_of_a_content_with_media_is_the_golden_one(kind: MessageType) -> None:
    struct: Any = CONTENTS[kind]
    names, raw = json_names(struct), content_example(kind)
    for field in (*struct.HANDLE, *struct.KEY, *struct.READ, *struct.PREVIEW):
        del raw[names[field]]
    content = decode_content(msgspec.json.encode(raw | {"mediaId": "019aba10-5f0e-7cc3-9d4e-8d1a7c6b5e4f"}))
    stored = (GOLDEN.parent / "contents-with-media" / f"{kind}.json").read_bytes().rstrip(b"\n")
    assert encode_content(content) == stored, "what is stored already must stay readable: change this only on purpose"
    assert decode_content(stored) == content


@pytest.mark.parametrize("kind", TYPES)
def test_an_example_gives_every_field_a_value_of_its_own(kind: MessageType) -> None:
    fields = structs.fields(CONTENTS[kind])
    example_values = CONTENTS[kind].EXAMPLE
    assert set(example_values) == {field.encode_name for field in fields} - set(MEDIA_NAMES)
    assert [field.name for field in fields if example_values.get(field.encode_name, ...) == field.default] == []


def test_the_stored_form_of_a_mass_send_is_the_golden_one() -> None:
    stored = (GOLDEN / "MASS_SEND.json").read_bytes().rstrip(b"\n")
    content = MassContent(content="明天十点开会", links=(LinkContent(link_title="News", link_url="https://a.example"),))
    assert encode_content(content) == stored
    assert decode_content(stored) == content
    assert content.message_type is MessageType.MASS_SEND
    with pytest.raises(InvalidValueError, match="content"):
        MassContent()


@given(contents())
def test_what_is_written_is_read_back(content: Content) -> None:
    assert decode_content(encode_content(content)) == content


def test_every_field_is_checked_by_a_rule_or_by_its_type_alone() -> None:
    kinds = [*CONTENTS.values(), *MERGED_ITEMS.values(), *OBJECTS.values()]
    unruled = {name for kind in kinds for name in set(kind.__struct_encode_fields__) - set(rules_of(kind))}
    assert unruled == {"isHd", "quoteMessage", "product", "shopInfo", "sendTime"}


LOCATION: dict[str, Any] = {"longitude": 0.0, "latitude": 0.0, "location_title": "x"}
FILE: dict[str, Any] = {"file_id": "f", "file_size": 1, "file_name": "n", "md5": "m", "aes_key": "k"}
VIDEO: dict[str, Any] = FILE | {"video_duration": 0, "video_width": 1, "video_height": 1}
GIF: dict[str, Any] = {"gif_url": "https://a.example/1.gif", "md5": "m", "image_width": 1, "image_height": 1}


@pytest.mark.parametrize(
    ("build", "path"),
    [
        (lambda: TextContent(content=""), "content"),
        (lambda: TextContent(content="a\0b"), "content"),
        (lambda: TextContent(content="a\ud800b"), "content"),
        (lambda: LinkContent(link_title="", link_url="https://a.example"), "linkTitle"),
        (lambda: LinkContent(link_title="t", link_url="ftp://a.example"), "linkUrl"),
        (lambda: LinkContent(link_title="t", link_url="/relative"), "linkUrl"),
        (lambda: LinkContent(link_title="t", link_url="https://"), "linkUrl"),
        (lambda: LinkContent(link_title="t", link_url="https://a.example/a b"), "linkUrl"),
        (lambda: LinkContent(link_title="t", link_url="https://a.example/" + "x" * 2_031), "linkUrl"),
        (lambda: LinkContent(link_title="t", link_url="https://a.example", link_image_url="no"), "linkImageUrl"),
        (lambda: LocationContent(**(LOCATION | {"longitude": 180.1})), "longitude"),
        (lambda: LocationContent(**(LOCATION | {"latitude": -90.1})), "latitude"),
        (lambda: LocationContent(**(LOCATION | {"latitude": float("nan")})), "latitude"),
        (lambda: FileContent(**(FILE | {"file_id": "x" * 4_097})), "fileId"),
        (lambda: FileContent(**(FILE | {"file_size": 0})), "fileSize"),
        (lambda: FileContent(**(FILE | {"aes_key": ""})), "aesKey"),
        (lambda: FileContent(**(FILE | {"file_size": BIG_FILE_BYTES, "aes_key": ""})), "aesKey"),
        (lambda: FileContent(**(FILE | {"file_size": BIG_FILE_BYTES + 1})), "aesKey"),
        (lambda: VideoContent(**(VIDEO | {"video_duration": -1})), "videoDuration"),
        (lambda: VideoContent(**(VIDEO | {"video_width": 0})), "videoWidth"),
        (lambda: VideoContent(**(VIDEO | {"video_height": 2**31})), "videoHeight"),
        (lambda: GifContent(**GIF, file_id="f"), "fileSize"),
        (lambda: GifContent(**GIF, file_id="f", file_size=5), "aesKey"),
        (lambda: GifContent(**GIF, url="https://a.example/1"), "gifUrl"),
        (lambda: FileContent(media_id="m", aes_key="k"), "aesKey"),
        (lambda: FileContent(media_id="m", url="https://a.example/1"), "url"),
        (FileContent, "fileId"),
        (lambda: BigVideoContent(media_id="m", preview_image_size=1), "previewImageUrl"),
        (lambda: MassImage(media_id="m", image_url="https://a.example/1"), "imageUrl"),
        (lambda: MassImage(image_url="https://a.example/1"), "size"),
        (MassContent, "content"),
        (lambda: QuoteContent(content="x"), "quoteMessageId"),
        (lambda: QuoteContent(content="x", quote_content="y"), "quoteAppInfo"),
        (lambda: MergedContent(messages=()), "messages"),
        (lambda: MergedContent(messages=(MergedText(content="x", sender_name="n"),) * 101), "messages"),
        (lambda: MergedText(content="x", sender_name=""), "senderName"),
    ],
)
def test_an_invalid_content_cannot_be_built(build: Callable[[], object], path: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        build()
    assert refusal.value.path == path


def test_the_edges_of_what_is_allowed_are_allowed() -> None:
    LinkContent(link_title="t", link_url="https://a.example/" + "x" * 2_030)
    LocationContent(longitude=-180, latitude=90, location_title="x" * 4_096)
    FileContent(**(FILE | {"file_id": "x" * 4_096, "file_size": BIG_FILE_BYTES}))
    FileContent(**(FILE | {"file_size": BIG_FILE_BYTES + 1, "aes_key": ""}))
    VideoContent(**VIDEO)
    GifContent(**GIF)
    GifContent(**GIF, file_id="f", file_size=5, aes_key="k")
    MergedContent(messages=(MergedText(content="x", sender_name="n"),) * 100)
    TextContent(content="x" * 1_000_000)


def test_records_in_records_end_somewhere() -> None:
    record = MergedRecord(messages=(MergedText(content="x", sender_name="n"),), sender_name="n")
    for _ in range(MAX_MERGED_DEPTH - 1):
        assert record.depth < MAX_MERGED_DEPTH
        record = MergedRecord(messages=(record,), sender_name="n")
    with pytest.raises(InvalidValueError, match="messages"):
        MergedContent(messages=(record,))


@pytest.mark.parametrize("deep_first", [True, False])
def test_a_flat_record_beside_a_deep_one_hides_no_depth(*, deep_first: bool) -> None:
    flat = MergedRecord(messages=(MergedText(content="x", sender_name="n"),), sender_name="n")
    deep = flat
    for _ in range(MAX_MERGED_DEPTH - 2):
        deep = MergedRecord(messages=(deep,), sender_name="n")
    pair = (deep, flat) if deep_first else (flat, deep)
    assert MergedContent(messages=pair).depth == MAX_MERGED_DEPTH
    with pytest.raises(InvalidValueError, match="messages"):
        MergedContent(messages=(MergedRecord(messages=pair, sender_name="n"), flat))


def test_an_error_never_repeats_the_value() -> None:
    with pytest.raises(InvalidValueError) as refusal:
        LinkContent(link_title="t", link_url="not-a-url-but-a-secret")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "stored",
    [
        b'{"messageType":"MIXED","parts":[]}',
        b'{"messageType":"TEXT","content":"x","extra":1}',
        b'{"content":"x"}',
        b'{"messageType":"MERGED","messages":[{"messageType":"VOICE","senderName":"n"}]}',
        b'{"messageType":"MERGED","messages":[{"messageType":"TEXT","content":"x","senderName":"n","sendTime":"2025-08-08T10:15:30"}]}',
        b'{"messageType":"TEXT","content":""}',
    ],
)
def test_what_is_no_content_is_not_read(stored: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_content(stored)


def test_a_big_video_has_no_key() -> None:
    with pytest.raises(msgspec.ValidationError, match="aesKey"):
        example("BIG_VIDEO", aesKey="k")
    assert isinstance(example("BIG_VIDEO"), BigVideoContent)


def test_a_message_mentions_a_thousand_people_at_most() -> None:
    assert example("MENTION", atList=["1"] * 1_000).message_type is MessageType.MENTION
    with pytest.raises(msgspec.ValidationError, match="at most 1000 entries"):
        example("MENTION", atList=["1"] * 1_001)
