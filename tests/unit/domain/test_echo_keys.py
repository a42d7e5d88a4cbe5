"""What identifies a content in an echo: one row per type, and the same key from a record that shows the same."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import a_stream_record

from wework_message.domain.content import CONTENTS, Content, MessageType, TextContent, decode_content
from wework_message.domain.message.echo_keys import COMPARED, Form, Shown, content_key, echo_key
from wework_message.testing.strategies import contents, texts

BY_ID_ALONE = {MessageType.MERGED, MessageType.SHOP_PRODUCT}


def an_example(message_type: str, **changes: Any) -> Content:
    fields = {**CONTENTS[message_type].EXAMPLE, "messageType": message_type, **changes}
    return decode_content(msgspec.json.encode(fields))


def test_every_type_says_what_is_compared_or_that_nothing_is() -> None:
    assert set(COMPARED) == {*CONTENTS, "MASS_SEND"}
    assert {kind for kind, compared in COMPARED.items() if compared is None} == {*BY_ID_ALONE, MessageType.MASS_SEND}
    assert {compared.form for compared in COMPARED.values() if compared is not None} == set(Form)


@given(contents())
def test_a_key_has_the_width_of_its_column_and_is_the_one_that_a_record_shows(content: Content) -> None:
    key, compared = echo_key(content), COMPARED[content.message_type]
    if compared is None or any(getattr(content, field) is None for field in compared.fields):
        assert key is None
        return
    shown = Shown.of(compared.form, [getattr(content, field) for field in compared.fields])
    assert shown is not None
    assert key == shown.key
    assert len(key) == 64


@pytest.mark.parametrize("name", [name for name in CONTENTS if name not in BY_ID_ALONE])
def test_two_contents_of_a_type_that_differ_in_what_is_compared_have_two_keys(name: str) -> None:
    compared = COMPARED[MessageType(name)]
    assert compared is not None
    content = an_example(name)
    for field in compared.fields:
        value = getattr(content, field)
        other = msgspec.structs.replace(content, **{field: value + 1 if isinstance(value, float) else f"{value}x"})
        assert echo_key(other) != echo_key(content)


def test_a_key_is_of_its_type_and_of_texts_it_is_the_text_alone_as_in_earlier_versions() -> None:
    assert echo_key(an_example("IMAGE")) != echo_key(an_example("FILE"))
    assert echo_key(an_example("VIDEO")) == echo_key(an_example("BIG_VIDEO", fileId="306902010204"))
    assert echo_key(TextContent(content="hello")) == content_key("hello")
    assert echo_key(an_example("MENTION")) == content_key("{$@} 开会了")
    assert len({Shown(form, ("1", "2", "3")).key for form in Form}) == len(Form)


def test_a_quote_that_has_not_got_its_original_has_no_key() -> None:
    only_its_id = {"messageType": "QUOTE", "content": "yes", "quoteMessageId": "0197c2b2-7c1f-7c3e-9d5a-0123456789ab"}
    assert echo_key(decode_content(msgspec.json.encode(only_its_id))) is None


def test_the_words_of_a_text_and_of_a_quote_are_text() -> None:
    shown = [a_stream_record(shown=Shown(form, ("yes", "x"))).text for form in (Form.TEXT, Form.QUOTE, Form.LINK)]
    assert [*shown, a_stream_record(text=None).text] == ["yes", "yes", None, None]


@pytest.mark.parametrize("value", [None, "", True, float("nan"), float("inf"), [], {}])
def test_a_record_that_shows_a_part_of_it_identifies_nothing(value: object) -> None:
    assert Shown.of(Form.LINK, ("title", value)) is None


def test_degrees_are_equal_to_a_tenth_of_a_metre() -> None:
    sent, shown = (Shown.of(Form.LOCATION, (longitude, 23, "x")) for longitude in (113.264385, 113.2643850001))
    assert sent is not None
    assert sent == shown
    assert sent.values[:2] == ("113.264385", "23.000000")


@given(
    texts().filter(lambda text: "\r" not in text),
    st.sampled_from(["", " ", "\n", "\r\n"]),
    st.sampled_from(["", "  ", "\r\n\r\n"]),
)
def test_texts_are_equal_but_for_line_ends_and_outer_white_space(text: str, before: str, after: str) -> None:
    plain = text.replace("\r", "")  # or the line end that is put in would come after half of another one
    assert content_key(before + plain.replace("\n", "\r\n") + after) == content_key(plain)


def test_texts_are_equal_in_either_unicode_form_and_else_different() -> None:
    assert content_key("caf\u0065\u0301") == content_key("caf\u00e9")
    assert len({content_key(text) for text in ("hello", "Hello", "hel lo", "hello.", "")}) == 5


def test_a_lone_surrogate_from_the_stream_is_compared_and_not_refused() -> None:
    assert content_key("a\ud800") != content_key("a")


@pytest.mark.parametrize("message_type", sorted(BY_ID_ALONE))
def test_what_only_an_id_identifies_and_what_is_erased_has_no_key(message_type: MessageType) -> None:
    assert echo_key(an_example(message_type)) is None
    assert echo_key(None) is None


@pytest.mark.parametrize("kind", ["IMAGE", "VIDEO", "BIG_VIDEO", "FILE", "VOICE", "GIF"])
def test_what_names_media_has_no_key_before_it_has_a_handle(kind: str) -> None:
    struct: Any = CONTENTS[kind]
    assert echo_key(struct(media_id="m")) is None
