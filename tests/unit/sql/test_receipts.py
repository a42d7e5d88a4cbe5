"""A receipt is stored as one flat object: rows of every version are read, and those of this protocol never changed."""

import json
from typing import Any

import pytest

from wework_message.adapters.guxing.receipts import read_receipt
from wework_message.adapters.sql.mapping.receipts import receipt_of, receipt_text
from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.message.attempt import Receipt

FULL_ANSWER: dict[str, Any] = {
    "id": "7000000000000000001", "seq": "14303419", "messagetype": 4, "sender": "1688850000000001", "receiver": "0",
    "roomid": "10810965948920358", "contenttype": 2, "content": "CggIABIECgJoaQ==", "sendtime": 1753761234,
    "flag": 16777216, "devinfo": "131075", "appinfo": "Q0FVUS91V1Z3Z1k9", "sendername": "RXhhbXBsZQ==",
    "extra_content": "eA==", "asid": "0",
}  # fmt: skip

STORED = {
    "all fields": (
        FULL_ANSWER,
        (
            '{"provider_message_id":"7000000000000000001","seq":"14303419","app_info":"Q0FVUS91V1Z3Z1k9",'
            '"app_info_key":"CAUQ/uWVwgY=","sent_at":1753761234000,"sender_id":"1688850000000001","receiver_id":"0",'
            '"room_id":"10810965948920358","message_type":4,"content_type":2,"content":"CggIABIECgJoaQ==",'
            '"sender_name":"RXhhbXBsZQ==","dev_info":"131075","extra_content":"eA==","is_svr_fail":false}'
        ),
    ),
    "only an id": (
        {"id": "7"},
        (
            '{"provider_message_id":"7","seq":null,"app_info":null,"app_info_key":null,"sent_at":null,"sender_id":null,'
            '"receiver_id":null,"room_id":null,"message_type":null,"content_type":null,"content":null,"sender_name":null,'
            '"dev_info":null,"extra_content":null,"is_svr_fail":false}'
        ),
    ),
}
"""An answer, and what version 0.1.0 stores of it: byte for byte."""


@pytest.mark.parametrize(("answered", "stored"), STORED.values(), ids=STORED)
def test_what_is_stored_of_an_answer_does_not_change(answered: dict[str, Any], stored: str) -> None:
    receipt = read_receipt({"msg_data": answered, "is_svr_fail": False})
    assert receipt is not None
    assert receipt_text(receipt) == stored
    assert receipt_of(stored) == receipt


def test_the_details_of_another_protocol_come_back_and_cannot_pass_for_our_fields() -> None:
    receipt = Receipt(ProviderMessageId("1"), details={"card": "c", "seq": "9", "room_id": 5})
    stored = receipt_of(receipt_text(receipt))
    assert (stored.provider_message_id, stored.seq, stored.details) == ("1", None, {"card": "c", "room_id": 5})
    assert (stored.text("card"), stored.text("room_id"), stored.number("room_id"), stored.flag("absent")) == (
        "c",
        None,
        5,
        None,
    )


def test_a_row_with_the_id_alone_is_read() -> None:
    assert receipt_of(json.dumps({"provider_message_id": "1"})) == Receipt(ProviderMessageId("1"))
