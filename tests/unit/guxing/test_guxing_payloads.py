"""Requests: one golden per type, each checked with the vendor's schema of all fields and their types."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.builders.guxing_contents import CONTENTS

from wework_message.adapters.guxing.payloads import build_request
from wework_message.domain.content import CONTENTS as TYPES
from wework_message.domain.content import (
    MERGED_ITEMS,
    QUOTABLE,
    Content,
    MergedContent,
    MergedText,
    QuoteContent,
    TextContent,
    WithFile,
    decode_content,
    encode_content,
)
from wework_message.domain.ids import Guid, MessageId
from wework_message.domain.ports.gateway import Dispatch
from wework_message.entrypoints.wire.requests.examples import GUID, content_example
from wework_message.simulator.contract.completeness import check_body
from wework_message.simulator.sends import SENDS

GOLDEN = Path(__file__).parents[2] / "golden" / "guxing"
BODIES = Path(__file__).parents[2] / "golden" / "e2e-bodies"
SCHEMAS: dict[str, Any] = json.loads(
    files("wework_message.simulator").joinpath("data/guxing_requests.json").read_bytes()
)
ACCEPTED = MessageId("0194837d-8160-7000-8000-000000000000")  # UUIDv7 of 2025-01-20T11:33:48Z
ACCEPTED_S = 1_737_372_828
TYPE_OF: dict[str, Any] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
    "string | integer": (str, int),
}  # fmt: skip
AUTHOR = ("sender_user_id", "sender_name", "sendtime")
ITEM_TYPES = {
    **dict.fromkeys(("msg_type", "sendtime", "size", "zoom", "image_width", "image_height", "feed_type"), "integer"),
    **dict.fromkeys(("video_duration", "video_width", "video_height"), "integer"),
    **dict.fromkeys(("longitude", "latitude"), "number"),
    "message_list": "array",
}
"""From the schema of `send_forward_msg`; every other key of an item is a string."""


def request_of(content: Content, message_id: MessageId = ACCEPTED) -> tuple[str, dict[str, Any]]:
    path, body = build_request(Dispatch(message_id, 1, Guid("g-1"), "R:10810965948920358", content, 0))
    return path, json.loads(body)


def example(message_type: str) -> Content:
    return decode_content(json.dumps(content_example(message_type)))


def assert_fits(field: dict[str, Any], value: Any, place: str) -> None:
    allowed = TYPE_OF[field["type"]]
    assert isinstance(value, allowed), place
    assert isinstance(value, bool) == (field["type"] == "boolean"), place
    if field["type"] == "object" and "properties" in field:
        assert_object(field["properties"], value, place)
    for position, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, dict):
            assert_item(item, f"{place}[{position}]", author=True)
        else:
            assert_fits(field["items"], item, f"{place}[{position}]")


def assert_object(fields: dict[str, Any], value: dict[str, Any], place: str) -> None:
    assert set(value) <= set(fields), place
    for name, field in fields.items():
        if name in value:
            assert_fits(field, value[name], f"{place}.{name}")
        else:
            assert not field.get("required"), f"{place}.{name}"


def assert_item(item: dict[str, Any], place: str, *, author: bool) -> None:
    """The item table of the contract; `required` in its schema is an artefact, its types are right."""
    kind = SCHEMAS["items"][str(item["msg_type"])]
    fields = {"msg_type", *kind["fields"], *(AUTHOR if author else ())}
    optional = {"extra_content", "object_id", "object_nonce_id"} if item["msg_type"] in {14, 17} else set()
    assert fields - optional <= set(item) <= fields, place
    for name, value in item.items():
        assert_fits({"type": ITEM_TYPES.get(name, "string")}, value, f"{place}.{name}")


@pytest.mark.parametrize("name", CONTENTS)
def test_request_is_the_golden_one(name: str) -> None:
    path, body = request_of(CONTENTS[name])
    assert {"path": path, "body": body} == json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def test_no_golden_is_without_its_content() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(CONTENTS)
    assert {file.stem for file in BODIES.iterdir()} == {*TYPES, "MIXED"}


@pytest.mark.parametrize("name", TYPES)
def test_example_of_every_type_becomes_its_golden_request(name: str) -> None:
    golden = (BODIES / f"{name}.json").read_text("utf-8").replace('"<accepted>"', str(ACCEPTED_S)).replace("<own>", "")
    (call,) = json.loads(golden)
    path, body = request_of(example(name))
    assert {"path": path, "body": body | {"guid": GUID, "conversation_id": call["body"]["conversation_id"]}} == call


@pytest.mark.parametrize("name", TYPES)
def test_simulator_accepts_the_call_of_every_type(name: str) -> None:
    path, body = request_of(example(name))
    assert path in SENDS
    assert check_body(path, body, inline_required=True, lenient=False) == []


@pytest.mark.parametrize("name", MERGED_ITEMS)
def test_every_type_that_a_record_may_hold_becomes_an_item(name: str) -> None:
    item = content_example(name) | {"senderName": "n", "sendTime": "2025-01-20T11:33:48Z"}
    path, body = request_of(decode_content(json.dumps({"messageType": "MERGED", "messages": [item]})))
    assert_fits(SCHEMAS["endpoints"][path]["fields"]["message_list"], body["message_list"], name)
    assert check_body(path, body, inline_required=True, lenient=False) == []


@pytest.mark.parametrize("name", QUOTABLE)
def test_every_type_that_a_quote_may_carry_becomes_its_message(name: str) -> None:
    quote = content_example("QUOTE") | {"quoteMessage": content_example(name)}
    path, body = request_of(decode_content(json.dumps(quote)))
    assert_item(body["message"], name, author=False)
    assert check_body(path, body, inline_required=True, lenient=False) == []


@pytest.mark.parametrize("name", CONTENTS)
def test_request_has_exactly_the_fields_of_the_vendors_schema(name: str) -> None:
    path, body = request_of(CONTENTS[name])
    message = body.pop("message") if path == "/msg/send_quote_msg" else None
    fields = {key: field for key, field in SCHEMAS["endpoints"][path]["fields"].items() if key != "message"}
    assert_object(fields, body, path)
    if message is not None:
        assert_item(message, "message", author=False)


@pytest.mark.parametrize("name", CONTENTS)
def test_stored_content_makes_the_same_request(name: str) -> None:
    assert request_of(decode_content(encode_content(CONTENTS[name]))) == request_of(CONTENTS[name])


def test_item_without_a_time_has_that_of_acceptance() -> None:
    content = MergedContent(messages=(MergedText(content="x", sender_name="n"),))
    assert request_of(content)[1]["message_list"][0]["sendtime"] == ACCEPTED_S
    for unknown in ("6c84fb90-12c4-11e1-840d-7b25c5ee775a", "m-1"):
        with pytest.raises(ValueError, match="UUID"):
            request_of(content, MessageId(unknown))


@pytest.mark.parametrize("name", [name for name, kind in TYPES.items() if issubclass(kind, WithFile)])
def test_content_that_names_media_is_not_built(name: str) -> None:
    kind: Any = TYPES[name]
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    handle = {field: defaults[field] for field in (*kind.HANDLE, *kind.KEY, *kind.PREVIEW)}
    content = msgspec.structs.replace(example(name), **handle, media_id="m")
    with pytest.raises(ValueError, match="media assets"):
        request_of(content)


def test_incomplete_quote_is_not_built() -> None:
    with pytest.raises(ValueError, match="quote"):
        request_of(QuoteContent(content="x", quote_message_id="0194837d-8160-7000-8000-000000000000"))
    with pytest.raises(ValueError, match="quote"):
        request_of(QuoteContent(content="x", quote_message_id="1", quote_message=TextContent(content="y")))
