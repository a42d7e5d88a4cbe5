"""The vendor's endpoints that act on messages; of the send endpoints the fields that a message needs beyond the schema, and the types under which it comes back."""

from typing import Final, NamedTuple

READ_MARK: Final = "/msg/report_unread"
RECALL: Final = "/msg/revoke_msg"
MASS_SEND: Final = "/msg/send_group_msg"


class Send(NamedTuple):
    """One send endpoint."""

    type: str
    """The type of its message, as the contract names it."""
    content_type: int
    """The raw content type of its message; known only for 2 and 14, invented else."""
    msg_type: int
    """The normalised type of its message."""
    needed: tuple[str, ...]
    """Fields without which its message makes no sense."""


_MEDIA: Final = ("file_id", "size", "aes_key", "md5")
_FEED: Final = ("feed_type", "nickname", "desc", "url", "cover_url")
_GIF: Final = ("url", "md5", "image_width", "image_height")
_QUOTED: Final = ("quote", "appinfo", "content_type", "sender", "sender_name", "message")
_PREVIEW: Final = tuple(f"preview_image_{part}" for part in ("url", "width", "height", "size", "md5"))

SENDS: Final[dict[str, Send]] = {
    "/msg/send_text": Send("TEXT", 2, 2, ("content",)),
    "/msg/send_image": Send("IMAGE", 14, 5, (*_MEDIA, "image_width", "image_height")),
    "/msg/send_video": Send(
        "VIDEO",
        23,
        7,
        ("file_id", "size", "file_name", "aes_key", "md5", "video_duration", "video_width", "video_height"),
    ),
    "/msg/send_big_video": Send(
        "BIG_VIDEO", 23, 7, ("file_id", "size", "file_name", "md5", "video_duration", *_PREVIEW)
    ),
    "/msg/send_file": Send("FILE", 15, 8, ("file_id", "size", "file_name", "md5")),
    "/msg/send_voice": Send("VOICE", 16, 6, ("file_id", "size", "voice_time", "aes_key", "md5")),
    "/msg/send_link": Send("LINK", 13, 4, ("title", "url")),
    "/msg/send_weapp": Send("MINIPROGRAM", 78, 12, ("username", "appid", "appname", "title", "page_path", *_MEDIA)),
    "/msg/send_personal_card": Send("CONTACT", 41, 11, ("user_id",)),
    "/msg/send_location": Send("LOCATION", 6, 3, ("longitude", "latitude", "title")),
    "/msg/send_gif": Send("GIF", 29, 10, (*_GIF, "file_id", "size", "aes_key")),
    "/msg/send_gif_url": Send("GIF", 29, 10, _GIF),
    "/msg/send_room_at": Send("MENTION", 2, 2, ("content", "at_list")),
    "/msg/send_quote_msg": Send("QUOTE", 2, 2, ("content", *_QUOTED)),
    "/msg/send_forward_msg": Send("MERGED", 40, 16, ("message_list",)),
    "/msg/send_feed_video": Send("CHANNEL_FEED", 141, 14, _FEED),
    "/msg/send_feed_live": Send("CHANNEL_LIVE", 141, 17, (*_FEED, "object_id", "object_nonce_id")),
    "/msg/send_finder_product": Send("SHOP_PRODUCT", 145, 19, ("content",)),
}
"""By path."""

TYPES: Final = frozenset(send.type for send in SENDS.values())
"""All message types; a GIF has two endpoints."""
