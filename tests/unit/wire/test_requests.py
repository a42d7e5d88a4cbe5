from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from tests.support.builders.send_requests import CONTENTS as EXAMPLE_CONTENTS
from tests.support.builders.send_requests import EXAMPLES, REQUIRED

from wework_message.domain.content import (
    CONTENTS,
    BigVideoContent,
    Content,
    MentionContent,
    QuoteContent,
    TextContent,
    WithFile,
    encode_content,
    rules_of,
)
from wework_message.domain.content.files import json_names
from wework_message.domain.content.mass import MassImage
from wework_message.domain.content.rules import Words
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import OnUnknown, Pin, SendOptions
from wework_message.domain.outbound import AddressPolicy
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.diagnosis import content_problems
from wework_message.entrypoints.wire.requests.fields import Common
from wework_message.entrypoints.wire.requests.send import RequestRejected, SendRequest, parse_send
from wework_message.testing.strategies import contents, drafts

NOW = 1_750_000_000_000
LIMITS = Limits()
TEXT = EXAMPLES["TEXT"]
JSON_NAMES = dict(zip(Common.__struct_fields__, Common.__struct_encode_fields__, strict=True))

JAVA_DTO = (
    "guid", "conversationId", "messageType", "content", "fileId", "fileSize", "fileName", "aesKey", "md5", "imageWidth",
    "imageHeight", "isHd", "videoDuration", "linkTitle", "linkDescription", "linkUrl", "linkImageUrl",
    "miniProgramUsername", "miniProgramAppId", "miniProgramAppName", "miniProgramAppIcon", "miniProgramTitle",
    "miniProgramPagePath", "atList", "quoteMessageId", "quoteContent", "longitude", "latitude", "locationTitle",
    "locationAddress", "extra", "providerCode", "async", "priority", "retryCount",
)  # fmt: skip


def send(raw: Mapping[str, Any] | bytes, *, key: str | None = None, limits: Limits = LIMITS) -> SendRequest:
    body = raw if isinstance(raw, bytes) else msgspec.json.encode(raw)
    return parse_send(body, limits=limits, now=NOW, idempotency_key=key)


def refused(raw: Mapping[str, Any] | bytes, *, key: str | None = None, limits: Limits = LIMITS) -> RequestRejected:
    with pytest.raises(RequestRejected) as refusal:
        send(raw, key=key, limits=limits)
    return refusal.value


def answer_to(raw: Mapping[str, Any]) -> SendRequest | RequestRejected:
    try:
        return send(raw)
    except RequestRejected as refusal:
        return refusal


def problems(raw: Mapping[str, Any], *, limits: Limits = LIMITS) -> dict[str, str]:
    refusal = refused(raw, limits=limits)
    assert (refusal.status, refusal.error) == (422, "VALIDATION_FAILED")
    codes_by_path = {problem.path: str(problem.code) for problem in refusal.errors}
    assert len(codes_by_path) == len(refusal.errors), "every problem is named once"
    return codes_by_path


def without(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key != name}


NEEDED = [(kind, name) for kind, names in REQUIRED.items() for name in names]


def test_the_first_request_anyone_makes_is_read() -> None:
    read = send('{"guid":"test-guid","conversationId":"S:12345","messageType":"TEXT","content":"测试消息"}'.encode())
    assert read.draft.content == TextContent(content="测试消息")
    assert (read.draft.guid, str(read.draft.conversation)) == ("test-guid", "S:12345")
    assert (read.is_group, read.is_async, read.client_message_id) == (False, False, None)


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_full_example_of_every_type_is_read(kind: str) -> None:
    read = send(EXAMPLES[kind])
    assert read.draft.content.message_type == kind
    stored = msgspec.json.decode(encode_content(read.draft.content))
    assert stored.items() >= without(EXAMPLE_CONTENTS[kind], "messages").items()


@pytest.mark.parametrize(("kind", "name"), NEEDED)
def test_a_missing_required_field_is_named(kind: str, name: str) -> None:
    assert problems(without(EXAMPLES[kind], name)) == {name: "REQUIRED"}


