import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.conversation import PEERS_AND_ROOMS, AnyGrammar, Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.testing.strategies import conversations


@given(conversations())
def test_what_is_printed_is_read_back(conversation: Conversation) -> None:
    assert PEERS_AND_ROOMS.parse(str(conversation)) == conversation


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("S:12345", Conversation("S:12345", is_room=False)),
        ("12345", Conversation("S:12345", is_room=False)),
        ("007", Conversation("S:007", is_room=False)),
        ("S:12345;67", Conversation("S:12345;67", is_room=False)),
        ("R:10600000000001", Conversation("R:10600000000001", is_room=True)),
    ],
)
def test_the_spellings_clients_use_are_read(raw: str, expected: Conversation) -> None:
    assert PEERS_AND_ROOMS.parse(raw) == expected


@pytest.mark.parametrize(
    "raw",
    ["", "S:", "R:", "S:12a", "s:1", "G:1", "S:1;", "R:1;2", "1;2", "S:1;2;3", "S: 1", " S:1", "S:1\n", "S:١", "S:-1",
     "S:1; 2", "S:" + "1" * 33],
)  # fmt: skip
def test_everything_else_is_refused_naming_the_field(raw: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        PEERS_AND_ROOMS.parse(raw)
    assert refusal.value.path == "conversationId"


@given(st.text() | st.from_regex(r"[SR]?:?[0-9]{0,3};?[0-9]{0,3}", fullmatch=True))
def test_what_is_read_prints_as_it_was_or_gains_only_the_prefix(raw: str) -> None:
    try:
        printed = str(PEERS_AND_ROOMS.parse(raw))
    except InvalidValueError:
        return
    assert printed in {raw, f"S:{raw}"}


@given(st.from_regex(PEERS_AND_ROOMS.pattern, fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_what_the_pattern_describes_is_read(raw: str) -> None:
    PEERS_AND_ROOMS.parse(raw)


@given(st.text() | st.from_regex(r"[SR]?:?[0-9]{0,33};?[0-9 ;]{0,3}\n?"))
def test_what_is_read_is_described_by_the_pattern(raw: str) -> None:
    try:
        PEERS_AND_ROOMS.parse(raw)
    except InvalidValueError:
        return
    assert re.fullmatch(PEERS_AND_ROOMS.pattern, raw)


class Pagers:
    pattern = "P:.*"

    def parse(self, text: str) -> Conversation:
        if not text.startswith("P:"):
            raise InvalidValueError("conversationId", "must be P:<letters>")
        return Conversation(text, is_room=True)

    def parse_recipient(self, text: str, *, is_room: bool) -> Conversation:
        return self.parse(f"P:{text}" if is_room else text)


def test_with_several_protocols_each_spelling_is_read_by_the_first_that_knows_it() -> None:
    grammar = AnyGrammar([PEERS_AND_ROOMS, Pagers()])
    assert [str(grammar.parse(text)) for text in ("12", "R:1", "P:duty")] == ["S:12", "R:1", "P:duty"]
    assert [bool(re.fullmatch(grammar.pattern, text)) for text in ("12", "P:duty", "X")] == [True, True, False]
    recipients = [grammar.parse_recipient(text, is_room=True) for text in ("1", "duty")]
    assert list(map(str, recipients)) == ["R:1", "P:duty"]


def test_what_no_protocol_reads_is_refused_in_the_words_of_the_first() -> None:
    with pytest.raises(InvalidValueError, match="must be P:<letters>"):
        AnyGrammar([Pagers(), PEERS_AND_ROOMS]).parse("X:1")
    with pytest.raises(InvalidValueError, match="must be digits or R:<digits>"):
        AnyGrammar([PEERS_AND_ROOMS, PEERS_AND_ROOMS]).parse_recipient("X", is_room=True)
