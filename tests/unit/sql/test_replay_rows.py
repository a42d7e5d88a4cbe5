"""What is stored of a replay's selection: a later version must read what this one wrote."""

import msgspec
import pytest
from tests.support.builders.messages import NOW, PROVIDER

from wework_message.domain.failed_messages import FailureFilter
from wework_message.domain.ids import MessageId
from wework_message.domain.replay import Selection

STORED = [
    (
        Selection(FailureFilter("POISON", PROVIDER, -4017, "acc-1", NOW, NOW + 1), unconfirmed=True),
        (
            '{"filter":{"cause":"POISON","provider_code":"GUANGZHOU_GUXING","error_code":-4017,"account_id":"acc-1",'
            '"created_from":1750000000000,"created_to":1750000000001},"message_ids":[],"unconfirmed":true}'
        ),
    ),
    (
        Selection(message_ids=(MessageId("b"), MessageId("a"), MessageId("b"))),
        (
            '{"filter":{"cause":null,"provider_code":null,"error_code":null,"account_id":null,"created_from":null,'
            '"created_to":null},"message_ids":["a","b"],"unconfirmed":false}'
        ),
    ),
]


@pytest.mark.parametrize(("selection", "stored"), STORED)
def test_a_selection_is_stored_in_this_form(selection: Selection, stored: str) -> None:
    assert msgspec.json.encode(selection).decode() == stored
    assert msgspec.json.decode(stored, type=Selection) == selection
