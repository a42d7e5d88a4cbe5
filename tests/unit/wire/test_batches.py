from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from tests.support.builders.send_requests import EXAMPLES

from wework_message.domain.batch import BatchMode
from wework_message.domain.content import (
    FileContent,
    ImageContent,
    LinkContent,
    MiniProgramContent,
    TextContent,
    VideoContent,
)
from wework_message.domain.content.mass import MassContent
from wework_message.domain.outbound import AddressPolicy
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.send import BatchItem, BatchRequest, RequestRejected, parse_batch

NOW = 1_750_000_000_000
TEXT = EXAMPLES["TEXT"]
BROKEN = TEXT | {"content": ""}

FILE = {"fileId": "f", "size": 5, "aesKey": "k", "md5": "m"}
VIDEO = FILE | {"fileName": "v.mp4", "videoDuration": 5, "videoWidth": 5, "videoHeight": 5}
PROGRAM = FILE | {"username": "u", "appid": "a", "appname": "n", "appicon": None, "title": "t", "pagePath": "p"}
LINK = {
    "title": "News",
    "description": "d",
    "url": "https://www.example.com",
    "imageUrl": "https://www.example.com/a.png",
}
JAVA_DTO = (
    "guid", "userList", "roomList", "content", "imageMsgList", "videoMsgList", "miniProgramMsgList", "linkMsgList",
    "fileMsgList", "providerCode", "extra",
)  # fmt: skip
FAN_OUT = dict.fromkeys(JAVA_DTO) | {
    "guid": "g",
    "mode": "FANOUT",
    "userList": ["7881301000000001", "S:2"],
    "roomList": ["3", "R:4"],
    "content": "Happy new year",
    "linkMsgList": [LINK],
}


def batch(raw: Mapping[str, Any], *, key: str | None = None, limits: Limits | None = None) -> BatchRequest:
    return parse_batch(msgspec.json.encode(raw), limits=limits or Limits(), now=NOW, idempotency_key=key)


def refused(raw: Mapping[str, Any], *, key: str | None = None, limits: Limits | None = None) -> RequestRejected:
    with pytest.raises(RequestRejected) as refusal:
        batch(raw, key=key, limits=limits)
    return refusal.value


def problems(raw: Mapping[str, Any], *, limits: Limits | None = None) -> dict[str, str]:
    refusal = refused(raw, limits=limits)
    assert refusal.status == 422
    codes_by_path = {problem.path: str(problem.code) for problem in refusal.errors}
    assert len(codes_by_path) == len(refusal.errors), "every problem is named once"
    return codes_by_path


def faults(item: BatchItem) -> dict[str, str]:
    assert item.draft is None
    return {problem.path: str(problem.code) for problem in item.problems}


def test_a_batch_of_every_type_is_read_in_order() -> None:
    kinds = [kind for kind in EXAMPLES if kind != "MIXED"]
    read = batch({"messages": [EXAMPLES[kind] for kind in kinds], "atomic": None, "mode": "FANOUT"}, key="b-1")
    assert (read.mode, read.atomic, read.client_message_id) == (BatchMode.FANOUT, False, "b-1")
    assert [item.draft.content.message_type for item in read.items if item.draft is not None] == kinds
    assert [item.index for item in read.items] == list(range(len(kinds)))


def test_an_item_that_is_not_valid_is_refused_alone_with_its_path() -> None:
    items = [
        TEXT,
        BROKEN,
        5,
        EXAMPLES["MIXED"],
        EXAMPLES["IMAGE"] | {"url": "https://a.example"},
        TEXT | {"async": True},
    ]
    read = batch({"messages": items})
    assert [item.draft is not None for item in read.items] == [True, False, False, False, False, True]
    assert faults(read.items[1]) == {"messages[1].content": "REQUIRED"}
    assert faults(read.items[2]) == {"messages[2]": "WRONG_TYPE"}
    assert faults(read.items[3]) == {"messages[3].messageType": "INVALID_VALUE"}
    assert faults(read.items[4]) == dict.fromkeys(
        [f"messages[4].{name}" for name in ("fileId", "fileSize", "aesKey", "md5")], "INVALID_VALUE"
    )


