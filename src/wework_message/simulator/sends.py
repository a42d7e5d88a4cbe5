"""The vendor's send endpoints: the fields that a message needs beyond the schema, and the types under which it comes back."""

from typing import Final, NamedTuple


class Send(NamedTuple):
    """One send endpoint."""

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
    "/msg/send_text": Send(2, 2, ("content",)),
    "/msg/send_image": Send(14, 5, (*_MEDIA, "image_width", "image_height")),
    "/msg/send_video": Send(
        23, 7, ("file_id", "size", "file_name", "aes_key", "md5", "video_duration", "video_width", "video_height")
    ),
    "/msg/send_big_video": Send(23, 7, ("file_id", "size", "file_name", "md5", "video_duration", *_PREVIEW)),
    "/msg/send_file": Send(15, 8, ("file_id", "size", "file_name", "md5")),
    "/msg/send_voice": Send(16, 6, ("file_id", "size", "voice_time", "aes_key", "md5")),
    "/msg/send_link": Send(13, 4, ("title", "url")),
    "/msg/send_weapp": Send(78, 12, ("username", "appid", "appname", "title", "page_path", *_MEDIA)),
    "/msg/send_personal_card": Send(41, 11, ("user_id",)),
    "/msg/send_location": Send(6, 3, ("longitude", "latitude", "title")),
    "/msg/send_gif": Send(29, 10, (*_GIF, "file_id", "size", "aes_key")),
    "/msg/send_gif_url": Send(29, 10, _GIF),
    "/msg/send_room_at": Send(2, 2, ("content", "at_list")),
    "/msg/send_quote_msg": Send(2, 2, ("content", *_QUOTED)),
    "/msg/send_forward_msg": Send(40, 16, ("message_list",)),
    "/msg/send_feed_video": Send(141, 14, _FEED),
    "/msg/send_feed_live": Send(141, 17, (*_FEED, "object_id", "object_nonce_id")),
    "/msg/send_finder_product": Send(145, 19, ("content",)),
}
"""By path."""
