"""Items of a quote's `message` and of a merged record's `message_list`.

The vendor's schemas list fields as required that its own example omits, so the table "Items of `message`" of the provider
contract (P-3) counts instead: each msg_type has its keys. What that table leaves unclear is left open here: the
keys that only received Channels cards carry may be absent, and a nested record may lack its author, as in the sample.
"""

from wework_message.simulator.contract.endpoints import (
    Contract,
    Field,
    ItemKind,
    Location,
    Problem,
    check_value,
    missing,
)

NESTED, FEED, LIVE = 16, 14, 17
_QUOTABLE = frozenset({2, 3, 4, 5, 7, 8, 16})
_MAY_BE_ABSENT = {FEED: {"extra_content", "object_id", "object_nonce_id"}, LIVE: {"extra_content"}}
_INTEGERS = frozenset(
    {"size", "image_width", "image_height", "video_duration", "video_width", "video_height", "feed_type"}
)
_NUMBERS = frozenset({"longitude", "latitude", "zoom"})
_STRING, _INTEGER, _NUMBER, _ARRAY = Field("string"), Field("integer"), Field("number"), Field("array")


def _field(name: str) -> Field:
    if name in _INTEGERS:
        return _INTEGER
    return _NUMBER if name in _NUMBERS else _STRING


def check_item(contract: Contract, item: object, loc: Location, problems: list[Problem], *, author: bool) -> None:
    """Compare one item with the keys of its msg_type; `author` is True inside a merged record, False in a quote."""
    kind = _kind(contract, item, loc, problems, author=author)
    if kind is None or not isinstance(item, dict):
        return
    absent = _MAY_BE_ABSENT.get(item["msg_type"], set())
    for name in kind.fields:
        if name == "message_list":
            check_items(contract, item.get(name), (*loc, name), problems)
        elif name in item:
            check_value(_field(name), item[name], (*loc, name), problems)
        elif name not in absent:
            problems.append(missing((*loc, name)))
    for name in kind.optional:
        if name in item:
            check_value(_STRING, item[name], (*loc, name), problems)
    if author:
        _check_author(item, loc, problems)


def _kind(contract: Contract, item: object, loc: Location, problems: list[Problem], *, author: bool) -> ItemKind | None:
    if type(item) is not dict:
        problems.append(Problem(loc, "value is not a valid dict", "type_error.dict"))
        return None
    if "msg_type" not in item:
        problems.append(missing((*loc, "msg_type")))
        return None
    msg_type = item["msg_type"]
    kind = contract.items.get(msg_type) if type(msg_type) is int else None
    if kind is None or not (author or msg_type in _QUOTABLE):
        problems.append(Problem((*loc, "msg_type"), "unexpected value", "value_error.const"))
        return None
    return kind


def check_items(contract: Contract, items: object, loc: Location, problems: list[Problem]) -> None:
    """Compare the items of a merged record, nested ones included."""
    if items is None:
        problems.append(missing(loc))
        return
    before = len(problems)
    check_value(_ARRAY, items, loc, problems)
    if len(problems) == before and isinstance(items, list):
        for position, item in enumerate(items):
            check_item(contract, item, (*loc, position), problems, author=True)


def _check_author(item: dict[str, object], loc: Location, problems: list[Problem]) -> None:
    nested = item["msg_type"] == NESTED
    if "sender_user_id" not in item and "sender" not in item and not nested:
        problems.append(missing((*loc, "sender_user_id")))
    for name, field, needed in (
        ("sender_user_id", _STRING, False),
        ("sender", _STRING, False),
        ("sender_name", _STRING, not nested),
        ("sendtime", _INTEGER, True),
    ):
        if name in item:
            check_value(field, item[name], (*loc, name), problems)
        elif needed:
            problems.append(missing((*loc, name)))