@pytest.mark.parametrize(("kind", "name"), NEEDED)
def test_a_null_is_a_missing_field(kind: str, name: str) -> None:
    assert problems(EXAMPLES[kind] | {name: None}) == {name: "REQUIRED"}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, name in NEEDED if isinstance(EXAMPLES[kind][name], str | list)]
)
def test_an_empty_required_field_is_named(kind: str, name: str) -> None:
    empty: object = "" if isinstance(EXAMPLES[kind][name], str) else []
    assert problems(EXAMPLES[kind] | {name: empty}) == {name: "REQUIRED"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, own in EXAMPLE_CONTENTS.items() for name in own])
def test_a_field_of_another_json_type_is_named(kind: str, name: str) -> None:
    value = EXAMPLES[kind][name]
    for wrong in (True, 5, 5.5, "x", ["x"], {"x": 1}):
        if type(wrong) is type(value) or (isinstance(value, float) and wrong == 5):
            continue
        refused = problems(EXAMPLES[kind] | {name: wrong})
        path, code = next(iter(refused.items()))
        assert path.split("[")[0].split(".")[0] == name
        assert code == "WRONG_TYPE" or isinstance(wrong, list | dict)


@pytest.mark.parametrize("kind", CONTENTS)
def test_all_missing_fields_are_named_at_once(kind: str) -> None:
    expected = dict.fromkeys(("guid", "conversationId", *REQUIRED[kind]), "REQUIRED")
    refused = problems({"messageType": kind})
    assert without(refused, "quoteMessageId") == expected


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_java_client_that_sends_every_field_it_knows_as_null_is_understood(kind: str) -> None:
    read = send(dict.fromkeys(JAVA_DTO) | EXAMPLES[kind])
    assert read.draft == send(EXAMPLES[kind]).draft


def test_nulls_inside_content_objects_are_absent_too() -> None:
    nulls = dict.fromkeys(JAVA_DTO)
    item = nulls | {"messageType": "TEXT", "content": "x", "senderName": "n"}
    parts = [nulls | {"messageType": "TEXT", "content": "x"}] * 2
    quoted = EXAMPLES["QUOTE"] | {"quoteMessage": nulls | {"messageType": "TEXT", "content": "x"}}
    assert send(EXAMPLES["MERGED"] | {"messages": [item]}).drafts
    assert len(send(EXAMPLES["MIXED"] | {"parts": parts}).drafts) == 2
    assert send(quoted).drafts


