"""Reading the vendor's callbacks; the objects have the form of its sample and of the one capture."""

import base64
import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.adapters.guxing.notify_types import NOTIFY_TYPES, Proof, proof_of
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.message.echo_keys import Form, Shown
from wework_message.domain.message.projection import FactKind
from wework_message.domain.ports.gateway import CallbackItem, NoticeKind

SEND_FAIL, SERVER_RETRY_OK, REVOKE, REVOKE_BY_ACK = 4_194_304, 33_554_432, 32, 4_128
PRIVATE_FLAG = 16_777_216

READER = GuxingCallbackReader()


def record(**changes: Any) -> dict[str, Any]:
    return {
        "seq": "14303419",
        "id": "1000127",
        "appinfo": "CAUQ/uWVwgY=",
        "sender": "1688850000000001",
        "receiver": "7881300000000001",
        "roomid": "0",
        "sendtime": 1753761234,
        "sender_name": "Example Agent",
        "content_type": 2,
        "referid": "0",
        "flag": PRIVATE_FLAG,
        "content": "你好",
        "at_list": [],
        "quote_content": "",
        "quote_appinfo": "",
        "send_flag": 1,
        "msg_type": 2,
        **changes,
    }


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in record().items() if name not in names}


def callback(notify_type: object, data: object, guid: object = "g-1") -> bytes:
    return json.dumps({"guid": guid, "notify_type": notify_type, "data": data}).encode()


def read_item(data: object, notify_type: object = 11010) -> CallbackItem:
    (item,) = READER.read(callback(notify_type, data))
    return item


def facts(**changes: Any) -> set[FactKind]:
    stream_record = read_item(record(**changes)).stream_record
    return set() if stream_record is None else set(stream_record.kinds)


def test_own_text_of_the_account() -> None:
    item = read_item(record())
    assert (item.guid, item.notify_type) == ("g-1", 11010)
    assert item.event_key.startswith(f"14303419:1000127:0:{PRIVATE_FLAG}:")
    assert (item.notice, item.wecom_user_id, item.defect) == (NoticeKind.OTHER, None, None)
    stream_record = item.stream_record
    assert stream_record is not None
    assert (stream_record.guid, stream_record.event_key) == (item.guid, item.event_key)
    assert (stream_record.provider_message_id, stream_record.refers_to) == ("1000127", None)
    assert stream_record.app_info_key == "CAUQ/uWVwgY="
    assert stream_record.conversations == ("S:7881300000000001",)
    assert (stream_record.sender, stream_record.marked_own) == ("1688850000000001", True)
    assert (stream_record.sent_at, stream_record.shown) == (1_753_761_234_000, Shown(Form.TEXT, ("你好",)))
    assert stream_record.kinds == {FactKind.ECHO}


@pytest.mark.parametrize(
    ("changes", "conversations"),
    [
        ({"roomid": "10810965948920358", "receiver": "0"}, ("R:10810965948920358",)),
        ({"asid": "0"}, ("S:7881300000000001",)),
        ({"asid": "a-7"}, ("S:7881300000000001", "S:7881300000000001;a-7")),
        ({"roomid": 10810965948920358}, ("R:10810965948920358",)),
        ({"receiver": "0"}, ("S:0",)),
        ({"receiver": None}, ()),
        ({"roomid": "", "receiver": None}, ()),
    ],
)
def test_conversations_in_the_spellings_of_requests(changes: dict[str, Any], conversations: tuple[str, ...]) -> None:
    stream_record = read_item(record(**changes)).stream_record
    assert stream_record is not None
    assert stream_record.conversations == conversations


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"flag": SEND_FAIL | PRIVATE_FLAG}, {FactKind.SEND_FAIL}),
        ({"flag": SERVER_RETRY_OK}, {FactKind.SERVER_RETRY_OK}),
        ({"flag": SEND_FAIL | SERVER_RETRY_OK}, {FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK}),
        ({"flag": REVOKE}, {FactKind.REVOKED}),
        ({"flag": REVOKE_BY_ACK}, {FactKind.REVOKED}),
        ({"flag": "32"}, {FactKind.REVOKED}),
        ({"flag": 4_096}, {FactKind.ECHO}),
        ({"flag": -1}, {FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK, FactKind.REVOKED}),
        ({"msg_type": 1}, {FactKind.REVOKED}),
        ({"msg_type": "5"}, {FactKind.ECHO}),
        ({"msg_type": 19}, {FactKind.ECHO}),
        ({"msg_type": 99}, {FactKind.ECHO}),
        ({"msg_type": 0}, {FactKind.ECHO}),
        ({"msg_type": None}, {FactKind.ECHO}),
        ({"flag": None}, {FactKind.ECHO}),
        ({"msg_type": 1500}, {FactKind.ECHO}),
        ({"msg_type": 0, "flag": SEND_FAIL}, {FactKind.SEND_FAIL}),
        ({"msg_type": 40}, set()),
        ({"msg_type": 1011}, set()),
        ({"msg_type": 1012}, set()),
        ({"msg_type": 1012, "flag": REVOKE | SEND_FAIL}, set()),
    ],
)
def test_facts_of_a_record(changes: dict[str, Any], kinds: set[FactKind]) -> None:
    assert facts(**changes) == kinds


