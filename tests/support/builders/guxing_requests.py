"""A valid body for every send endpoint of the vendor, built from the simulator's own copy of the contract."""

import copy
from typing import Any

from wework_message.simulator.contract.endpoints import Field, contract
from wework_message.simulator.sends import SENDS

Body = dict[str, Any]

SEND_PATHS = tuple(SENDS)

_AUTHOR = {"sender_user_id": "1688850000000001", "sender_name": "甲", "sendtime": 1737360028}
_MEDIA = {"file_id": "3069", "size": 772458, "aes_key": "7e7c", "md5": "25e2"}
_CARD = {
    "feed_type": 4,
    "cover_url": "https://a/c",
    "thumb_url": "https://a/t",
    "avatar": "https://a/a",
    "nickname": "n",
    "desc": "d",
    "url": "https://a/u",
    "extras": "e",
}
ITEMS: dict[int, Body] = {
    2: {"msg_type": 2, "content": "文本消息"},
    3: {"msg_type": 3, "longitude": 116.39, "latitude": 39.9, "address": "北京", "title": "天安门", "zoom": 15},
    4: {"msg_type": 4, "title": "百度一下", "desc": "d", "url": "https://a", "image_url": "https://a/i"},
    5: {"msg_type": 5, **_MEDIA, "image_width": 600, "image_height": 800},
    7: {"msg_type": 7, **_MEDIA, "file_name": "a.mp4", "video_duration": 14, "video_width": 800, "video_height": 450},
    8: {"msg_type": 8, **_MEDIA, "file_name": "a.pdf"},
    14: {"msg_type": 14, **_CARD},
    16: {"msg_type": 16, "message_list": [{"msg_type": 2, "content": "嵌套文本消息", **_AUTHOR}]},
    17: {"msg_type": 17, **_CARD, "object_id": "1", "object_nonce_id": "2"},
}


def merged_items() -> list[Body]:
    return [{**copy.deepcopy(item), **_AUTHOR} for item in ITEMS.values()]


def _example(field: Field) -> Any:
    match field.type:
        case "integer":
            return 7
        case "number":
            return 7.5
        case "boolean":
            return False
        case "array":
            return ["x"]
        case "object":
            return {name: _example(inner) for name, inner in (field.properties or {}).items()}
        case _:
            return "x"


def send_body(path: str, guid: str = "g1", conversation_id: str = "S:7881300000000001") -> Body:
    body = {name: _example(field) for name, field in contract().endpoints[path].fields.items()}
    body |= {"guid": guid, "conversation_id": conversation_id}
    if path == "/msg/send_forward_msg":
        body["message_list"] = merged_items()
    if path == "/msg/send_quote_msg":
        body["message"] = copy.deepcopy(ITEMS[2])
    return body


def text_body(content: str = "hello", guid: str = "g1", conversation_id: str = "S:7881300000000001") -> Body:
    return {"guid": guid, "conversation_id": conversation_id, "content": content}
