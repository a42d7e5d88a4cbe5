import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.conversation import Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.testing.strategies import conversations


@given(conversations())
def test_what_is_printed_is_read_back(conversation: Conversation) -> None:
    assert Conversation.parse(str(conversation)) == conversation


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("S:12345", Conversation(is_room=False, peer="12345")),
        ("12345", Conversation(is_room=False, peer="12345")),
        ("007", Conversation(is_room=False, peer="007")),
        ("S:12345;67", Conversation(is_room=False, peer="12345", asid="67")),
        ("R:10600000000001", Conversation(is_room=True, peer="10600000000001")),
    ],
)
def test_the_spellings_clients_use_are_read(raw: str, expected: Conversation) -> None:
    assert Conversation.parse(raw) == expected


@pytest.mark.parametrize(
    "raw",
    ["", "S:", "R:", "S:12a", "s:1", "G:1", "S:1;", "R:1;2", "1;2", "S:1;2;3", "S: 1", " S:1", "S:1\n", "S:١", "S:-1",
     "S:1; 2", "S:" + "1" * 33],
)  # fmt: skip
def test_everything_else_is_refused_naming_the_field(raw: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        Conversation.parse(raw)
    assert refusal.value.path == "conversationId"


@given(st.text() | st.from_regex(r"[SR]?:?[0-9]{0,3};?[0-9]{0,3}", fullmatch=True))
def test_what_is_read_prints_as_it_was_or_gains_only_the_prefix(raw: str) -> None:
    try:
        printed = str(Conversation.parse(raw))
    except InvalidValueError:
        return
    assert printed in {raw, f"S:{raw}"}