def test_an_item_keeps_its_own_key_and_the_header_names_the_batch() -> None:
    read = batch({"messages": [TEXT | {"clientMessageId": "m-1"}, TEXT]}, key="b-1")
    assert [item.draft.options.client_message_id for item in read.items if item.draft is not None] == ["m-1", None]
    assert read.client_message_id == "b-1"
    assert batch({"messages": [TEXT], "clientMessageId": "b-2"}).client_message_id == "b-2"
    assert refused({"messages": [TEXT], "clientMessageId": "b-2"}, key="b-1").status == 422


@pytest.mark.parametrize("items", [[BROKEN], [BROKEN, 5]])
def test_a_batch_without_a_valid_item_is_refused(items: list[Any]) -> None:
    assert set(problems({"messages": items}).values()) <= {"REQUIRED", "WRONG_TYPE"}


def test_an_atomic_batch_is_refused_for_one_item() -> None:
    assert problems({"messages": [TEXT, BROKEN], "atomic": True}) == {"messages[1].content": "REQUIRED"}
    assert batch({"messages": [TEXT], "atomic": True}).atomic


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, {"messages": "REQUIRED"}),
        ({"messages": []}, {"messages": "REQUIRED"}),
        ({"messages": {}}, {"messages": "WRONG_TYPE"}),
        ({"messages": [TEXT] * 201}, {"messages": "TOO_LONG"}),
        ({"messages": [TEXT], "mode": "MASS_SEND"}, {"mode": "INVALID_VALUE"}),
        ({"messages": [TEXT], "mode": "fanout"}, {"mode": "INVALID_VALUE"}),
        ({"messages": [TEXT], "mode": ["FANOUT"]}, {"mode": "INVALID_VALUE"}),
        ({"messages": [TEXT], "atomic": "yes"}, {"atomic": "WRONG_TYPE"}),
        ({"messages": [TEXT], "userList": ["1"]}, {"userList": "NOT_FOR_THIS_TYPE"}),
        ({"messages": [TEXT], "guid": "g"}, {"guid": "NOT_FOR_THIS_TYPE"}),
        ({"messages": [TEXT], "confirmToken": "t"}, {"confirmToken": "NOT_FOR_THIS_TYPE"}),
        ({"messages": [TEXT], "colour": None}, {"colour": "UNKNOWN_FIELD"}),
        ({"messages": [TEXT], "clientMessageId": 5}, {"clientMessageId": "INVALID_VALUE"}),
    ],
)
def test_a_fault_of_the_whole_is_named(raw: dict[str, Any], expected: dict[str, str]) -> None:
    assert problems(raw) == expected


def test_200_items_are_possible_and_the_limit_is_a_setting() -> None:
    assert len(batch({"messages": [TEXT] * 200}).items) == 200
    assert problems({"messages": [TEXT] * 3}, limits=Limits(max_batch_size=2)) == {"messages": "TOO_LONG"}


def test_java_names_in_addition_to_messages_may_be_null() -> None:
    assert batch(dict.fromkeys(JAVA_DTO) | {"messages": [TEXT]}).items


def test_the_java_shape_fans_out_recipients_first() -> None:
    read = batch(FAN_OUT | {"priority": 2, "clientMessageId": "b-1"})
    drafts = [item.draft for item in read.items if item.draft is not None]
    assert [(str(draft.conversation), str(draft.content.message_type)) for draft in drafts] == [
        (conversation, kind)
        for conversation in ("S:7881301000000001", "S:2", "R:3", "R:4")
        for kind in ("TEXT", "LINK")
    ]
    assert {(draft.guid, draft.options.priority, draft.options.client_message_id) for draft in drafts} == {
        ("g", 2, None)
    }
    assert (read.mode, read.client_message_id) == (BatchMode.FANOUT, "b-1")


