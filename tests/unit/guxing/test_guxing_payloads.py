"""Requests: one golden per type, each against the vendor's own schema, which names every field and its type."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.support.guxing_contents import CONTENTS

from wework_message.adapters.guxing.payloads import build_request
from wework_message.domain.content import CONTENTS as TYPES
from wework_message.domain.content import (
    Content,
    MergedContent,
    MergedText,
    QuoteContent,
    TextContent,
    decode_content,
    encode_content,
)
from wework_message.domain.ids import Guid, MessageId
from wework_message.domain.ports.gateway import Dispatch

GOLDEN = Path(__file__).parents[2] / "golden" / "guxing"
SCHEMAS: dict[str, Any] = json.loads(
    files("wework_message.simulator").joinpath("data/guxing_requests.json").read_bytes()
)
ACCEPTED = MessageId("0194837d-8160-7000-8000-000000000000")  # UUIDv7 of 2025-01-20T11:33:48Z
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
    """The contract's item table; its schema's `required` is an artefact, the types in it count."""
    kind = SCHEMAS["items"][str(item["msg_type"])]
    needed = {"msg_type", *kind["fields"], *(AUTHOR if author else ())}
    optional = {"extra_content", "object_id", "object_nonce_id"} if item["msg_type"] in {14, 17} else set()
    assert needed - optional <= set(item) <= needed, place
    for name, value in item.items():
        assert_fits({"type": ITEM_TYPES.get(name, "string")}, value, f"{place}.{name}")


@pytest.mark.parametrize("name", CONTENTS)
def test_request_is_the_golden_one(name: str) -> None:
    path, body = request_of(CONTENTS[name])
    assert {"path": path, "body": body} == json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def test_every_type_and_no_other_has_a_golden() -> None:
    assert {content.message_type for content in CONTENTS.values()} == set(TYPES)
    assert {file.stem for file in GOLDEN.iterdir()} == set(CONTENTS)


@pytest.mark.parametrize("name", CONTENTS)
def test_request_fits_the_vendors_schema_and_names_nothing_else(name: str) -> None:
    path, body = request_of(CONTENTS[name])
    message = body.pop("message") if path == "/msg/send_quote_msg" else None
    fields = {key: field for key, field in SCHEMAS["endpoints"][path]["fields"].items() if key != "message"}
    assert_object(fields, body, path)
    if message is not None:
        assert_item(message, "message", author=False)


@pytest.mark.parametrize("name", CONTENTS)
def test_stored_content_makes_the_same_request(name: str) -> None:
    assert request_of(decode_content(encode_content(CONTENTS[name]))) == request_of(CONTENTS[name])


def test_item_without_a_time_bears_that_of_acceptance() -> None:
    content = MergedContent(messages=(MergedText(content="x", sender_name="n"),))
    assert request_of(content)[1]["message_list"][0]["sendtime"] == 1_737_372_828
    for unknown in ("6c84fb90-12c4-11e1-840d-7b25c5ee775a", "m-1"):
        with pytest.raises(ValueError, match="UUID"):
            request_of(content, MessageId(unknown))


def test_quote_that_nobody_filled_is_not_built() -> None:
    with pytest.raises(ValueError, match="quote"):
        request_of(QuoteContent(content="x", quote_message_id="0194837d-8160-7000-8000-000000000000"))
    with pytest.raises(ValueError, match="quote"):
        request_of(QuoteContent(content="x", quote_message_id="1", quote_message=TextContent(content="y")))
