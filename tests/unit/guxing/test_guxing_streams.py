"""The answer of `/sync/sync_msg`, which nobody documents: plausible forms are read, and nothing else changes anything."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.adapters.guxing.stream_pages import KEYS, LISTS, MORE, Cursor, read_page, seq_of
from wework_message.domain.ids import Guid
from wework_message.domain.message.echo_keys import Form, Shown
from wework_message.domain.ports.streams import PulledPage
from wework_message.domain.stream import PageEnd, PullOutcome

GUID = Guid("g-1")
OWN = "1688850000000001"
RECORD: dict[str, Any] = {
    "seq": "14303419", "id": "1000127", "appinfo": "CAUQ/uWVwgY=", "sender": OWN, "receiver": "7881300000000001",
    "roomid": "0", "sendtime": 1753761234, "sender_name": "Example Agent", "content_type": 2, "referid": "0",
    "flag": 16_777_216, "content": "你好", "send_flag": 1, "msg_type": 2,
}  # fmt: skip
UNREADABLE = PulledPage(PageEnd(PullOutcome.UNREADABLE))
LAST = 14_303_000
"""The `seq` of the record that was read last."""


def page(data: object, cursor: str = "", **envelope: Any) -> PulledPage:
    return read_page(
        GUID,
        Cursor.of(cursor or at(LAST)),
        json.dumps({"error_code": 0, "error_message": "ok", "data": data} | envelope).encode(),
    )


def at(seq: int) -> str:
    """The cursor behind a record of `records`."""
    return str(Cursor.at(seq, {"id": str(seq)}))


def records(*seqs: int, **changes: Any) -> list[dict[str, Any]]:
    return [RECORD | {"seq": str(seq), "id": str(seq)} | changes for seq in seqs]


@pytest.mark.parametrize("data", [[RECORD], *({name: [RECORD]} for name in LISTS)], ids=str)
def test_a_record_is_read_as_its_callback_would_be(data: object) -> None:
    callback = json.dumps({"guid": GUID, "notify_type": 11010, "data": RECORD}).encode()
    (of_callback,) = GuxingCallbackReader().read(callback)
    (item,) = page(data).items
    assert (item.stream_record, item.event_key, item.notify_type) == (
        of_callback.stream_record, of_callback.event_key, 11010,
    )  # fmt: skip
    assert GuxingCallbackReader().reread(11010, item.raw) == item


def test_the_highest_seq_is_the_next_key_whatever_else_is_named() -> None:
    end = page({"msg_list": records(14_303_420, LAST, 14_303_419), "sync_key": "99999999999"}).end
    assert end == PageEnd(PullOutcome.READ, at(14_303_420), more=False, is_whole=True)


@pytest.mark.parametrize("flag", [1, True, "1", "true", 7])
@pytest.mark.parametrize("name", MORE)
def test_a_flag_says_that_there_is_more(name: str, flag: object) -> None:
    end = page({"msg_list": records(LAST, 14_303_001), name: flag}).end
    assert end == PageEnd(PullOutcome.READ, at(14_303_001), more=True, is_whole=True)


@pytest.mark.parametrize("flag", [0, False, None, "", "0", "false"])
def test_a_flag_says_that_there_is_no_more(flag: object) -> None:
    assert page({"msg_list": records(LAST, 14_303_001), "continue_flag": flag}).end == PageEnd(
        PullOutcome.READ, at(14_303_001), more=False, is_whole=True
    )


def test_the_record_that_was_read_last_is_asked_for_again_and_left_out() -> None:
    assert Cursor.of(at(LAST)).key == str(LAST - 1)
    assert page({"msg_list": records(LAST)}) == PulledPage(
        PageEnd(PullOutcome.READ, at(LAST), more=False, is_whole=True), (), (11010, 11013)
    )


@pytest.mark.parametrize(
    ("cursor", "key"), [("14303000", "14303000"), ("1", "1"), ("0", "1"), ("1.abc", "1"), ("2.abc", "1")]
)
def test_a_place_without_a_record_is_asked_for_as_it_is_and_the_key_is_never_0(cursor: str, key: str) -> None:
    assert Cursor.of(cursor).key == key


@given(st.integers(1, 2**63), st.none() | st.text("0123456789", min_size=1, max_size=20))
def test_a_cursor_is_read_as_it_was_written_and_fits_its_column(seq: int, own_id: str | None) -> None:
    cursor = Cursor.at(seq, {"id": own_id})
    assert Cursor.of(str(cursor)) == cursor
    assert len(str(cursor)) <= 64


@pytest.mark.parametrize(
    "there",
    [records(14_303_050, 14_303_051), records(LAST, id="another"), [], records(14_302_999)],
    ids=["cut off at its beginning", "another record", "empty", "before"],
)
def test_a_page_without_the_record_that_was_read_last_is_a_gap(there: list[dict[str, Any]]) -> None:
    """The newest hundred of more, a stream whose old part is deleted, that of another login, one that was numbered anew."""
    answered = page({"msg_list": there, "continue_flag": 0})
    assert (answered.end.outcome, answered.end.is_whole) == (PullOutcome.READ, False)
    assert len(answered.items) == len(there)


def test_the_first_page_of_a_stream_is_a_gap_and_the_next_one_is_none() -> None:
    first = page({"msg_list": records(LAST)}, "14302000").end
    assert first == PageEnd(PullOutcome.READ, at(LAST), more=False, is_whole=False)
    assert page({"msg_list": records(LAST)}, first.cursor or "").end.is_whole


@pytest.mark.parametrize("data", [{"msg_list": []}, {"continue_flag": 0}, {"msg_list": None, "continue_flag": 0}, []])
def test_an_empty_page_leaves_the_key_where_it_is(data: object) -> None:
    assert page(data) == PulledPage(PageEnd(PullOutcome.READ, at(LAST), more=False, is_whole=False), (), (11010, 11013))


@pytest.mark.parametrize("name", KEYS)
def test_where_nothing_has_a_seq_the_named_key_counts_if_it_is_ahead_and_skips_what_nobody_saw(name: str) -> None:
    assert page({"msg_list": [], name: "14303005", "continue_flag": 1}).end == PageEnd(
        PullOutcome.READ, "14303005", more=True, is_whole=False
    )
    assert page({"msg_list": [], name: "14302000"}).end.cursor == at(LAST)


def test_a_flag_that_says_more_without_a_new_key_is_not_followed_for_ever() -> None:
    end = page({"msg_list": records(LAST), "continue_flag": 1}).end
    assert end == PageEnd(PullOutcome.READ, at(LAST), more=False, is_whole=False)


def test_a_page_that_lies_before_its_key_is_of_a_stream_that_was_numbered_anew() -> None:
    end = page({"msg_list": records(7, 9), "continue_flag": 1}).end
    assert end == PageEnd(PullOutcome.READ, at(9), more=False, is_whole=False)
    assert page({"msg_list": records(14_302_999, LAST)}).end.is_whole  # an overlap is none


@pytest.mark.parametrize("bad", [{"id": []}, {"flag": "x"}, {"seq": None}, {"seq": "x"}])
def test_a_record_that_cannot_be_read_or_placed_is_a_gap_and_spoils_no_other(bad: dict[str, Any]) -> None:
    assert page({"msg_list": records(LAST, 14_303_001, 14_303_002)}).end.is_whole
    torn = page({"msg_list": [*records(LAST, 14_303_001), *records(14_303_002, **bad)]})
    assert torn.end.outcome is PullOutcome.READ
    assert not torn.end.is_whole
    assert torn.items[0].defect is None


def test_a_record_that_is_no_object_is_a_gap() -> None:
    assert not page({"msg_list": [*records(LAST, 14_303_001), "x"]}).end.is_whole


@pytest.mark.parametrize(
    "data",
    [
        {},
        None,
        "x",
        7,
        {"blocks": [RECORD], "continue_flag": 0},
        {"records": {"1": RECORD}, "sync_key": "5"},
        {"count": 3},
    ],
    ids=str,
)
def test_what_nobody_knows_is_unreadable(data: object) -> None:
    assert page(data) == UNREADABLE


def test_a_refusal_is_told_apart() -> None:
    assert page({}, error_code=-7002) == PulledPage(PageEnd(PullOutcome.REFUSED))
    assert read_page(GUID, Cursor(1), b"<html>") == UNREADABLE


def answer_form(text: str) -> dict[str, Any]:
    """As the captured answer to a send has it."""
    inner = b"\x0a" + _varint(len(text.encode())) + text.encode()
    body = b"\x08\x00\x12" + _varint(len(inner)) + inner
    content = b"\x0a" + _varint(len(body)) + body
    appinfo = base64.b64encode(RECORD["appinfo"].encode()).decode()
    return {
        "id": "1000127", "seq": "14303419", "messagetype": 0, "sender": OWN, "receiver": "7881300000000001",
        "roomid": "0", "contenttype": 2, "content": base64.b64encode(content).decode(), "sendtime": 1753761234,
        "flag": 16_777_216, "devinfo": "131075", "appinfo": appinfo, "sendername": "RXhhbXBsZQ==", "asid": "0",
    }  # fmt: skip


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_a_record_in_the_form_of_an_answer_says_the_same(text: str) -> None:
    (item,) = page({"msg_list": [answer_form(text)]}).items
    record = item.stream_record
    assert record is not None
    assert (record.shown, record.sender, record.provider_message_id, record.app_info_key) == (
        Shown.of(Form.TEXT, (text,)), OWN, "1000127", RECORD["appinfo"],
    )  # fmt: skip
    assert record.kinds == {"ECHO"}


@pytest.mark.parametrize(
    "changes",
    [
        {"content": "no base64!"}, {"content": "AAAA"}, {"content": None}, {"content": ""}, {"content": "CgA="},
        {"content": base64.b64encode(b"\x0a\x80\x80\x80\x80\x80\x80").decode()},
        {"content": base64.b64encode(b"\x0a\x06\x08\x00\x12\x02\x0a\xff").decode()},
        {"content": base64.b64encode(b"\x0a\x05\x08\x00\x12\x01\x09").decode()},
        {"content": base64.b64encode(b"\x0a\x07\x08\x00\x12\x03\x0a\x01\xff").decode()},
        {"contenttype": 14}, {"contenttype": "x"}, {"appinfo": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_its_content_does_not_say_is_no_text(changes: dict[str, Any]) -> None:
    (item,) = page({"msg_list": [answer_form("hello") | changes]}).items
    assert item.stream_record is not None
    assert item.stream_record.shown is None or changes == {"appinfo": None}


def test_an_own_read_record_in_the_form_of_an_answer_is_no_message() -> None:
    (item,) = page({"msg_list": [answer_form("x") | {"contenttype": 2001}]}).items
    assert item.stream_record is not None
    assert item.stream_record.kinds == frozenset()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*LISTS, *KEYS, *MORE, *RECORD, "contenttype", "x"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_it_answers_nothing_is_raised(data: object) -> None:
    answered = page(data)
    if answered.end.outcome is not PullOutcome.READ:
        assert answered == PulledPage(PageEnd(answered.end.outcome))
    else:
        assert answered.end.cursor is not None


@pytest.mark.parametrize(
    ("text", "seq"), [("14303419", 14_303_419), ("0", None), ("-5", None), ("x", None), ("", None)]
)
def test_a_seq_is_a_positive_number(text: str, seq: int | None) -> None:
    assert seq_of(text) == seq