def test_every_java_list_becomes_its_type() -> None:
    raw = FAN_OUT | {
        "userList": ["1"],
        "roomList": [],
        "imageMsgList": [],
        "videoMsgList": [VIDEO],
        "miniProgramMsgList": [PROGRAM],
        "fileMsgList": [FILE | {"fileName": "n"}],
    }
    assert [item.draft.content for item in batch(raw).items if item.draft is not None] == [
        TextContent(content="Happy new year"),
        VideoContent(
            file_id="f", file_size=5, file_name="v.mp4", aes_key="k", md5="m",
            video_duration=5, video_width=5, video_height=5,
        ),
        MiniProgramContent(
            mini_program_username="u", mini_program_app_id="a", mini_program_app_name="n", mini_program_title="t",
            mini_program_page_path="p", file_id="f", file_size=5, aes_key="k", md5="m",
        ),
        LinkContent(
            link_title="News", link_url="https://www.example.com", link_description="d",
            link_image_url="https://www.example.com/a.png",
        ),
        FileContent(file_id="f", file_size=5, file_name="n", aes_key="k", md5="m"),
    ]  # fmt: skip


def test_problems_of_java_lists_have_java_paths_and_stay_with_their_items() -> None:
    link = LINK | {"url": "", "colour": "red"}
    read = batch(FAN_OUT | {"userList": ["1", "R:2", 3], "roomList": None, "linkMsgList": [link, 5]})
    assert [item.draft is not None for item in read.items] == [True] + [False] * 8
    assert faults(read.items[1]) == {"linkMsgList[0].colour": "UNKNOWN_FIELD", "linkMsgList[0].url": "REQUIRED"}
    assert faults(read.items[2]) == {"linkMsgList[1]": "WRONG_TYPE"}
    assert faults(read.items[3]) == {"userList[1]": "INVALID_VALUE"}
    assert faults(read.items[6]) == {"userList[2]": "WRONG_TYPE"}
    assert faults(read.items[8]) == {"userList[2]": "WRONG_TYPE", "linkMsgList[1]": "WRONG_TYPE"}


def test_files_of_java_lists_are_named_by_url_or_as_media() -> None:
    url = "https://a.example/1.png"
    raw = FAN_OUT | {
        "userList": ["1"],
        "roomList": [],
        "content": None,
        "linkMsgList": None,
        "imageMsgList": [
            {"imageUrl": url, "size": 5, "thumbWidth": 6, "thumbHeight": 7, "mediaId": None},
            {"url": url},
            {"mediaId": "m"},
        ],
        "videoMsgList": [{"url": url, "videoDuration": 3}],
        "miniProgramMsgList": [{key: PROGRAM[key] for key in PROGRAM if key not in FILE} | {"mediaId": "m"}],
        "fileMsgList": [{"url": url, "fileName": "n"}],
    }
    assert [item.draft.content for item in batch(raw).items if item.draft is not None] == [
        ImageContent(url=url),
        ImageContent(url=url),
        ImageContent(media_id="m"),
        VideoContent(url=url, video_duration=3),
        MiniProgramContent(
            mini_program_username="u", mini_program_app_id="a", mini_program_app_name="n", mini_program_title="t",
            mini_program_page_path="p", media_id="m",
        ),
        FileContent(url=url, file_name="n"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"imageUrl": "x"}, {"imageUrl": "INVALID_VALUE"}),
        ({"imageUrl": "http://a.example/1"}, {"imageUrl": "INVALID_VALUE"}),
        ({"url": "http://a.example/1"}, {"url": "INVALID_VALUE"}),
        ({"imageUrl": "https://a.example/1", "url": "https://a.example/1"}, {"url": "INVALID_VALUE"}),
        ({"imageUrl": "https://a.example/1", "mediaId": "m"}, {"imageUrl": "INVALID_VALUE"}),
        ({"imageUrl": "https://a.example/1", "fileId": "f"}, {"fileId": "UNKNOWN_FIELD"}),
    ],
)
def test_a_picture_that_is_not_named_once_and_well_is_refused_by_its_java_name(
    entry: dict[str, Any], expected: dict[str, str]
) -> None:
    limits = Limits(addresses=AddressPolicy())
    assert problems(FAN_OUT | {"content": None, "linkMsgList": [], "imageMsgList": [entry]}, limits=limits) == {
        f"imageMsgList[0].{name}": code for name, code in expected.items()
    }