@pytest.mark.parametrize("form", ["absent", "null"])
@pytest.mark.parametrize("name", ["flag", "referid", "seq", "appinfo", "sendtime", "send_flag", "sender", "at_list"])
def test_a_record_without_a_field_is_evidence_all_the_same(name: str, form: str) -> None:
    item = read_item(without(name) if form == "absent" else record(**{name: None}))
    assert item.defect is None
    stream_record = item.stream_record
    assert stream_record is not None
    assert stream_record.provider_message_id == "1000127"
    assert stream_record.kinds == {FactKind.ECHO}


@pytest.mark.parametrize("data", [without("msg_type"), record(msg_type=None)], ids=["absent", "null"])
def test_a_record_without_its_type_proves_what_its_flag_says(data: dict[str, Any]) -> None:
    item = read_item(data | {"flag": SEND_FAIL})
    assert item.defect is None
    assert item.stream_record is not None
    assert item.stream_record.kinds == {FactKind.SEND_FAIL}


def test_own_read_receipt_is_stored_and_proves_nothing() -> None:
    item = read_item(record(id="1000129", msg_type=1012, content_type=2001, send_flag=0))
    assert item.stream_record is not None
    assert item.stream_record.kinds == frozenset()
    assert item.defect is None
    assert item.event_key.startswith(f"14303419:1000129:0:{PRIVATE_FLAG}:")


@pytest.mark.parametrize(
    ("changes", "own_id", "refers_to"),
    [
        ({"msg_type": 1, "referid": "1000120"}, "1000127", "1000120"),
        ({"msg_type": 1, "referid": 1000120}, "1000127", "1000120"),
        ({"flag": REVOKE, "referid": "1000127"}, "1000127", None),
        ({"flag": REVOKE, "referid": "0"}, "1000127", None),
        ({"flag": REVOKE, "referid": 0}, "1000127", None),
        ({"flag": REVOKE, "id": "0", "referid": "1000120"}, None, "1000120"),
    ],
)
def test_the_message_of_a_recall(changes: dict[str, Any], own_id: str | None, refers_to: str | None) -> None:
    stream_record = read_item(record(**changes)).stream_record
    assert stream_record is not None
    assert (stream_record.provider_message_id, stream_record.refers_to) == (own_id, refers_to)
    assert stream_record.kinds == {FactKind.REVOKED}


@pytest.mark.parametrize(
    "missing", ["flag", "msg_type", "seq", "referid", "send_flag", "appinfo", "sendtime", "sender"]
)
def test_a_record_without_a_field_is_evidence_about_its_id(missing: str) -> None:
    item = read_item(without(missing))
    assert item.stream_record is not None
    assert (item.defect, item.stream_record.provider_message_id) == (None, "1000127")
    assert item.stream_record.kinds == {FactKind.ECHO}