def test_extra_keeps_its_nulls() -> None:
    assert send(TEXT | {"extra": {"a": None, "content": None}}).draft.options.extra == {"a": None, "content": None}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (TEXT | {"colour": "red"}, {"colour": "UNKNOWN_FIELD"}),
        (TEXT | {"colour": None}, {"colour": "UNKNOWN_FIELD"}),
        (TEXT | {"fileId": "x"}, {"fileId": "NOT_FOR_THIS_TYPE"}),
        (TEXT | {"url": "https://a.example"}, {"url": "NOT_FOR_THIS_TYPE"}),
        (TEXT | {"parts": []}, {"parts": "NOT_FOR_THIS_TYPE"}),
        (EXAMPLES["MIXED"] | {"content": "x"}, {"content": "NOT_FOR_THIS_TYPE"}),
        (EXAMPLES["MERGED"] | {"messages": [{"messageType": "TEXT", "content": "x", "senderName": "n", "guid": "g"}]},
         {"messages[0].guid": "NOT_FOR_THIS_TYPE"}),
        (EXAMPLES["MERGED"] | {"messages": [{"messageType": "TEXT", "content": "x", "senderName": "n", "zz": 1}]},
         {"messages[0].zz": "UNKNOWN_FIELD"}),
        (without(TEXT, "messageType"), {"messageType": "REQUIRED"}),
        (TEXT | {"messageType": "text"}, {"messageType": "INVALID_VALUE"}),
        (TEXT | {"messageType": 5}, {"messageType": "WRONG_TYPE"}),
        (TEXT | {"messageType": ["TEXT"]}, {"messageType": "WRONG_TYPE"}),
    ],
)  # fmt: skip
def test_a_field_that_does_not_belong_is_named(raw: dict[str, Any], expected: dict[str, str]) -> None:
    assert problems(raw) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"guid": None}, {"guid": "REQUIRED"}),
        ({"guid": ""}, {"guid": "REQUIRED"}),
        ({"accountId": "a"}, {"accountId": "INVALID_VALUE"}),
        ({"guid": "a b"}, {"guid": "INVALID_VALUE"}),
        ({"guid": 5}, {"guid": "WRONG_TYPE"}),
        ({"conversationId": ""}, {"conversationId": "REQUIRED"}),
        ({"conversationId": "X:1"}, {"conversationId": "INVALID_VALUE"}),
        ({"conversationId": 12345}, {"conversationId": "WRONG_TYPE"}),
        ({"clientMessageId": ""}, {"clientMessageId": "INVALID_VALUE"}),
        ({"clientMessageId": "x" * 256}, {"clientMessageId": "INVALID_VALUE"}),
        ({"clientMessageId": "a\n"}, {"clientMessageId": "INVALID_VALUE"}),
        ({"priority": 11}, {"priority": "INVALID_VALUE"}),
        ({"priority": -1}, {"priority": "INVALID_VALUE"}),
        ({"priority": "5"}, {"priority": "WRONG_TYPE"}),
        ({"priority": True}, {"priority": "WRONG_TYPE"}),
        ({"retryCount": 11}, {"retryCount": "INVALID_VALUE"}),
        ({"campaignId": ""}, {"campaignId": "INVALID_VALUE"}),
        ({"campaignId": "x" * 65}, {"campaignId": "INVALID_VALUE"}),
        ({"campaignId": "春节"}, {"campaignId": "INVALID_VALUE"}),
        ({"campaignId": "a\n"}, {"campaignId": "INVALID_VALUE"}),
        ({"campaignId": 7}, {"campaignId": "WRONG_TYPE"}),
        ({"campaignId": "", "priority": 11}, {"campaignId": "INVALID_VALUE", "priority": "INVALID_VALUE"}),
        ({"scheduledAt": "2026-01-01T00:00:00"}, {"scheduledAt": "INVALID_VALUE"}),
        ({"scheduledAt": 1_900_000_000}, {"scheduledAt": "WRONG_TYPE"}),
        ({"expiresAt": "tomorrow"}, {"expiresAt": "INVALID_VALUE"}),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, {"expiresAt": "INVALID_VALUE"}),
        ({"scheduledAt": "2026-01-01T00:00:00Z", "expiresAt": "2026-01-01T00:00:00Z"}, {"expiresAt": "INVALID_VALUE"}),
        ({"pin": "guid"}, {"pin": "INVALID_VALUE"}),
        ({"onUnknown": "RETRY"}, {"onUnknown": "INVALID_VALUE"}),
        ({"onUnknown": "RESEND"}, {"duplicateSafe": "INVALID_VALUE"}),
        ({"duplicateSafe": "yes"}, {"duplicateSafe": "WRONG_TYPE"}),
        ({"async": 1}, {"async": "WRONG_TYPE"}),
        ({"extra": ["x"]}, {"extra": "WRONG_TYPE"}),
        ({"extra": {"k": "x" * 16_377}}, {"extra": "TOO_LONG"}),
        ({"content": "x" * 4_001}, {"content": "TOO_LONG"}),
        ({"content": "a\0b"}, {"content": "INVALID_VALUE"}),
        ({"priority": 11, "content": "", "pin": "x"},
         {"priority": "INVALID_VALUE", "content": "REQUIRED", "pin": "INVALID_VALUE"}),
    ],
)  # fmt: skip
def test_what_a_field_may_not_hold_is_named(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert problems(TEXT | changes) == expected


def test_every_common_field_reaches_the_draft() -> None:
    raw = without(TEXT, "guid") | {
        "accountId": "acc-1",
        "conversationId": "12345",
        "clientMessageId": "order 42",
        "priority": 9,
        "scheduledAt": "2026-01-01T08:00:00.5+08:00",
        "expiresAt": "2026-01-01T00:00:01Z",
        "providerCode": "GUANGZHOU_GUXING",
        "pin": "binding",
        "onUnknown": "RESEND",
        "duplicateSafe": True,
        "extra": {"k": "x" * 16_376},
        "async": True,
        "retryCount": 0,
    }
    read = send(raw)
    draft = read.draft
    assert read.is_async
    assert read.client_message_id == draft.options.client_message_id == "order 42"
    assert (draft.guid, draft.account_id, str(draft.conversation)) == (None, "acc-1", "S:12345")
    assert (draft.options.priority, draft.options.retry_count, draft.options.provider_code) == (
        9,
        0,
        "GUANGZHOU_GUXING",
    )
    assert (draft.options.scheduled_at, draft.options.expires_at) == (1_767_225_600_500, 1_767_225_601_000)
    assert (draft.options.pin, draft.options.on_unknown, draft.options.duplicate_safe) == (
        Pin.BINDING,
        OnUnknown.RESEND,
        True,
    )
    assert draft.options.extra == raw["extra"]


@given(draft=drafts(now=NOW))
def test_every_option_that_a_request_asks_for_is_read(draft: Draft) -> None:
    options = draft.options
    values = options._asdict()
    values |= {name: iso(values[name]) for name in ("scheduled_at", "expires_at")}
    raw = {JSON_NAMES[name]: value for name, value in values.items() if value is not None}
    read = send(TEXT | raw).draft.options
    for name in values:
        assert getattr(read, name) == getattr(options, name), name


def test_a_request_may_name_every_option_and_nothing_else_but_sender_conversation_and_content() -> None:
    others = {"guid", "account_id", "pool", "conversation_id", "is_async"}
    assert set(Common.__struct_fields__) - others == {*SendOptions._fields}


def test_the_key_of_the_header_names_the_message() -> None:
    assert send(TEXT, key="k-1").draft.options.client_message_id == "k-1"
    assert send(TEXT | {"clientMessageId": "k-1"}, key="k-1").client_message_id == "k-1"
    different = refused(TEXT | {"clientMessageId": "k-2"}, key="k-1")
    assert [problem.path for problem in different.errors] == ["clientMessageId"]
    for bad in ("", "x" * 256, "ключ", "a\tb"):
        assert [problem.path for problem in refused(TEXT, key=bad).errors] == ["Idempotency-Key"]


WITH_FILES = {name: kind for name, kind in CONTENTS.items() if issubclass(kind, WithFile)}
PICTURE = "https://a.example/1.png"


def by_media(kind: str, name: str, value: str = PICTURE) -> dict[str, Any]:
    """A request of the type that names its file so, and says nothing that the file may say."""
    file = WITH_FILES[kind]
    told = {json_names(file)[field] for field in (*file.HANDLE, *file.KEY, *file.READ, *file.PREVIEW)}
    return {key: value for key, value in EXAMPLES[kind].items() if key not in told} | {name: value}


@pytest.mark.parametrize("kind", WITH_FILES)
@pytest.mark.parametrize("name", ["url", "mediaId"])
def test_a_file_is_named_by_its_url_or_as_media(kind: str, name: str) -> None:
    content = send(by_media(kind, name)).draft.content
    assert isinstance(content, WithFile)
    assert (content.url, content.media_id) == ((PICTURE, UNSET) if name == "url" else (UNSET, PICTURE))
    assert send(EXAMPLES[kind] | {name: None}).draft == send(EXAMPLES[kind]).draft


@pytest.mark.parametrize("kind", WITH_FILES)
@pytest.mark.parametrize("name", ["url", "mediaId"])
def test_a_field_of_the_handle_beside_media_is_named(kind: str, name: str) -> None:
    file = WITH_FILES[kind]
    handle = {json_names(file)[field] for field in (*file.HANDLE, *file.KEY)}
    assert handle
    assert problems(EXAMPLES[kind] | {name: PICTURE}) == dict.fromkeys(handle, "INVALID_VALUE")
    for field in handle:
        assert problems(by_media(kind, name) | {field: EXAMPLES[kind][field]}) == {field: "INVALID_VALUE"}
    for field in [json_names(file)[field] for field in file.READ]:
        assert send(by_media(kind, name) | {field: EXAMPLES[kind][field]}).drafts


@pytest.mark.parametrize("kind", WITH_FILES)
def test_a_file_is_not_named_twice(kind: str) -> None:
    assert problems(by_media(kind, "url") | {"mediaId": "m"}) == {"url": "INVALID_VALUE"}


def test_a_preview_is_described_in_full_or_not_at_all() -> None:
    big = by_media("BIG_VIDEO", "url")
    preview = {json_names(BigVideoContent)[field] for field in BigVideoContent.PREVIEW}
    described = {field: EXAMPLES["BIG_VIDEO"][field] for field in preview}
    assert send(big | described).drafts
    assert problems(big | {"previewImageSize": 5}) == dict.fromkeys(preview - {"previewImageSize"}, "REQUIRED")


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/1",
        "https://127.0.0.1/1",
        "https://10.0.0.1/1",
        "https://u:p@a.example/1",
        "https://a.example/#x",
    ],
)
def test_a_url_that_is_never_fetched_is_named_wherever_it_stands(url: str) -> None:
    image = {"messageType": "IMAGE", "url": url}
    item = image | {"senderName": "n"}
    part = {"messageType": "TEXT", "content": "x"}
    text = part | {"senderName": "n"}
    record = {"messageType": "MERGED", "senderName": "n", "messages": [text, item]}
    quoted = EXAMPLES["QUOTE"] | {"quoteMessage": image}
    for raw, path in (
        (by_media("IMAGE", "url", url), "url"),
        (EXAMPLES["MERGED"] | {"messages": [text, record]}, "messages[1].messages[1].url"),
        (quoted, "quoteMessage.url"),
        (EXAMPLES["MIXED"] | {"parts": [part, image]}, "parts[1].url"),
    ):
        assert problems(raw) == {path: "INVALID_VALUE"}
        assert send(raw, limits=Limits(addresses=None)).drafts, (
            "a program beside the service leaves that to the service"
        )
    opened = Limits(addresses=AddressPolicy([ip_network("10.0.0.0/8")]))
    assert send(by_media("IMAGE", "url", "http://10.0.0.1/1"), limits=opened).drafts


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ({"url": "http://a.example/1"}, {"url"}),
        ({"url": PICTURE, "size": 1}, {"size"}),
        ({}, {"imageUrl", "size", "thumbWidth", "thumbHeight"}),
        ({"url": PICTURE}, set()),
    ],
)
def test_a_picture_of_a_mass_send_is_read_like_any_file(picture: dict[str, Any], expected: set[str]) -> None:
    raw = picture | {"messageType": "IMAGE"}
    told = content_problems(raw, {"IMAGE": MassImage}, bounds=LIMITS.at(NOW), prefix="imageMsgList[0].")
    assert {problem.path for problem in told} == {f"imageMsgList[0].{name}" for name in expected}


