"""The simulator's reading of the vendor's request schemas."""

from typing import Any

import pytest
from tests.support.builders.guxing_requests import ITEMS, SEND_PATHS, merged_items, send_body

from wework_message.simulator.answers import KINDS
from wework_message.simulator.contract.completeness import check_body, check_needed
from wework_message.simulator.contract.endpoints import Problem, contract
from wework_message.simulator.sends import READ_MARK, RECALL, SENDS

WRONG: dict[str, Any] = {
    "string": 5,
    "integer": "5",
    "number": "5",
    "boolean": "true",
    "array": "x",
    "object": [],
    "string | integer": 1.5,
}

GROUPS = {
    "arch", "cdn", "client", "cloud", "contact", "global", "label", "login", "msg", "open", "private", "room", "session",
    "session_tag", "sync", "user",
}  # fmt: skip


def check(path: str, body: dict[str, Any], *, inline_required: bool = True) -> list[Problem]:
    return check_body(path, body, inline_required=inline_required, lenient=True)


def test_contract_holds_every_documented_group_of_endpoints_and_every_send() -> None:
    endpoints = contract().endpoints
    assert {path.split("/")[1] for path in endpoints} == GROUPS
    assert set(SENDS) <= set(endpoints)
    assert {endpoint.origin for endpoint in endpoints.values()} == {"model", "inline"}


def test_every_send_has_an_answer() -> None:
    assert set(KINDS) == {*SENDS, READ_MARK, RECALL}


@pytest.mark.parametrize("path", SEND_PATHS)
def test_complete_body_is_accepted(path: str) -> None:
    assert check(path, send_body(path)) == []
    assert check_needed(path, send_body(path)) == []


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path in SEND_PATHS for name in contract().endpoints[path].fields]
)
def test_wrong_type_is_refused_at_its_path(path: str, name: str) -> None:
    body = send_body(path)
    body[name] = WRONG[contract().endpoints[path].fields[name].type]
    assert [problem.loc for problem in check(path, body)] == [("body", name)]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (path, name)
        for path in SEND_PATHS
        for name, field in contract().endpoints[path].fields.items()
        if field.required
    ],
)
def test_missing_required_field_is_refused(path: str, name: str) -> None:
    body = send_body(path)
    del body[name]
    assert check(path, body)[0] == Problem(("body", name), "field required", "value_error.missing")


@pytest.mark.parametrize(("path", "name"), [(path, name) for path in SEND_PATHS for name in SENDS[path].needed])
def test_needed_field_must_be_there_and_not_empty(path: str, name: str) -> None:
    body = send_body(path)
    if isinstance(body[name], (str, list, dict)):
        body[name] = type(body[name])()
        assert [problem.loc for problem in check_needed(path, body)] == [("body", name)]
    if path != "/msg/send_forward_msg":
        del body[name]
        assert ("body", name) in [problem.loc for problem in check_needed(path, body)]


def test_zero_is_a_value() -> None:
    body = send_body("/msg/send_location") | {"longitude": 0, "latitude": 0.0}
    assert check_needed("/msg/send_location", body) == []


@pytest.mark.parametrize(("size", "refused"), [(20_000_000, True), (20_000_001, False)])
def test_file_may_lack_its_key_only_above_the_threshold(size: int, refused: bool) -> None:
    body = send_body("/msg/send_file") | {"size": size, "aes_key": ""}
    assert bool(check_needed("/msg/send_file", body)) is refused


def test_true_is_no_integer_and_null_is_no_value() -> None:
    body = send_body("/msg/send_image") | {"size": True, "md5": None}
    assert [problem.type for problem in check("/msg/send_image", body)] == [
        "type_error.integer",
        "type_error.none.not_allowed",
    ]


def test_nested_object_of_a_product_is_checked() -> None:
    body = send_body("/msg/send_finder_product")
    del body["content"]["shop_info"]["url"]
    body["content"]["product_price"] = 5
    assert {problem.loc for problem in check("/msg/send_finder_product", body)} == {
        ("body", "content", "shop_info", "url"),
        ("body", "content", "product_price"),
    }


def test_required_of_hand_typed_schemas_is_a_switch_but_guid_always_counts() -> None:
    assert check("/msg/send_big_video", {"guid": "g"}, inline_required=False) == []
    assert [problem.loc for problem in check("/msg/send_big_video", {}, inline_required=False)] == [("body", "guid")]


def test_mention_list_takes_strings_and_integers() -> None:
    assert check("/msg/send_room_at", send_body("/msg/send_room_at") | {"at_list": [0, "788"]}) == []
    problems = check("/msg/send_room_at", send_body("/msg/send_room_at") | {"at_list": ["788", 1.5]})
    assert [problem.loc for problem in problems] == [("body", "at_list", 1)]


@pytest.mark.parametrize(
    ("msg_type", "name"), [(msg_type, name) for msg_type, item in ITEMS.items() for name in item if name != "msg_type"]
)
def test_item_needs_the_keys_of_its_type(msg_type: int, name: str) -> None:
    body = send_body("/msg/send_forward_msg")
    position = list(ITEMS).index(msg_type)
    del body["message_list"][position][name]
    assert [problem.loc for problem in check("/msg/send_forward_msg", body)] == [
        ("body", "message_list", position, name)
    ]


@pytest.mark.parametrize("name", ["sender_user_id", "sender_name", "sendtime"])
def test_merged_item_names_its_author(name: str) -> None:
    items = merged_items()
    del items[0][name]
    body = send_body("/msg/send_forward_msg") | {"message_list": items}
    assert [problem.loc for problem in check("/msg/send_forward_msg", body)] == [("body", "message_list", 0, name)]


def test_nested_record_is_checked_inside_and_may_lack_an_author_as_in_the_sample() -> None:
    body = send_body("/msg/send_forward_msg") | {"message_list": [{**ITEMS[16], "sendtime": 1}]}
    assert check("/msg/send_forward_msg", body) == []
    body["message_list"][0]["message_list"] = [{"msg_type": 2, "content": 5}]
    assert ("body", "message_list", 0, "message_list", 0, "content") in [
        problem.loc for problem in check("/msg/send_forward_msg", body)
    ]


@pytest.mark.parametrize("msg_type", [1, 6, 99, "2", True, None])
def test_unknown_item_type_is_refused(msg_type: object) -> None:
    body = send_body("/msg/send_quote_msg") | {"message": {"msg_type": msg_type, "content": "x"}}
    assert [problem.loc for problem in check("/msg/send_quote_msg", body)] == [("body", "message", "msg_type")]


@pytest.mark.parametrize("msg_type", sorted(ITEMS))
def test_quote_takes_every_type_but_channels_cards(msg_type: int) -> None:
    body = send_body("/msg/send_quote_msg") | {"message": ITEMS[msg_type]}
    assert bool(check("/msg/send_quote_msg", body)) is (msg_type in {14, 17})


def test_items_that_are_no_objects_or_have_no_type_are_refused() -> None:
    body = send_body("/msg/send_forward_msg") | {"message_list": ["x", {}]}
    assert [problem.loc for problem in check("/msg/send_forward_msg", body)] == [
        ("body", "message_list", 0),
        ("body", "message_list", 1, "msg_type"),
    ]


def test_empty_sender_name_in_a_merged_record_is_refused() -> None:
    items = merged_items()
    items[2]["sender_name"] = ""
    problems = check_needed("/msg/send_forward_msg", send_body("/msg/send_forward_msg") | {"message_list": items})
    assert [problem.loc for problem in problems] == [("body", "message_list", 2, "sender_name")]