@pytest.mark.parametrize(
    ("sendtime", "sent_at"),
    [
        (1753761234, 1_753_761_234_000),
        ("1753761234", 1_753_761_234_000),
        (1753761234567, None),
        (1753761234567890, None),
        (1, None),
        (0, None),
        (-1753761234, None),
        (1.5, None),
        (10**18, None),
        (None, None),
    ],
)
def test_send_times_are_seconds_and_impossible_ones_are_left_out(sendtime: object, sent_at: int | None) -> None:
    stream_record = read_item(record(sendtime=sendtime)).stream_record
    assert stream_record is not None
    assert stream_record.sent_at == sent_at


@pytest.mark.parametrize(("asid", "named"), [(None, False), ("0", False), (0, False), ("", False), ("a-7", True)])
def test_a_record_without_an_asid_may_be_of_any_session(asid: object, named: bool) -> None:
    stream_record = read_item(record(asid=asid)).stream_record
    assert stream_record is not None
    assert stream_record.names_session is named


def test_app_info_that_is_encoded_once_more_is_the_same_key() -> None:
    twice = base64.b64encode(b"CAUQ/uWVwgY=").decode()
    stream_record = read_item(record(appinfo=twice)).stream_record
    assert stream_record is not None
    assert stream_record.app_info_key == "CAUQ/uWVwgY="


@pytest.mark.parametrize("app_info", ["", None, 7, "\ud83d", "x" * 256, "x" * 600])
def test_app_info_that_cannot_be_stored_is_omitted(app_info: object) -> None:
    stream_record = read_item(record(appinfo=app_info)).stream_record
    assert stream_record is not None
    assert stream_record.app_info_key is None


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"quote_content": "dinner?"}, Shown(Form.QUOTE, ("你好", "dinner?"))),
        ({"flag": 512}, Shown(Form.QUOTE, ("你好",))),
        ({"msg_type": 3, "longitude": "113.5", "latitude": 23, "title": "x"}, Shown(Form.LOCATION, ("113.500000", "23.000000", "x"))),
        ({"msg_type": 3, "longitude": "east", "latitude": 23, "title": "x"}, None),
        ({"msg_type": 4, "title": "News", "url": "https://a.example"}, Shown(Form.LINK, ("News", "https://a.example"))),
        ({"msg_type": 4, "title": "News"}, None),
        ({"msg_type": 7, "file_id": "f"}, Shown(Form.VIDEO, ("f",))),
        ({"msg_type": 8, "file_id": ["f"]}, None),
        ({"msg_type": None, "file_id": "f"}, Shown(Form.TEXT, ("你好",))),
        ({"msg_type": 0, "file_id": "f"}, None),
        ({"msg_type": 99, "file_id": "f"}, None),
    ],
)  # fmt: skip
def test_what_identifies_the_content_of_a_record(changes: dict[str, Any], shown: Shown | None) -> None:
    stream_record = read_item(record(**changes)).stream_record
    assert stream_record is not None
    assert stream_record.shown == shown


def test_a_record_that_shows_another_content_is_another_one() -> None:
    first, second = (read_item(record(msg_type=8, file_id=file_id)).event_key for file_id in "ab")
    assert first != second


def test_what_is_unreadable_shows_nothing() -> None:
    for changes in ({"msg_type": 5}, {"content": 7}, {"content": None}):
        stream_record = read_item(record(**changes)).stream_record
        assert stream_record is not None
        assert stream_record.shown is None


def test_send_flag_0_is_not_own() -> None:
    for changes, own in (({"send_flag": 0}, False), ({"send_flag": "1"}, True), ({"send_flag": [1]}, False)):
        stream_record = read_item(record(**changes)).stream_record
        assert stream_record is not None
        assert stream_record.marked_own is own


@pytest.mark.parametrize("sendtime", [1753761234000, -1, 2**53 - 1, 1e300])
def test_an_impossible_send_time_is_left_out_and_the_record_is_read(sendtime: object) -> None:
    stream_record = read_item(record(sendtime=sendtime)).stream_record
    assert stream_record is not None
    assert stream_record.sent_at is None


