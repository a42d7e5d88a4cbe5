"""Items of a quote's `message` and of a merged record's `message_list` (P-3, its second table).

Their keys differ from those of a send of the same type: a link has `desc`, a zoom is an integer. The schema of merged
items requires file fields even for texts; that is an artefact of its example, and the table is right.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from wework_message.adapters.guxing.table import CHANNEL_FEED, CHANNEL_LIVE, VendorFields
from wework_message.domain.content import LocationContent, MergedContent, MergedItem, MessageType, QuotedContent
from wework_message.domain.ids import MessageId

_RECORD: Final = 16
_UUID_WITH_TIME: Final = 7
_TIME_SHIFT: Final = 80
"""The leading 48 of a UUIDv7's 128 bits are epoch milliseconds (RFC 9562)."""

_KINDS: Final[Mapping[MessageType, tuple[int, VendorFields]]] = {
    kind: (msg_type, VendorFields(fields))
    for kind, msg_type, fields in (
        (MessageType.TEXT, 2, "content"),
        (MessageType.LOCATION, 3, "longitude latitude address=location_address title=location_title"),
        (MessageType.LINK, 4, "title=link_title desc=link_description url=link_url image_url=link_image_url"),
        (MessageType.IMAGE, 5, "file_id size=file_size aes_key md5 image_width image_height"),
        (
            MessageType.VIDEO,
            7,
            "file_id size=file_size aes_key md5 file_name video_duration video_width video_height",
        ),
        (MessageType.FILE, 8, "file_id size=file_size aes_key md5 file_name"),
        (MessageType.CHANNEL_FEED, 14, CHANNEL_FEED),
        (
            MessageType.CHANNEL_LIVE,
            17,
            CHANNEL_LIVE,
        ),
    )
}


def quoted_item(content: QuotedContent, message_id: MessageId) -> dict[str, Any]:
    """The copy of the quoted message. Raises `ValueError` as `merged_items` does."""
    return _item(content, message_id)


def merged_items(content: MergedContent, message_id: MessageId) -> list[dict[str, Any]]:
    """The items of a merged record, including nested ones.

    An item without a time gets the time of acceptance, which `message_id` contains. Raises `ValueError` for such an item if
    `message_id` is no UUIDv7.
    """
    return [{**_item(item, message_id), **_author(item, message_id)} for item in content.messages]


def _item(content: QuotedContent | MergedItem, message_id: MessageId) -> dict[str, Any]:
    if isinstance(content, MergedContent):
        return {"msg_type": _RECORD, "message_list": merged_items(content, message_id)}
    msg_type, fields = _KINDS[content.message_type]
    item = {"msg_type": msg_type, **fields.of(content)}
    if isinstance(content, LocationContent):
        item["zoom"] = round(content.location_zoom)
    return item


def _author(item: MergedItem, message_id: MessageId) -> dict[str, Any]:
    """The author and the time of an item; the schema calls the author `sender_user_id`."""
    sent_at = item.send_time
    return {
        "sender_user_id": item.sender_user_id,
        "sender_name": item.sender_name,
        "sendtime": _accepted_s(message_id) if sent_at is None else int(sent_at.timestamp()),
    }


def _accepted_s(message_id: MessageId) -> int:
    parsed = uuid.UUID(message_id)
    if parsed.version != _UUID_WITH_TIME:
        raise ValueError("only a UUIDv7 tells when the message was accepted")
    return (parsed.int >> _TIME_SHIFT) // 1_000