def test_what_is_no_url_is_told_once() -> None:
    assert problems(by_media("IMAGE", "url", "x")) == {"url": "INVALID_VALUE"}
    assert problems(by_media("IMAGE", "url", ""))["url"] == "REQUIRED"
    assert problems(by_media("IMAGE", "url") | {"url": 5}) == {"url": "WRONG_TYPE"}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "INVALID_JSON"),
        (b"{", 400, "INVALID_JSON"),
        (b'{"a":1} x', 400, "INVALID_JSON"),
        (b'{"content":NaN}', 400, "INVALID_JSON"),
        (b'{"content":1e999}', 400, "INVALID_JSON"),
        (b'{"content":"\xff"}', 400, "INVALID_JSON"),
        (b'{"content":"\\ud800"}', 400, "INVALID_JSON"),
        (b'{"content":"\\udc00"}', 400, "INVALID_JSON"),
        (b'{"content":' + b"1" * 5_000 + b"}", 400, "INVALID_JSON"),
        (b'{"extra":' + b"[" * 32 + b"]" * 32 + b"}", 400, "INVALID_JSON"),
        (b"[" * 100_000, 400, "INVALID_JSON"),
        (b"[]", 422, "VALIDATION_FAILED"),
        (b"null", 422, "VALIDATION_FAILED"),
        (b'"x"', 422, "VALIDATION_FAILED"),
        (b'{"content":"' + b"x" * 1_048_576 + b'"}', 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_what_is_no_json_object_of_a_sane_size_is_refused_as_what_it_is(body: bytes, status: int, error: str) -> None:
    refusal = refused(body)
    assert (refusal.status, refusal.error) == (status, error)


def test_json_may_be_32_levels_deep() -> None:
    deep: list[Any] = []
    for _ in range(29):
        deep = [deep]
    assert send(TEXT | {"extra": {"a": deep, "b": [[]]}}).drafts
    assert refused(TEXT | {"extra": {"a": [deep]}}).status == 400


def test_many_shallow_objects_are_not_taken_for_deep_ones() -> None:
    assert send(TEXT | {"extra": {str(number): [] for number in range(100)}}).drafts


def test_texts_inside_other_contents_are_limited_too() -> None:
    long = "x" * 11
    limits = Limits(max_text_length=10)
    inner = {"messageType": "TEXT", "content": long}
    item = inner | {"senderName": "n"}
    record = {"messageType": "MERGED", "senderName": "n", "messages": [item]}
    base = {"guid": "g", "conversationId": "R:1"}
    short = EXAMPLES["QUOTE"] | {"content": "x", "quoteContent": "x", "quoteMessage": inner}
    assert problems(base | {"messageType": "MENTION", "content": long, "atList": ["0"]}, limits=limits) == {
        "content": "TOO_LONG"
    }
    assert problems(base | {"messageType": "MERGED", "messages": [record]}, limits=limits) == {
        "messages[0].messages[0].content": "TOO_LONG"
    }
    assert problems(short, limits=limits) == {"quoteMessage.content": "TOO_LONG"}
    assert problems(short | {"quoteContent": long, "quoteMessage": None, "quoteMessageId": "m"}, limits=limits) == {
        "quoteContent": "TOO_LONG"
    }
    assert send(TEXT | {"content": "x" * 5_000}, limits=Limits(max_text_length=5_000)).drafts


TEXT_FIELDS = [
    (kind, name)
    for kind, content in CONTENTS.items()
    for name, rule in rules_of(content).items()
    if isinstance(rule, Words)
]


@pytest.mark.parametrize(("kind", "name"), TEXT_FIELDS)
def test_each_text_is_limited_for_itself_whatever_stands_beside_it(kind: str, name: str) -> None:
    body, limits = EXAMPLES[kind], Limits(max_text_length=500)
    assert send(body | {name: "x" * 500}, limits=limits).drafts
    assert problems(body | {name: "x" * 501}, limits=limits) == {name: "TOO_LONG"}


def test_the_fields_with_a_limited_text_are_those_that_people_read() -> None:
    assert TEXT_FIELDS == [
        ("TEXT", "content"), ("MENTION", "content"), ("QUOTE", "content"), ("QUOTE", "quoteContent"),
    ]  # fmt: skip


def test_a_quote_names_one_of_ours_or_has_every_field() -> None:
    base = {"guid": "g", "conversationId": "S:1", "messageType": "QUOTE", "content": "x"}
    assert send(base | {"quoteMessageId": "m"}).drafts
    full = without(without(EXAMPLES["QUOTE"], "quoteMessageId"), "atList")
    assert send(full).drafts
    assert problems(base) == {"quoteMessageId": "REQUIRED"}
    assert problems(base | {"quoteSender": "5", "quoteContentType": 2, "quoteContent": "y"}) == dict.fromkeys(
        ("quoteAppInfo", "quoteSenderName", "quoteMessage"), "REQUIRED"
    )
    assert problems(full | {"quoteMessage": {"messageType": "VOICE"}}) == {"quoteMessage.messageType": "INVALID_VALUE"}
    assert problems(full | {"quoteMessage": {}}) == {"quoteMessage.messageType": "REQUIRED"}


def test_a_file_needs_its_key_up_to_20_mb_and_has_none_above() -> None:
    file = EXAMPLES["FILE"]
    assert problems(without(file, "aesKey")) == {"aesKey": "REQUIRED"}
    assert problems(file | {"fileSize": 20_000_001}) == {"aesKey": "INVALID_VALUE"}
    assert send(without(file, "aesKey") | {"fileSize": 20_000_001}).drafts


def test_mentions_are_for_rooms() -> None:
    assert problems(EXAMPLES["MENTION"] | {"conversationId": "S:1"}) == {"conversationId": "INVALID_VALUE"}
    assert problems(EXAMPLES["QUOTE"] | {"conversationId": "S:1"}) == {"atList": "INVALID_VALUE"}


def test_problems_inside_a_record_have_their_path() -> None:
    items = [
        {"messageType": "TEXT", "content": "x"},
        5,
        {"messageType": "VOICE", "senderName": "n"},
        {"messageType": "MERGED", "senderName": "n", "messages": [{"messageType": "LINK", "senderName": "n"}]},
        {"messageType": "TEXT", "content": "x", "senderName": "n", "sendTime": "2025-01-01T00:00:00"},
    ]
    assert problems(EXAMPLES["MERGED"] | {"messages": items}) == {
        "messages[0].senderName": "REQUIRED",
        "messages[1]": "WRONG_TYPE",
        "messages[2].messageType": "INVALID_VALUE",
        "messages[3].messages[0].linkTitle": "REQUIRED",
        "messages[3].messages[0].linkUrl": "REQUIRED",
        "messages[4].sendTime": "WRONG_TYPE",
    }


def test_records_that_are_too_deep_are_refused() -> None:
    record: dict[str, Any] = {"messageType": "TEXT", "content": "x", "senderName": "n"}
    for _ in range(11):
        record = {"messageType": "MERGED", "senderName": "n", "messages": [record]}
    assert list(problems(EXAMPLES["MERGED"] | {"messages": [record]}).values()) == ["INVALID_VALUE"]


def test_the_parts_of_a_mixed_message_become_drafts_of_one_group() -> None:
    read = send(EXAMPLES["MIXED"] | {"clientMessageId": "g-1", "priority": 8})
    assert read.is_group
    assert read.client_message_id == "g-1"
    assert [draft.content.message_type for draft in read.drafts] == ["TEXT", "IMAGE"]
    assert {(draft.options.priority, draft.options.client_message_id) for draft in read.drafts} == {(8, None)}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([{"messageType": "TEXT", "content": "x"}], {"parts": "INVALID_VALUE"}),
        ([{"messageType": "TEXT", "content": "x"}] * 21, {"parts": "INVALID_VALUE"}),
        ("x", {"parts": "WRONG_TYPE"}),
        ([{"messageType": "TEXT", "content": ""}, {"messageType": "LINK", "linkTitle": "t"}],
         {"parts[0].content": "REQUIRED", "parts[1].linkUrl": "REQUIRED"}),
        ([{"messageType": "TEXT", "content": "x"}, {"messageType": "MIXED", "parts": []}],
         {"parts[1].messageType": "INVALID_VALUE"}),
        ([{"messageType": "TEXT", "content": "x"}, 5], {"parts[1]": "WRONG_TYPE"}),
        ([{"messageType": "TEXT", "content": "x"},
          {"messageType": "QUOTE", "content": "x", "quoteMessageId": "m", "atList": ["1"]}],
         {"parts[1].atList": "INVALID_VALUE"}),
    ],
)  # fmt: skip
def test_a_part_that_is_not_valid_refuses_the_whole(parts: Any, expected: dict[str, str]) -> None:
    assert problems(EXAMPLES["MIXED"] | {"parts": parts}) == expected