def test_ids_as_integers_make_the_same_record() -> None:
    from_integers = read_item(
        record(id=1000127, seq=14303419, flag=str(PRIVATE_FLAG), referid=0, sendtime="1753761234")
    )
    assert (from_integers.event_key, from_integers.stream_record) == (
        read_item(record()).event_key,
        read_item(record()).stream_record,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": "7881300000000009"},
        {"receiver": "7881300000000009"},
        {"roomid": "10810965948920358"},
        {"asid": "a-7"},
        {"sendtime": 1753761235},
        {"appinfo": "CAUQ/uWVwgZ="},
        {"content": "你好!"},
        {"send_flag": 0},
        {"msg_type": 1},
        {"msg_type": 1012},
    ],
)
def test_forged_record_does_not_take_the_key_of_the_true_one(changes: dict[str, Any]) -> None:
    forged, true = read_item(record(**changes)), read_item(record())
    assert forged.event_key != true.event_key
    assert forged.event_key.rpartition(":")[0] == true.event_key.rpartition(":")[0]


def test_record_that_differs_in_what_nobody_judges_is_a_repetition() -> None:
    assert read_item(record(sender_name="x", extra_content="y")).event_key == read_item(record()).event_key


@pytest.mark.parametrize("nested", [False, True])
def test_batch_becomes_one_item_per_record_and_one_for_all_that_cannot_be_read(nested: bool) -> None:
    defective = ["poison", record(id="1000130", flag="x")]
    records = [record(), defective[0], record(id="1000129", msg_type=1012), defective[1], record(id="9")]
    *items, left = READER.read(callback(11013, {"data": records} if nested else records))
    assert [item.stream_record is None for item in items] == [False, False, False]
    assert len({item.event_key for item in (*items, left)}) == 4
    for item, sent in zip(items, [records[0], records[2], records[4]], strict=True):
        assert (item.defect, json.loads(item.raw)) == (None, {"guid": "g-1", "notify_type": 11013, "data": sent})
        assert READER.reread(11013, item.raw) == item
    assert (left.defect, left.stream_record) == ("a list of records", None)
    assert json.loads(left.raw) == {"guid": "g-1", "notify_type": 11013, "data": defective}


def test_a_single_defective_record_is_kept_as_it_came() -> None:
    _, left = READER.read(callback(11013, [record(), "poison"]))
    assert json.loads(left.raw)["data"] == "poison"


@pytest.mark.parametrize("junk", [0, None, "x", [], {"id": []}])
def test_a_body_of_junk_is_one_item_however_many_records_it_has(junk: object) -> None:
    body = callback(11013, [junk] * 50_000)
    (item,) = READER.read(body)
    assert item.defect is not None
    assert len(item.raw) <= len(body)
    assert READER.read(body)[0].event_key == item.event_key


def test_what_is_over_the_limit_is_left_as_a_callback_that_can_be_sent_again() -> None:
    records: list[Any] = [record(id=str(number)) for number in range(1, 26)]
    records = [*records[:3], "poison", *records[3:]]
    body, taken = callback(11013, records), []
    for _ in range(3):
        *items, left = READER.read(body, max_records=10)
        taken += [item.stream_record.provider_message_id for item in items if item.stream_record is not None]
        assert left.defect is not None
        body = left.raw.encode()
    assert taken == [str(number) for number in range(1, 26)]
    assert json.loads(body)["data"] == "poison"


def test_a_limit_that_is_met_exactly_leaves_nothing() -> None:
    items = READER.read(callback(11013, [record(id=str(number)) for number in range(1, 11)]), max_records=10)
    assert [item.defect for item in items] == [None] * 10


def test_record_that_contains_a_list_is_no_batch() -> None:
    item = read_item(record(data=[record(id="1")]))
    assert item.stream_record == read_item(record()).stream_record


def test_single_callback_keeps_its_own_text() -> None:
    body = callback("11010", record(), guid="g-1")
    (item,) = READER.read(body)
    assert (item.notify_type, item.raw) == (11010, body.decode())
    assert READER.reread(11010, item.raw) == item


