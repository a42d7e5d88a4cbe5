"""Encodings of the simulator against the captured and documented samples."""

import base64
from typing import Any

import pytest

from wework_message.simulator.accounts import Account, Conversation, own_user_id
from wework_message.simulator.answers import Record, appinfo, callback_object, msg_data
from wework_message.simulator.instances import Instance

INSTANCE = Instance("g1", Account("1688850000000001", "Example Agent", 1, 1))


def record(path: str, body: dict[str, Any], conversation: str = "S:1688850000000002", **changes: Any) -> Record:
    parsed = Conversation.parse(conversation)
    assert parsed is not None
    values: dict[str, Any] = {"id": "1000127", "seq": "14303419", "sendtime": 1753785577, "appinfo": "QQ=="} | changes
    return Record(path, INSTANCE, parsed, body, **values)


def fields(data: bytes) -> dict[int, list[int | bytes]]:
    values_by_field: dict[int, list[int | bytes]] = {}
    position = 0

    def varint() -> int:
        nonlocal position
        value, shift = 0, 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(data):
        key = varint()
        if key & 7:
            length = varint()
            values_by_field.setdefault(key >> 3, []).append(data[position : position + length])
            position += length
        else:
            values_by_field.setdefault(key >> 3, []).append(varint())
    return values_by_field


@pytest.mark.parametrize(("text", "content"), [("hello", "CgsIABIHCgVoZWxsbw=="), ("test", "CgoIABIGCgR0ZXN0")])
def test_text_content_is_the_protobuf_of_the_samples(text: str, content: str) -> None:
    assert msg_data(record("/msg/send_text", {"content": text}))["content"] == content


def test_answer_is_the_captured_one() -> None:
    answer = msg_data(record("/msg/send_text", {"content": "hello"}, appinfo="CAUQ6cmixAYY6Ojx/IvWrKsYIPTqgPAL"))
    extra = answer.pop("extra_content")
    assert extra
    assert answer == {
        "id": "1000127",
        "seq": "14303419",
        "messagetype": 0,
        "sender": "1688850000000001",
        "receiver": "1688850000000002",
        "roomid": "0",
        "contenttype": 2,
        "content": "CgsIABIHCgVoZWxsbw==",
        "sendtime": 1753785577,
        "flag": 0,
        "devinfo": "131075",
        "appinfo": "Q0FVUTZjbWl4QVlZNk9qeC9JdldyS3NZSVBUcWdQQUw=",
        "sendername": "RXhhbXBsZSBBZ2VudA==",
        "asid": "0",
    }


def test_appinfo_is_encoded_as_in_the_capture() -> None:
    captured = fields(base64.b64decode("CAUQ6cmixAYY6Ojx/IvWrKsYIPTqgPAL"))
    at_ns, bits = captured[3][0], captured[4][0]
    assert isinstance(at_ns, int)
    assert isinstance(bits, int)
    assert fields(base64.b64decode(appinfo("/msg/send_text", at_ns, bits))) == captured | {2: [at_ns // 10**9]}
    assert set(fields(base64.b64decode(appinfo("/msg/report_unread", at_ns, bits)))) == {1, 2, 4}


def test_image_content_has_the_known_fields() -> None:
    body = {"file_id": "f", "size": 421313, "aes_key": "k", "md5": "m", "image_width": 1667, "image_height": 837}
    answer = msg_data(record("/msg/send_image", body))
    inside = fields(base64.b64decode(str(answer["content"])))
    assert answer["contenttype"] == 14
    assert inside == {1: [b"f"], 2: [b"k"], 4: [421313], 5: [1667], 6: [837], 10: [b"m"], 19: [421313]}


def test_room_and_customer_service_conversations_show_in_the_answer() -> None:
    room = msg_data(record("/msg/send_text", {"content": "x"}, "R:1970320000000001"))
    assert (room["messagetype"], room["receiver"], room["roomid"]) == (4, "0", "1970320000000001")
    service = msg_data(record("/msg/send_text", {"content": "x"}, "S:788;42"))
    assert (service["messagetype"], service["receiver"], service["roomid"], service["asid"]) == (0, "788", "0", "42")


def test_callback_of_a_text_has_the_fields_of_sample_and_capture() -> None:
    text = record("/msg/send_text", {"content": "hello"}, appinfo="CAUQ")
    single = callback_object(text, "11010")
    assert single == {
        "seq": "14303419",
        "id": "1000127",
        "appinfo": "CAUQ",
        "sender": "1688850000000001",
        "receiver": "1688850000000002",
        "roomid": "0",
        "sendtime": 1753785577,
        "sender_name": "Example Agent",
        "content_type": 2,
        "referid": "0",
        "flag": 0,
        "content": "hello",
        "at_list": [],
        "quote_content": "",
        "quote_appinfo": "",
        "send_flag": 1,
        "msg_type": 2,
    }
    batched = callback_object(text, "11013")
    assert batched.pop("asid") == "0"
    assert batched.pop("extra_content") != msg_data(text)["extra_content"]
    assert batched == single


def test_callback_of_a_mention_and_a_quote_carry_what_they_point_at() -> None:
    mention = callback_object(record("/msg/send_room_at", {"content": "hi", "at_list": [0, "788"]}, "R:1"), "11010")
    assert (mention["content"], mention["at_list"]) == ("hi", ["0", "788"])
    quote = callback_object(record("/msg/send_quote_msg", {"content": "re", "quote": "o", "appinfo": "CA"}), "11010")
    assert (quote["content"], quote["quote_content"], quote["quote_appinfo"]) == ("re", "o", "CA")


def test_callback_of_a_recall_names_the_recalled_message() -> None:
    recall = callback_object(record("/msg/revoke_msg", {"msgid": "1000100"}, flag=32), "11010")
    assert (recall["msg_type"], recall["flag"], recall["referid"], recall["id"]) == (1, 32, "1000100", "1000127")


def test_own_user_id_is_stable_and_has_the_form_of_a_wecom_user() -> None:
    assert own_user_id("g1") == own_user_id("g1") != own_user_id("g2")
    assert own_user_id("g1").startswith("168885")
    assert len(own_user_id("g1")) == 16


@pytest.mark.parametrize("text", ["", "123", "S:", "R:", "s:1", "S:;1", "X:1"])
def test_conversation_without_prefix_or_target_is_none(text: str) -> None:
    assert Conversation.parse(text) is None