def test_a_picture_that_nothing_names_is_asked_for() -> None:
    refused_fields = problems(FAN_OUT | {"content": None, "linkMsgList": [], "imageMsgList": [{"size": 5}]})
    assert refused_fields == {"imageMsgList[0].imageUrl": "REQUIRED"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"guid": None}, {"guid": "REQUIRED"}),
        ({"userList": [], "roomList": None}, {"userList": "REQUIRED"}),
        ({"userList": "1"}, {"userList": "WRONG_TYPE"}),
        ({"content": None, "linkMsgList": []}, {"content": "REQUIRED"}),
        ({"content": 5}, {"content": "WRONG_TYPE"}),
        ({"linkMsgList": {}}, {"linkMsgList": "WRONG_TYPE"}),
        ({"conversationId": "S:1"}, {"conversationId": "NOT_FOR_THIS_TYPE"}),
        ({"fileId": "x"}, {"fileId": "NOT_FOR_THIS_TYPE"}),
        ({"colour": "red"}, {"colour": "UNKNOWN_FIELD"}),
        ({"priority": 11}, {"priority": "INVALID_VALUE"}),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, {"expiresAt": "INVALID_VALUE"}),
        ({"userList": [str(number) for number in range(99)]}, {"userList": "TOO_LONG"}),
        ({"userList": [str(number) for number in range(201)]}, {"userList": "TOO_LONG"}),
        ({"atomic": True, "userList": ["1", "x"]}, {"userList[1]": "INVALID_VALUE"}),
    ],
)
def test_a_fault_of_the_whole_java_body_is_named(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert problems(FAN_OUT | changes) == expected


def test_200_messages_are_possible_by_fan_out() -> None:
    assert len(batch(FAN_OUT | {"userList": [str(number) for number in range(98)]}).items) == 200


MASS = FAN_OUT | {"mode": None}


@pytest.mark.parametrize("mode", [None, "MASS_SEND"])
def test_the_java_shape_without_fan_out_is_a_mass_send(mode: str | None) -> None:
    picture = {"imageUrl": "https://a.example/1.png", "size": 5, "thumbWidth": 2, "thumbHeight": 1, "colour": None}
    del picture["colour"]
    lists = {"imageMsgList": [picture], "videoMsgList": [VIDEO], "miniProgramMsgList": [PROGRAM]}
    raw = FAN_OUT | lists | {"mode": mode, "fileMsgList": [FILE | {"fileName": "n"}], "priority": 2}
    read = batch(raw, key="b-1")
    drafts = [item.draft for item in read.items if item.draft is not None]
    assert (read.mode, read.client_message_id, read.confirm_token) == (BatchMode.MASS_SEND, "b-1", None)
    assert [(item.index, str(item.draft and item.draft.conversation)) for item in read.items] == [
        (0, "S:7881301000000001"), (1, "S:2"), (2, "R:3"), (3, "R:4"),
    ]  # fmt: skip
    (content,) = {id(draft.content): draft.content for draft in drafts}.values()
    assert isinstance(content, MassContent)
    assert [
        len(part) for part in (content.images, content.videos, content.mini_programs, content.links, content.files)
    ] == [1] * 5
    assert content.content == "Happy new year"
    assert {(draft.options.priority, draft.options.client_message_id) for draft in drafts} == {(2, None)}


def test_nobody_gets_a_mass_send_twice() -> None:
    read = batch(MASS | {"userList": ["1", "x", "S:1", "2"], "roomList": ["3", "R:3"]})
    assert [item.draft is not None for item in read.items] == [True, False, False, True, True, False]
    assert faults(read.items[1]) == {"userList[1]": "INVALID_VALUE"}
    assert faults(read.items[2]) == {"userList[2]": "INVALID_VALUE"}
    assert faults(read.items[5]) == {"roomList[1]": "INVALID_VALUE"}


def test_a_session_is_no_recipient_of_a_mass_send() -> None:
    """It would be a second way to name its customer: twice in one call, and twice on one day."""
    read = batch(MASS | {"userList": ["S:1", "S:1;2", "S:3;4"], "roomList": []})
    assert [item.draft is not None for item in read.items] == [True, False, False]
    assert [faults(item) for item in read.items[1:]] == [
        {"userList[1]": "INVALID_VALUE"}, {"userList[2]": "INVALID_VALUE"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"guid": None}, {"guid": "REQUIRED"}),
        ({"userList": [], "roomList": []}, {"userList": "REQUIRED"}),
        ({"content": "", "linkMsgList": []}, {"content": "REQUIRED"}),
        ({"content": "x" * 4_001}, {"content": "TOO_LONG"}),
        ({"linkMsgList": [5]}, {"linkMsgList[0]": "WRONG_TYPE"}),
        ({"imageMsgList": [5, {"imageUrl": "x", "size": 1, "thumbWidth": 1, "thumbHeight": 1}]},
         {"imageMsgList[0]": "WRONG_TYPE", "imageMsgList[1].imageUrl": "INVALID_VALUE"}),
        ({"imageMsgList": [{"imageUrl": "https://a.example/1.png"}]}, dict.fromkeys([f"imageMsgList[0].{name}" for name in ("size", "thumbWidth", "thumbHeight")], "REQUIRED")),
        ({"imageMsgList": [{"imageUrl": "https://a.example/1.png", "mediaId": "m"}]}, {"imageMsgList[0].imageUrl": "INVALID_VALUE"}),
        ({"onUnknown": "RESEND", "duplicateSafe": True}, {"onUnknown": "INVALID_VALUE", "duplicateSafe": "NOT_FOR_THIS_TYPE"}),
        ({"conversationId": "S:1"}, {"conversationId": "NOT_FOR_THIS_TYPE"}),
        ({"async": True}, {"async": "NOT_FOR_THIS_TYPE"}),
        ({"confirmToken": 5}, {"confirmToken": "WRONG_TYPE"}),
        ({"confirmToken": ""}, {"confirmToken": "INVALID_VALUE"}),
        ({"confirmToken": "x" * 129}, {"confirmToken": "INVALID_VALUE"}),
        ({"colour": "red"}, {"colour": "UNKNOWN_FIELD"}),
        ({"userList": [str(number) for number in range(199)]}, {"userList": "TOO_LONG"}),
        ({"atomic": True, "userList": ["1", "1"]}, {"userList[1]": "INVALID_VALUE"}),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, {"expiresAt": "INVALID_VALUE"}),
    ],
)  # fmt: skip
def test_a_fault_of_a_mass_send_is_named(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert problems(MASS | changes) == expected


def test_how_many_recipients_a_mass_send_has_is_a_setting() -> None:
    raw = MASS | {"userList": [str(number) for number in range(1_000)], "confirmToken": "t"}
    read = batch(raw, limits=Limits(max_mass_recipients=1_002))
    assert (len(read.items), read.confirm_token) == (1_002, "t")


def test_a_batch_of_more_than_4_mib_is_too_large() -> None:
    refusal = refused({"messages": ["x" * 4_194_304]})
    assert (refusal.status, refusal.error) == (413, "PAYLOAD_TOO_LARGE")