@pytest.mark.parametrize("data", [None, 7, "x", True])
@pytest.mark.parametrize("notify_type", [11010, 11013])
def test_message_callback_without_an_object_is_a_defect(notify_type: int, data: object) -> None:
    item = read_item(data, notify_type)
    assert (item.defect, item.stream_record) == ("a message is no object", None)


@pytest.mark.parametrize("name", ["id", "referid", "flag", "msg_type"])
@pytest.mark.parametrize("value", [[], {}, True, "中", 1.5])
def test_unreadable_deciding_field_is_a_defect(name: str, value: object) -> None:
    item = read_item(record(**{name: value}))
    assert item.stream_record is None
    assert item.defect in {f"{name} is no id", f"{name} is no integer"}
    assert item.event_key.startswith("sha256:")


@pytest.mark.parametrize("data", [[], {"data": []}])
@pytest.mark.parametrize("notify_type", [11010, 11013])
def test_an_empty_batch_is_one_item_about_nothing(notify_type: int, data: object) -> None:
    body = callback(notify_type, data)
    (item,) = READER.read(body)
    assert (item.defect, item.stream_record, item.notice, item.raw) == (None, None, NoticeKind.OTHER, body.decode())
    assert READER.reread(notify_type, item.raw) == item


def test_record_without_an_id_is_named_by_its_hash_and_can_still_match_by_text() -> None:
    item = read_item(without("id", "seq", "flag", "referid", "msg_type"))
    assert item.event_key.startswith("sha256:")
    with_text = read_item(without("id"))
    for stream_record in (item.stream_record, with_text.stream_record):
        assert stream_record is not None
        assert (stream_record.provider_message_id, stream_record.shown) == (None, Shown(Form.TEXT, ("你好",)))
    assert with_text.event_key != read_item(without("id") | {"content": "x"}).event_key


def test_key_that_is_too_long_to_store_becomes_a_hash() -> None:
    item = read_item(record(id="1" * 64, seq="2" * 64, referid="3" * 64))
    assert item.event_key.startswith("sha256:")


def test_hash_ignores_the_order_of_keys() -> None:
    forwards = READER.read(b'{"guid":"g","notify_type":2115,"data":{"a":1,"b":2}}')
    backwards = READER.read(b'{"data":{"b":2,"a":1},"notify_type":2115,"guid":"g"}')
    assert forwards[0].event_key == backwards[0].event_key


@pytest.mark.parametrize(
    ("notify_type", "data", "notice", "wecom_user_id"),
    [
        (11003, {"user_id": "1688850000000001", "name": "n"}, NoticeKind.ONLINE, "1688850000000001"),
        (11003, {"user_id": 1688850000000001}, NoticeKind.ONLINE, "1688850000000001"),
        (11003, None, NoticeKind.ONLINE, None),
        (11004, {"error_code": -1, "error_message": ""}, NoticeKind.OFFLINE, None),
        (11007, {}, NoticeKind.OFFLINE, None),
        (11011, {}, NoticeKind.OFFLINE, None),
        (11006, {}, NoticeKind.OTHER, None),
        (11008, {}, NoticeKind.OTHER, None),
        (11012, {}, NoticeKind.OTHER, None),
        (11002, {"status": 2, "vid": 1688850000000001}, NoticeKind.OTHER, None),
        (2115, {"user_id": "1"}, NoticeKind.OTHER, None),
        (0, [record()], NoticeKind.OTHER, None),
        (-1, "x", NoticeKind.OTHER, None),
    ],
)
def test_notices(notify_type: int, data: object, notice: NoticeKind, wecom_user_id: str | None) -> None:
    item = read_item(data, notify_type)
    assert (item.notify_type, item.notice, item.wecom_user_id, item.stream_record, item.defect) == (
        notify_type,
        notice,
        wecom_user_id,
        None,
        None,
    )
    assert item.event_key.startswith("sha256:")
    assert READER.reread(notify_type, item.raw) == item


