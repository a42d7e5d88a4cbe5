"""What the simulator asks beyond the vendor's own laxness.

Most send schemas require only `guid`, so an incomplete message reaches WeCom instead of being refused (provider contract,
section 2). A client that counts on that is wrong; unless `lenient` is set, a send is refused with 422 when a field without
which its message makes no sense is absent or empty. A number is never empty: 0 is a value.
"""

from wework_message.simulator.contract.endpoints import Contract, Problem, check_request, contract, missing
from wework_message.simulator.contract.items import check_item, check_items

BIG_FILE_BYTES = 20_000_000
"""Above this many bytes a file has no aes_key ("larger than 20M"; which M is not said)."""

_FEED = ("feed_type", "nickname", "desc", "url", "cover_url")

NEEDED: dict[str, tuple[str, ...]] = {
    "/msg/send_text": ("content",),
    "/msg/send_image": ("file_id", "size", "aes_key", "md5", "image_width", "image_height"),
    "/msg/send_video": (
        "file_id", "size", "file_name", "aes_key", "md5", "video_duration", "video_width", "video_height",
    ),
    "/msg/send_big_video": (
        "file_id", "size", "file_name", "md5", "video_duration", "preview_image_url", "preview_image_width",
        "preview_image_height", "preview_image_size", "preview_image_md5",
    ),
    "/msg/send_file": ("file_id", "size", "file_name", "md5"),
    "/msg/send_voice": ("file_id", "size", "voice_time", "aes_key", "md5"),
    "/msg/send_link": ("title", "url"),
    "/msg/send_weapp": ("username", "appid", "appname", "title", "page_path", "file_id", "size", "aes_key", "md5"),
    "/msg/send_personal_card": ("user_id",),
    "/msg/send_location": ("longitude", "latitude", "title"),
    "/msg/send_gif": ("url", "md5", "image_width", "image_height", "file_id", "size", "aes_key"),
    "/msg/send_gif_url": ("url", "md5", "image_width", "image_height"),
    "/msg/send_room_at": ("content", "at_list"),
    "/msg/send_quote_msg": ("content", "quote", "appinfo", "content_type", "sender", "sender_name", "message"),
    "/msg/send_forward_msg": ("message_list",),
    "/msg/send_feed_video": _FEED,
    "/msg/send_feed_live": (*_FEED, "object_id", "object_nonce_id"),
    "/msg/send_finder_product": ("content",),
}  # fmt: skip
"""Path of every send endpoint and the fields its message needs."""

_EMPTY: tuple[object, ...] = ("", [], {})


def _needed(path: str, body: dict[str, object]) -> tuple[str, ...]:
    names = NEEDED[path]
    size = body.get("size")
    if path == "/msg/send_file" and isinstance(size, int) and size <= BIG_FILE_BYTES:
        return (*names, "aes_key")
    return names


def check_needed(path: str, body: dict[str, object]) -> list[Problem]:
    """Fields that this send needs and that are absent or empty; the body has passed the vendor's schema."""
    problems: list[Problem] = []
    for name in _needed(path, body):
        if name not in body:
            problems.append(missing(("body", name)))
        elif body[name] in _EMPTY:
            problems.append(Problem(("body", name), "must not be empty", "value_error.simulator.empty"))
    if path == "/msg/send_forward_msg":
        _check_sender_names(body["message_list"], problems)
    return problems


def _check_sender_names(items: object, problems: list[Problem]) -> None:
    if isinstance(items, list):
        for position, item in enumerate(items):
            if item.get("sender_name") == "":
                loc = ("body", "message_list", position, "sender_name")
                problems.append(Problem(loc, "must not be empty", "value_error.simulator.empty"))


def check_message_items(contract: Contract, path: str, body: dict[str, object]) -> list[Problem]:
    """What the item table refuses in a quote or a merged record; nothing for any other path."""
    problems: list[Problem] = []
    if path == "/msg/send_forward_msg" and "message_list" in body:
        check_items(contract, body["message_list"], ("body", "message_list"), problems)
    elif path == "/msg/send_quote_msg" and "message" in body:
        check_item(contract, body["message"], ("body", "message"), problems, author=False)
    return problems


def check_body(path: str, body: dict[str, object], *, inline_required: bool, lenient: bool) -> list[Problem]:
    """Everything that is refused in the body of one call: the vendor's schema first, then the items, then what is needed."""
    problems = check_request(contract().endpoints[path], body, inline_required=inline_required)
    if not problems:
        problems = check_message_items(contract(), path, body)
    if not problems and path in NEEDED and not lenient:
        problems = check_needed(path, body)
    return problems
