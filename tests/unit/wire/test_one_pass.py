"""Both ways of reading a message: what one pass reads is what the other way reads."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.send_requests import EXAMPLES

from wework_message.domain.content import CONTENTS
from wework_message.entrypoints.wire.requests import send
from wework_message.entrypoints.wire.requests.body import Limits, decode_object
from wework_message.entrypoints.wire.requests.drafts import SendRequest, read_message
from wework_message.entrypoints.wire.requests.one_pass import BatchInOnePass, read_batch_in_one_pass, read_in_one_pass
from wework_message.entrypoints.wire.requests.send import BatchRequest, parse_batch

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


@pytest.mark.parametrize(("requested", "stored"), [(0, 0), (9, 9), (10, 9)])
def test_the_highest_priority_of_the_java_service_is_ours(requested: int, stored: int) -> None:
    body = msgspec.json.encode(TEXT | {"priority": requested})
    read = in_one_pass(body)
    assert read == as_object(body)
    assert read is not None
    assert read.draft.options.priority == stored


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
        {"content": "\0"}, {"content": "x" * 5_000}, {"conversationId": "nobody"}, {"priority": 11}, {"guid": None},
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


def batch(*messages: Any, **fields: Any) -> bytes:
    return msgspec.json.encode({"messages": messages, **fields})


def batch_in_one_pass(body: bytes, *, key: str | None = None, limits: Limits = LIMITS) -> BatchInOnePass | None:
    return read_batch_in_one_pass(body, limits=limits, now=NOW, idempotency_key=key)


def parsed(body: bytes, key: str | None = None) -> BatchRequest:
    return parse_batch(body, limits=LIMITS, now=NOW, idempotency_key=key)


@pytest.mark.parametrize(
    ("fields", "key"), [({}, None), ({"atomic": True}, "k"), ({"clientMessageId": "k"}, None), ({"clientMessageId": "k"}, "k")]
)  # fmt: skip
def test_a_batch_of_every_type_is_the_same_both_ways(
    fields: dict[str, Any], key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = batch(*[EXAMPLES[kind] for kind in CONTENTS], TEXT | {"extra": {"a": [1]}}, **fields)
    assert batch_in_one_pass(body, key=key) is not None
    in_one_pass_ = parsed(body, key)
    monkeypatch.setattr(send, "read_batch_in_one_pass", lambda *_, **__: None)
    assert in_one_pass_ == parsed(body, key)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", batch(), batch(1), batch(TEXT, TEXT | {"guid": None}), batch(TEXT, {"messageType": "MIXED"}),
        batch(TEXT | {"conversationId": "nobody"}), batch(TEXT, mode="FANOUT"), batch(TEXT, atomic=None),
        batch(TEXT, clientMessageId=""), batch(TEXT, nobodys=1), batch(*[TEXT] * 201), msgspec.json.encode({"userList": ["1"]}),
    ],
)  # fmt: skip
def test_a_batch_that_is_not_usual_is_left_to_the_other_way(body: bytes) -> None:
    assert batch_in_one_pass(body) is None


def test_a_message_in_a_batch_may_have_two_levels_less() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return TEXT | {"extra": {"x": value}}

    flat = [TEXT | {"extra": {"x": [1]}}] * 20  # many brackets, few levels
    assert batch_in_one_pass(batch(*flat, nested(28))) is not None  # batch, list, message, extra and 28
    assert batch_in_one_pass(batch(*flat, nested(29))) is None


def test_limits_of_a_batch_and_its_keys() -> None:
    body = batch(TEXT, TEXT)
    assert batch_in_one_pass(body, limits=Limits(max_batch_bytes=len(body), max_batch_size=2)) is not None
    assert batch_in_one_pass(body, limits=Limits(max_batch_bytes=len(body) - 1)) is None
    assert batch_in_one_pass(body, limits=Limits(max_batch_size=1)) is None
    assert batch_in_one_pass(batch(TEXT, clientMessageId="l"), key="k") is None