def test_every_documented_type_is_listed_with_what_it_proves() -> None:
    golden = Path(__file__).parents[2] / "golden" / "guxing-notify-types.txt"
    documented = {int(line.split(" ", 1)[0]) for line in golden.read_text(encoding="utf-8").splitlines()}
    assert set(NOTIFY_TYPES) == documented
    assert len(documented) == 33


@pytest.mark.parametrize("notify_type", sorted(NOTIFY_TYPES))
def test_only_logins_and_logouts_report_about_an_instance_and_only_a_login_names_its_user(notify_type: int) -> None:
    """Whatever the others carry: `vid` of an 11002 is who scans the code, and has not logged in yet."""
    item = read_item({"user_id": "1688850000000001", "vid": 1688850000000001}, notify_type)
    kinds = {11003: NoticeKind.ONLINE, 11004: NoticeKind.OFFLINE, 11007: NoticeKind.OFFLINE, 11011: NoticeKind.OFFLINE}
    assert item.notice is kinds.get(notify_type, NoticeKind.OTHER)
    assert item.wecom_user_id == ("1688850000000001" if notify_type == 11003 else None)
    assert (item.stream_record is not None) is (notify_type in {11010, 11013})


@pytest.mark.parametrize("notify_type", [-1, 1, 11000, 11014, 11020, 11021, 11030, 2**31 - 1])
def test_a_type_that_nobody_lists_proves_nothing(notify_type: int) -> None:
    assert proof_of(notify_type) is Proof.NOTHING
    item = read_item(record(user_id="1688850000000001"), notify_type)
    assert (item.notice, item.wecom_user_id, item.stream_record) == (NoticeKind.OTHER, None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"\xff",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"guid":"g"}',
        b'{"notify_type":11010}',
        callback(11010, {}, guid=""),
        callback(11010, {}, guid=7),
        callback(11010, {}, guid="a\nb"),
        callback(11010, {}, guid="\ud83d"),
        callback(11010, {}, guid="g" * 129),
        callback(None, {}),
        callback("x", {}),
        callback(True, {}),
        callback(2**31, {}),
        b'{"guid":"g","notify_type":11010,"data":' + b"[" * 100_000,
        b"[" * 100_000,
    ],
)
def test_invalid_callback_is_refused_without_showing_it(body: bytes) -> None:
    with pytest.raises(InvalidValueError) as caught:
        READER.read(body)
    assert caught.value.__cause__ is None


def test_record_with_a_cut_emoji_or_nan_is_read() -> None:
    item = read_item(record(sender_name="\ud83d", extra=float("nan")))
    stream_record = item.stream_record
    assert stream_record is not None
    assert stream_record.provider_message_id == "1000127"
    assert stream_record.kinds == {FactKind.ECHO}
    first, second = READER.read(callback(11013, [record(sender_name="\ud83d"), record(id="2", content="\ude00")]))
    for stored in (item, first, second):
        stored.raw.encode("utf-8")
        assert READER.reread(stored.notify_type, stored.raw) == stored


PLAIN = json.dumps({"guid": "guid-1", "notify_type": 11010, "data": record(sender_name="NAME")}, ensure_ascii=False)


