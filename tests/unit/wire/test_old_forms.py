"""Requests of the Java service's clients: what can be meant in one way only is read so, everything else is refused by name (ADR 84).

`golden/java-requests` was written by Jackson 2.15 and fastjson2 2.0 from the DTOs of that service, with the features that their names say.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.send_requests import EXAMPLES, REQUIRED

from wework_message.domain.content import LinkContent
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.message.draft import Draft
from wework_message.entrypoints.intake.translating import command_of
from wework_message.entrypoints.wire.problems import RequestRejected
from wework_message.entrypoints.wire.requests.accounts import read_settings
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.old_values import Compat
from wework_message.entrypoints.wire.requests.replays import parse_replay
from wework_message.entrypoints.wire.requests.send import parse_batch, parse_send
from wework_message.entrypoints.wire.requests.webhooks import RecoverWebhookRequest

NOW: Final = 1_765_000_000_000  # 2025-12-06
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
STRICT: Final = Limits()
LENIENT: Final = Limits(compat=Compat(lenient=True))
LOCAL: Final = Limits(compat=Compat(SHANGHAI))
GOLDEN: Final = sorted((Path(__file__).parents[2] / "golden" / "java-requests").glob("*.json"))

PAGE: Final = (Path(__file__).parents[3] / "docs" / "migration.md").read_text(encoding="utf-8")

TEXT: Final = {**EXAMPLES["TEXT"]}
IMAGE: Final = {**EXAMPLES["IMAGE"]}
LINK: Final = {**EXAMPLES["LINK"]}

REFUSED_WHEN_STRICT: Final[Mapping[str, set[str]]] = {
    "jackson-primitives": {
        "fileSize", "imageWidth", "imageHeight", "videoDuration", "voiceTime", "videoWidth", "videoHeight", "isHd",
        "longitude", "latitude",
    },
    "jackson-text-later": {"scheduledAt"},
    "fastjson2-text-later": {"scheduledAt"},
    "jackson-image-numbers-as-text": {"fileSize", "imageWidth", "imageHeight", "priority", "retryCount"},
    "jackson-location-numbers-as-text": {"longitude", "latitude", "priority", "retryCount"},
    "fastjson2-image-all-as-text": {
        "async", "fileSize", "imageHeight", "imageWidth", "isHd", "priority", "retryCount",
    },
    "fastjson2-image-long-as-text": {"fileSize"},
    "fastjson2-image-empty-for-null": {
        "atList", "content", "fileName", "latitude", "longitude", "linkDescription", "linkImageUrl", "linkTitle", "linkUrl",
        "locationAddress", "locationTitle", "miniProgramAppIcon", "miniProgramAppId", "miniProgramAppName",
        "miniProgramPagePath", "miniProgramTitle", "miniProgramUsername", "providerCode", "quoteContent", "quoteMessageId",
        "videoDuration",
    },
    "fastjson2-text-empty-for-null": {
        "aesKey", "atList", "fileId", "fileName", "fileSize", "imageHeight", "imageWidth", "isHd", "latitude", "longitude",
        "linkDescription", "linkImageUrl", "linkTitle", "linkUrl", "locationAddress", "locationTitle", "md5",
        "miniProgramAppIcon", "miniProgramAppId", "miniProgramAppName", "miniProgramPagePath", "miniProgramTitle",
        "miniProgramUsername", "providerCode", "quoteContent", "quoteMessageId", "videoDuration",
    },
    "jackson-batch-numbers-as-text": {
        "imageMsgList[0].size", "imageMsgList[0].thumbWidth", "imageMsgList[0].thumbHeight",
    },
}  # fmt: skip
"""By file: the fields for which it is refused without the settings; the other files are read as they are."""


def read(raw: Mapping[str, Any], limits: Limits) -> Draft:
    return parse_send(msgspec.json.encode(raw), limits=limits, now=NOW).draft


def refused(raw: Mapping[str, Any], limits: Limits) -> set[str]:
    with pytest.raises(RequestRejected) as rejected:
        parse_send(msgspec.json.encode(raw), limits=limits, now=NOW)
    return {problem.path for problem in rejected.value.errors}


def drafts_in(path: Path, limits: Limits) -> list[Draft | None]:
    body = path.read_bytes()
    if "batch" in path.stem:
        return [item.draft for item in parse_batch(body, limits=limits, now=NOW).items]
    return [*parse_send(body, limits=limits, now=NOW).drafts]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_javas_libraries_write_is_read(path: Path) -> None:
    drafts = drafts_in(path, Limits(compat=Compat(SHANGHAI, lenient=True)))
    expected = (
        drafts_in(path.with_name(f"jackson-{path.stem.split('-')[1].replace('primitives', 'text')}-nulls.json"), STRICT)
        if "location" not in path.stem
        else drafts
    )
    for draft, other in zip(drafts, expected, strict=True):
        assert draft is not None
        assert other is not None
        assert draft.content == other.content
        assert (draft.guid, draft.conversation) == (other.guid, other.conversation)
    later = drafts[0].options.scheduled_at if drafts[0] is not None else None
    assert later == (1_767_571_200_000 if "later" in path.stem else None)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_without_the_settings_each_field_that_stops_it_is_named(path: Path) -> None:
    if path.stem not in REFUSED_WHEN_STRICT:
        assert drafts_in(path, STRICT)
        return
    with pytest.raises(RequestRejected) as rejected:
        drafts_in(path, STRICT)
    assert {problem.path for problem in rejected.value.errors} == REFUSED_WHEN_STRICT[path.stem]


@pytest.mark.parametrize(
    ("changes", "same_as"),
    [
        ({"nobody's": 1, "templateId": None, "nested": {"a": [1]}}, {}),
        ({"fileSize": 0, "linkUrl": "https://a.example", "atList": ["1"], "voiceTime": 3}, {}),
        ({"messages": [], "url": "", "mediaId": "", "product": {}, "parts": None}, {}),
        ({"priority": "7", "retryCount": " 2 ", "async": "True"}, {"priority": 7, "retryCount": 2, "async": True}),
        ({"priority": 7.0, "async": 0, "duplicateSafe": "false"}, {"priority": 7}),
        ({"priority": "", "extra": "", "pin": "", "scheduledAt": "", "providerCode": "", "accountId": ""}, {}),
        ({"clientMessageId": 42}, {"clientMessageId": "42"}),
        ({"scheduledAt": "2026-01-05T08:00+08:00"}, {"scheduledAt": "2026-01-05T00:00:00Z"}),
        ({"scheduledAt": "2026-01-05T00:00Z[Etc/UTC]"}, {"scheduledAt": "2026-01-05T00:00:00Z"}),
        ({"scheduledAt": "2026-01-05T08:00:00.5+08:00[Asia/Shanghai]"}, {"scheduledAt": "2026-01-05T00:00:00.5Z"}),
        ({"content": 5}, {"content": "5"}),
        ({"conversationId": 7_881_301_000_000_001}, {"conversationId": "S:7881301000000001"}),
    ],
)  # fmt: skip
def test_what_can_be_meant_in_one_way_is_read_so(changes: dict[str, Any], same_as: dict[str, Any]) -> None:
    assert read(TEXT | changes, LENIENT) == read(TEXT | same_as, STRICT)
    assert refused(TEXT | changes, STRICT)


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"client_message_id": "a"}, {"client_message_id"}),
        ({"scheduledat": "x"}, {"scheduledat"}),
        ({"Message-Type": None}, {"Message-Type"}),
        ({"mediaId": "a"}, {"mediaId"}),
        ({"url": "https://a.example/a.png"}, {"url"}),
        ({"parts": [{"messageType": "TEXT", "content": "a"}]}, {"parts"}),
        ({"messages": [{}]}, {"messages"}),
        ({"product": {"productId": "7"}}, {"product"}),
        ({"priority": "high"}, {"priority"}),
        ({"priority": 5.5}, {"priority"}),
        ({"priority": True}, {"priority"}),
        ({"priority": "11"}, {"priority"}),
        ({"priority": "5.0"}, {"priority"}),
        ({"async": "yes"}, {"async"}),
        ({"async": 2}, {"async"}),
        ({"async": 1.0}, {"async"}),
        ({"content": 1.1}, {"content"}),
        ({"content": ["a"]}, {"content"}),
        ({"content": ""}, {"content"}),
        ({"messageType": "text"}, {"messageType"}),
        ({"messageType": ""}, {"messageType"}),
        ({"messageType": 1}, {"messageType"}),
        ({"guid": ""}, {"guid"}),
        ({"conversationId": ""}, {"conversationId"}),
        ({"accountId": "a"}, {"accountId"}),
        ({"scheduledAt": "2026-01-05T08:00:00"}, {"scheduledAt"}),
        ({"scheduledAt": "2026-01-05T08+08:00"}, {"scheduledAt"}),
        ({"scheduledAt": "2026-01-05T08:00:00[Asia/Shanghai]"}, {"scheduledAt"}),
        ({"scheduledAt": 1_767_571_200_000}, {"scheduledAt"}),
        ({"scheduledAt": [2026, 1, 5, 8, 0]}, {"scheduledAt"}),
    ],
)
def test_what_can_be_meant_in_two_ways_is_refused_by_name(changes: dict[str, Any], paths: set[str]) -> None:
    assert refused(TEXT | changes, LENIENT) == paths


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ({"messageType": "IMAGE", "fileId": "a"}, {"fileSize", "aesKey", "md5", "imageWidth", "imageHeight"}),
        ({"messageType": "VIDEO", "fileId": "a", "fileSize": 1, "fileName": "a", "aesKey": "a", "md5": "a",
          "videoDuration": 1}, {"videoWidth", "videoHeight"}),
        ({"messageType": "VOICE", "fileId": "a", "fileSize": 1, "aesKey": "a", "md5": "a"}, {"voiceTime"}),
        ({"messageType": "FILE", "fileId": "a"}, {"fileSize", "fileName", "md5"}),
        ({"messageType": "CONTACT"}, {"contactUserId"}),
        ({"messageType": "GIF", "md5": "a", "imageWidth": 1, "imageHeight": 1}, {"gifUrl"}),
        ({"messageType": "MIXED"}, {"parts"}),
        ({"messageType": "LOCATION", "longitude": 1, "latitude": 1}, {"locationTitle"}),
        ({"messageType": "LINK", "linkTitle": "a"}, {"linkUrl"}),
        ({"messageType": "QUOTE", "content": "a"}, {"quoteMessageId"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("limits", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_message_of_the_old_form_is_told_the_fields_to_add(
    kind: dict[str, Any], missing: set[str], limits: Limits
) -> None:
    request = {"guid": TEXT["guid"], "conversationId": TEXT["conversationId"], **kind}
    assert refused(request, limits) == missing


@pytest.mark.parametrize("kind", ["TEXT", "IMAGE", "VIDEO", "FILE", "VOICE", "LINK", "MINIPROGRAM", "CONTACT", "LOCATION",
                                  "GIF", "MENTION", "QUOTE", "MIXED"])  # fmt: skip
def test_the_page_names_the_fields_that_a_dto_lacks(kind: str) -> None:
    dto = msgspec.json.decode((GOLDEN[0].parent / "jackson-text-nulls.json").read_bytes())
    rows = PAGE.partition("### Fields to add to the DTO")[2].partition("\n### ")[0].splitlines()
    row = next((row for row in rows if row.startswith(f"| `{kind}` |")), "")
    named = {name for name in REQUIRED[kind] if f" {name}`" in row}
    assert named == {name for name in REQUIRED[kind] if name not in dto}


def test_a_link_without_title_has_its_address_as_title() -> None:
    untitled = {name: value for name, value in LINK.items() if name != "linkTitle"}
    assert refused(untitled, STRICT) == {"linkTitle"}
    for request in (untitled, untitled | {"linkTitle": ""}, untitled | {"linkTitle": None}):
        content = read(request, LENIENT).content
        assert isinstance(content, LinkContent)
        assert content.link_title == content.link_url == LINK["linkUrl"]
    assert read(LINK | {"imageWidth": 0}, LENIENT) == read(LINK, STRICT)


def test_a_number_that_nobody_set_says_nothing() -> None:
    zeros = {"fileSize": 0, "imageWidth": 0, "imageHeight": "0", "voiceTime": 0}
    by_media = {"guid": "g", "conversationId": "S:1", "messageType": "IMAGE", "mediaId": "m"}
    assert read(by_media | zeros, LENIENT) == read(by_media, STRICT)
    assert refused(by_media | zeros, STRICT) >= {"fileSize", "imageWidth"}
    assert refused(IMAGE | zeros, LENIENT) == {"fileSize", "imageWidth", "imageHeight"}
    place = {**EXAMPLES["LOCATION"], "longitude": 0, "latitude": 0}
    assert read(place, LENIENT) == read(place, STRICT)


def test_contents_within_contents_are_read_alike() -> None:
    mixed = {**EXAMPLES["MIXED"]}
    parts = [{"messageType": "TEXT", "content": 5, "imageWidth": 0}, {**IMAGE, "fileSize": "7"}]
    image = {name: value for name, value in IMAGE.items() if name not in ("guid", "conversationId")}
    parts[1] = {**image, "fileSize": "7"}
    lenient = parse_send(
        msgspec.json.encode(mixed | {"parts": parts, "content": "", "foo": 1}), limits=LENIENT, now=NOW
    )
    assert [part.content for part in lenient.drafts] == [
        read(TEXT | {"content": "5"}, STRICT).content,
        read(IMAGE | {"fileSize": 7}, STRICT).content,
    ]
    assert refused(mixed | {"parts": [parts[0], parts[1] | {"priority": 1}]}, LENIENT) == {"parts[1].priority"}

    item = {"messageType": "LINK", "linkUrl": LINK["linkUrl"], "senderName": "a", "fileSize": 0}
    merged = {**EXAMPLES["MERGED"]}
    titled = {**item, "linkTitle": LINK["linkUrl"]}
    del titled["fileSize"]
    assert read(merged | {"messages": [item]}, LENIENT) == read(merged | {"messages": [titled]}, STRICT)
    assert refused(merged | {"messages": ["a"]}, LENIENT) == {"messages[0]"}

    product = {**EXAMPLES["SHOP_PRODUCT"]["product"]}
    bought = EXAMPLES["SHOP_PRODUCT"]
    assert read(bought | {"product": product | {"productId": 7, "colour": "red"}}, LENIENT) == read(bought, STRICT)
    quote = {**EXAMPLES["QUOTE"]}
    quoted = {
        **quote,
        "quoteMessage": {"messageType": "TEXT", "content": quote["quoteMessage"]["content"], "isHd": False},
    }
    assert read(quoted, LENIENT) == read(quote, STRICT)


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_what_is_read_without_the_settings_is_read_the_same_with_them(kind: str, data: st.DataObject) -> None:
    values = (
        st.none() | st.booleans() | st.integers(-1, 20) | st.floats(0, 20) | st.text(max_size=5) | st.just({"a": [1]})
    )
    raw = dict(EXAMPLES[kind])
    names = sorted({*raw, "accountId", "scheduledAt", "extra", "retryCount", "nobody's"})
    body = msgspec.json.encode(raw | data.draw(st.dictionaries(st.sampled_from(names), values, max_size=3)))
    try:
        strict = parse_send(body, limits=STRICT, now=NOW)
    except RequestRejected:
        return
    assert parse_send(body, limits=Limits(compat=Compat(SHANGHAI, lenient=True)), now=NOW) == strict


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2026-01-05T08:00:00", 1_767_571_200_000),
        ("2026-01-05 08:00:00", 1_767_571_200_000),
        ("2026-01-05T08:00", 1_767_571_200_000),
        ("2026-01-05T08:00:00.123456789", 1_767_571_200_123),
        ("2026-01-05T08:00:00Z", 1_767_600_000_000),
        ("2026-01-05T08:00:00+01:00", 1_767_596_400_000),
    ],
)
def test_an_instant_without_zone_is_a_local_time(text: str, expected_ms: int) -> None:
    assert read(TEXT | {"scheduledAt": text}, LOCAL).options.scheduled_at == expected_ms
    body = msgspec.json.encode({"since": text})
    assert read_settings(body, RecoverWebhookRequest, limits=LOCAL).since.timestamp() * 1000 == pytest.approx(
        expected_ms, abs=1
    )
    replay = msgspec.json.encode({"createdFrom": text})
    assert parse_replay(replay, limits=LOCAL, now=NOW)[1].filter.created_from == expected_ms


@pytest.mark.parametrize(
    "text", ["2026-01-05", "2026-02-30T08:00:00", "08:00", "1767571200000", "2026-01-05T8:00:00", "x"]
)
def test_what_is_no_instant_is_refused_as_ever(text: str) -> None:
    assert refused(TEXT | {"scheduledAt": text}, LOCAL) == {"scheduledAt"}


def test_the_zone_alone_makes_nothing_else_lenient() -> None:
    assert refused(TEXT | {"priority": "5", "nobody's": 1, "fileSize": 0}, LOCAL) == {
        "priority",
        "nobody's",
        "fileSize",
    }
    merged = {**EXAMPLES["MERGED"]}
    item = {"messageType": "TEXT", "content": "a", "senderName": "b", "sendTime": "2025-08-08T18:15:30"}
    read_local = read(merged | {"messages": [item]}, LOCAL)
    assert read_local == read(merged | {"messages": [item | {"sendTime": "2025-08-08T10:15:30Z"}]}, STRICT)


def test_a_queued_message_is_read_alike() -> None:
    body = msgspec.json.encode(TEXT | {"priority": "10", "fileSize": 0})
    command = command_of(body, tenant_id=DEFAULT_TENANT, limits=LENIENT, now=NOW)
    assert command.drafts[0].options.priority == 9
    with pytest.raises(RequestRejected):
        command_of(body, tenant_id=DEFAULT_TENANT, limits=STRICT, now=NOW)


def test_the_messages_of_a_batch_are_read_alike() -> None:
    items = [TEXT | {"priority": "7"}, TEXT | {"priority": "high"}, TEXT | {"fileSize": 0}, 5]
    body = msgspec.json.encode({"messages": items, "atomic": "false", "clientMessageId": 7, "campaign": "x"})
    batch = parse_batch(body, limits=LENIENT, now=NOW)
    assert [item.draft is not None for item in batch.items] == [True, False, True, False]
    assert (batch.atomic, batch.client_message_id) == (False, "7")
    assert [problem.path for problem in batch.items[1].problems] == ["messages[1].priority"]
    for extra in ({"Atomic": True}, {"Client-Message-Id": "a"}, {"user_list": ["a"]}):
        with pytest.raises(RequestRejected) as rejected:
            parse_batch(msgspec.json.encode({"messages": [TEXT], **extra}), limits=LENIENT, now=NOW)
        assert [problem.path for problem in rejected.value.errors] == [*extra]


@pytest.mark.parametrize("mode", [{}, {"mode": "FANOUT"}], ids=["mass send", "fan out"])
def test_a_batch_by_recipients_is_read_alike(mode: dict[str, str]) -> None:
    common = {"guid": TEXT["guid"], **mode}
    lenient = {
        "userList": [7_881_301_000_000_001], "content": 5, "template": 1, "providerCode": "",
        "linkMsgList": [{"url": "https://a.example/b", "weight": 1, "title": ""}],
        "imageMsgList": [{"imageUrl": "https://a.example/a.png", "size": "7", "thumbWidth": "1", "thumbHeight": 2.0}],
    }  # fmt: skip
    strict = {
        "userList": ["7881301000000001"], "content": "5",
        "linkMsgList": [{"url": "https://a.example/b", "title": "https://a.example/b"}],
        "imageMsgList": [{"imageUrl": "https://a.example/a.png", "size": 7, "thumbWidth": 1, "thumbHeight": 2}],
    }  # fmt: skip
    read_lenient = parse_batch(msgspec.json.encode(common | lenient), limits=LENIENT, now=NOW)
    assert read_lenient == parse_batch(msgspec.json.encode(common | strict), limits=STRICT, now=NOW)
    for wrong in ({"linkMsgList": [{"title": "a"}]}, {"linkMsgList": ["a"]}, {"imageMsgList": [{"image_url": "a"}]}):
        body = msgspec.json.encode(common | strict | wrong)
        try:
            items = parse_batch(body, limits=LENIENT, now=NOW).items
        except RequestRejected:
            continue
        assert any(item.draft is None for item in items)


def test_the_key_of_the_header_is_compared_with_what_the_body_means() -> None:
    for in_body in ("", None, "42", 42):
        body = msgspec.json.encode(TEXT | {"clientMessageId": in_body})
        assert parse_send(body, limits=LENIENT, now=NOW, idempotency_key="42").client_message_id == "42"