def test_twenty_parts_are_possible() -> None:
    assert len(send(EXAMPLES["MIXED"] | {"parts": [{"messageType": "TEXT", "content": "x"}] * 20}).drafts) == 20


def test_a_refusal_never_repeats_what_was_sent() -> None:
    refusal = refused(TEXT | {"guid": "hush hush", "content": {"hush": 1}, "pin": "hush", "expiresAt": "hush"})
    assert "hush" not in f"{refusal} {refusal.errors}"


@given(contents())
def test_any_valid_content_is_read_as_it_is(content: Content) -> None:
    needs_room = isinstance(content, MentionContent | QuoteContent)
    raw = {"guid": "g", "conversationId": "R:1" if needs_room else "S:1"} | msgspec.json.decode(encode_content(content))
    assert send(raw).draft.content == content


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_a_request_is_read_or_refused_with_a_reason_whatever_it_holds(kind: str, data: st.DataObject) -> None:
    raw = dict(EXAMPLES[kind])
    names = sorted({*raw, "accountId", "scheduledAt", "extra", "retryCount", "parts", "messages"})
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)):
        raw[name] = data.draw(json_values)
    answer = answer_to(raw)
    if isinstance(answer, RequestRejected):
        assert answer.errors or answer.status in {400, 413}
        assert all(problem.path and problem.code and problem.message for problem in answer.errors)
    else:
        assert all(isinstance(draft, Draft) for draft in answer.drafts)