@pytest.mark.parametrize(
    "body",
    [
        PLAIN.replace("NAME", "a\nb\tc\x01\x1f").encode(),
        PLAIN.replace("NAME", "a\x00b").encode(),
        PLAIN.encode().replace(b"NAME", "张".encode()[:2]),
        PLAIN.encode().replace(b"NAME", b"a\xf0\x9f\x98"),
        PLAIN.encode().replace(b"NAME", b"\xff\xfe\x80"),
        PLAIN.encode().replace(b"NAME", "张三".encode("gb18030")),
        PLAIN.encode().replace(b"NAME", b"\xed\xa0\xbd"),
        PLAIN.replace("NAME", "\\ud83").encode(),
        PLAIN.replace("NAME", "\\u").encode(),
        PLAIN.replace("NAME", "\\x41\\'").encode(),
        PLAIN.replace("NAME", "C:\\\\users").encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode() + b"\x00",
        PLAIN.encode() + b"\x00\x00\r\n  \x1a",
        PLAIN.encode() + " \u3000\u00a0".encode(),
        PLAIN.encode() + b"\xff",
        b"\r\n\t " + PLAIN.encode() + b"\n",
        "\ufeff \ufeff".encode() + PLAIN.replace("NAME", "a\nb").encode() + b"\x00",
        PLAIN.replace('"NAME"', "9" * 5000).encode(),
        PLAIN.replace('"NAME"', "NaN").encode(),
    ],
)
@pytest.mark.parametrize("as_batch", [False, True])
def test_evidence_is_not_refused_for_its_wrapping(body: bytes, as_batch: bool) -> None:
    if as_batch:
        if b"\x00g" in body:  # UTF-16
            return
        start = body.index(b'"data": ') + len(b'"data": ')
        end = body.rindex(b"}")
        body = body[:start].replace(b"11010", b"11013") + b"[" + body[start:end] + b"]" + body[end:]
    (item,) = READER.read(body)
    assert item.defect is None
    assert item.stream_record is not None
    assert item.stream_record.provider_message_id == "1000127"
    assert item.stream_record.kinds == {FactKind.ECHO}
    item.raw.encode("utf-8")
    assert "\x00" not in item.raw
    assert READER.reread(item.notify_type, item.raw) == item


def test_a_lenient_reading_keeps_every_other_record_of_the_batch() -> None:
    body = callback(11013, [record(id="1", sender_name="NAME"), record(id="2")]).replace(b"NAME", b"\xe5\xbc\n")
    items = READER.read(body)
    assert [item.stream_record.provider_message_id for item in items if item.stream_record] == ["1", "2"]


@pytest.mark.parametrize("tail", [b"x", b"{}", PLAIN.encode(), b"]", b"\x00}", b"\x00" * 100_000 + b"x"], ids=range(6))
def test_a_body_with_something_readable_behind_its_end_is_no_callback(tail: bytes) -> None:
    with pytest.raises(InvalidValueError):
        READER.read(PLAIN.encode() + tail)


@pytest.mark.parametrize(
    ("notify_type", "raw"), [(11013, "x"), (11010, "{}"), (11010, "[" * 100_000), (11004, callback(11003, {}).decode())]
)
def test_reread_refuses_what_was_not_stored_for_this_type(notify_type: int, raw: str) -> None:
    with pytest.raises(InvalidValueError):
        READER.reread(notify_type, raw)


KEYS = st.sampled_from(
    ["id", "seq", "referid", "flag", "msg_type", "roomid", "receiver", "asid", "sender", "sendtime", "content", "data"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=10) | st.just("\ud83d"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=20,
)


@given(notify_type=st.sampled_from([11010, 11013, 11003, 11004, 2115, "11013"]), data=JSON)
def test_every_json_is_read_and_reread_alike(notify_type: int | str, data: Any) -> None:
    for item in READER.read(callback(notify_type, data)):
        assert len(item.event_key) <= 160
        assert item.defect is None or item.stream_record is None
        assert READER.reread(item.notify_type, item.raw) == item


@given(
    changes=st.dictionaries(KEYS, JSON, max_size=4), notify_type=st.sampled_from([11010, 11013]), as_list=st.booleans()
)
def test_every_change_of_a_record_is_read(changes: dict[str, Any], notify_type: int, as_list: bool) -> None:
    data = record(**changes)
    for item in READER.read(callback(notify_type, [data] if as_list else data)):
        assert READER.reread(item.notify_type, item.raw) == item


@given(changes=st.dictionaries(KEYS, JSON, max_size=4), data=st.none() | JSON)
def test_what_is_read_in_one_pass_is_read_as_all_else(changes: dict[str, Any], data: Any) -> None:
    data = record(**changes) if data is None else data
    in_one_pass, in_general = READER.read(callback(11010, data)), READER.read(callback("11010", data))
    assert [replace(item, raw="") for item in in_one_pass] == [replace(item, raw="") for item in in_general]


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_bytes_are_read_or_refused_with_one_error(body: bytes) -> None:
    with contextlib.suppress(InvalidValueError):
        READER.read(body)
