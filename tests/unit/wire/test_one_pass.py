"""Both ways of reading a message: what one pass reads is what the other way reads."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.send_requests import EXAMPLES

from wework_message.domain.content import CONTENTS
from wework_message.entrypoints.wire.requests.body import Limits, decode_object
from wework_message.entrypoints.wire.requests.drafts import SendRequest, read_message
from wework_message.entrypoints.wire.requests.one_pass import read_in_one_pass

NOW = 1_750_000_000_000
LIMITS = Limits()
TEXT = EXAMPLES["TEXT"]

VALUES = st.none() | st.booleans() | st.integers(-1, 20) | st.floats(0, 20) | st.text(max_size=5) | st.just({"a": [1]})


def in_one_pass(body: bytes, *, key: str | None = None, limits: Limits = LIMITS) -> SendRequest | None:
    return read_in_one_pass(body, limits=limits, now=NOW, idempotency_key=key)


def as_object(body: bytes) -> SendRequest:
    return read_message(decode_object(body, max_bytes=LIMITS.max_message_bytes), limits=LIMITS, now=NOW)


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_message_of_every_type_is_read_in_one_pass(kind: str) -> None:
    body = msgspec.json.encode(EXAMPLES[kind])
    assert in_one_pass(body) == as_object(body)


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_what_one_pass_reads_is_what_the_other_way_reads(kind: str, data: st.DataObject) -> None:
    raw = dict(EXAMPLES[kind])
    names = sorted({*raw, "accountId", "scheduledAt", "extra", "retryCount", "nobody's"})
    raw |= data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=3))
    body = msgspec.json.encode(raw)
    if (read := in_one_pass(body)) is not None:
        assert read == as_object(body)


def test_of_a_name_that_occurs_twice_the_last_value_counts() -> None:
    twice = msgspec.json.encode(TEXT)[:-1] + b',"content":"last"}'
    assert in_one_pass(twice) == as_object(twice)
    other_type = msgspec.json.encode(TEXT)[:-1] + b',"messageType":"IMAGE"}'
    assert in_one_pass(other_type) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"messageType": "MIXED"}, {"messageType": "NOTHING"}, {"url": None}, {"unknown": 1}, {"content": None},
        {"content": "\0"}, {"content": "x" * 5_000}, {"conversationId": "nobody"}, {"priority": 10}, {"guid": None},
        {"extra": {"x": "x" * 20_000}}, {"extra": {"x": [[]] * 40}}, {"scheduledAt": "2019-01-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_what_is_not_usual_is_left_to_the_other_way(changes: dict[str, Any]) -> None:
    assert in_one_pass(msgspec.json.encode(TEXT | changes)) is None


def test_what_is_no_json_or_too_large_is_left_to_the_other_way() -> None:
    body = msgspec.json.encode(TEXT)
    for other in (b"", b"{", b"[]", b"\xff", body + b"x", body.replace(b'"content":"', b'"content":"\\ud800')):
        assert in_one_pass(other) is None
    assert in_one_pass(body, limits=Limits(max_message_bytes=len(body))) is not None
    assert in_one_pass(body, limits=Limits(max_message_bytes=len(body) - 1)) is None


def test_the_key_of_the_header_is_that_of_the_message() -> None:
    read = in_one_pass(msgspec.json.encode(TEXT), key="k")
    assert read is not None
    assert (read.client_message_id, read.draft.options.client_message_id) == ("k", "k")
    same, another = (msgspec.json.encode(TEXT | {"clientMessageId": key}) for key in ("k", "l"))
    assert in_one_pass(same, key="k") == read
    assert in_one_pass(another, key="k") is None
    assert in_one_pass(msgspec.json.encode(TEXT), key="\t") is None
