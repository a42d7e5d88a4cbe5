"""What a message says: one frozen Struct per type, and the JSON in which REST, storage and queue all carry it.

The JSON is flat and tagged: ``{"messageType": "TEXT", "content": "..."}``. Whoever builds a content, decoder or Python
code, gets a valid one or `InvalidValueError` naming the field in its JSON spelling (inside msgspec: `ValidationError`).
Optional texts are ``""`` where absent. Sizes are bytes, dimensions pixels, durations seconds (the vendor's unit).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias, get_args

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from wework_message.domain.content_rules import FIELD_RULES, MAX_MERGED_DEPTH, TOGETHER, Check
from wework_message.domain.errors import InvalidValueError


class MessageType(StrEnum):
    """The 17 types a provider can send, and MIXED, which is an ordered list of parts and no content."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    BIG_VIDEO = "BIG_VIDEO"
    FILE = "FILE"
    VOICE = "VOICE"
    LINK = "LINK"
    MINIPROGRAM = "MINIPROGRAM"
    CONTACT = "CONTACT"
    LOCATION = "LOCATION"
    GIF = "GIF"
    MENTION = "MENTION"
    QUOTE = "QUOTE"
    MERGED = "MERGED"
    CHANNEL_FEED = "CHANNEL_FEED"
    CHANNEL_LIVE = "CHANNEL_LIVE"
    SHOP_PRODUCT = "SHOP_PRODUCT"
    MIXED = "MIXED"


@cache
def _plan(kind: type[Struct]) -> tuple[tuple[str, str, Check, Any], ...]:
    """Attribute, JSON name, check and default of every field that has a check."""
    required = len(kind.__struct_fields__) - len(kind.__struct_defaults__)
    defaults = (NODEFAULT,) * required + kind.__struct_defaults__
    return tuple(
        (attribute, name, FIELD_RULES[name], default)
        for attribute, name, default in zip(
            kind.__struct_fields__, kind.__struct_encode_fields__, defaults, strict=True
        )
        if name in FIELD_RULES
    )


@cache
def _type_of(kind: type[Struct]) -> MessageType:
    return MessageType(str(kind.__struct_config__.tag))


class _Checked(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A value whose fields hold what `FIELD_RULES` allows."""

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first field that breaks its rule."""
        for attribute, name, check, default in _plan(type(self)):
            value = getattr(self, attribute)
            if value != default and (problem := check(value)) is not None:
                raise InvalidValueError(name, problem)


class _Content(_Checked, frozen=True, kw_only=True, tag_field="messageType"):
    @property
    def message_type(self) -> MessageType:
        """The type; an item of a merged record has the type of what it holds."""
        return _type_of(type(self))


class _Linked(_Content, frozen=True, kw_only=True):
    """A content some of whose fields depend on each other."""

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first rule that is broken."""
        super().__post_init__()
        names = zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True)
        values = {name: getattr(self, attribute) for attribute, name in names}
        for name, problem in TOGETHER[self.message_type](values):
            raise InvalidValueError(name, problem)


class TextContent(_Content, frozen=True, kw_only=True, tag="TEXT"):
    """Plain text."""

    content: str


class ImageContent(_Content, frozen=True, kw_only=True, tag="IMAGE"):
    """A picture in the provider's CDN."""

    file_id: str
    file_size: int
    aes_key: str
    md5: str
    image_width: int
    image_height: int
    is_hd: bool = False


class VideoContent(_Content, frozen=True, kw_only=True, tag="VIDEO"):
    """A video of at most 20 MB."""

    file_id: str
    file_size: int
    file_name: str
    aes_key: str
    md5: str
    video_duration: int
    video_width: int
    video_height: int


class BigVideoContent(_Content, frozen=True, kw_only=True, tag="BIG_VIDEO"):
    """A video above 20 MB, with its preview picture."""

    file_id: str
    file_size: int
    file_name: str
    md5: str
    video_duration: int
    preview_image_url: str
    preview_image_width: int
    preview_image_height: int
    preview_image_size: int
    preview_image_md5: str


class FileContent(_Linked, frozen=True, kw_only=True, tag="FILE"):
    """A file of any size; `aes_key` is empty above 20,000,000 bytes and required up to there."""

    file_id: str
    file_size: int
    file_name: str
    md5: str
    aes_key: str = ""


class VoiceContent(_Content, frozen=True, kw_only=True, tag="VOICE"):
    """A voice note (silk)."""

    file_id: str
    file_size: int
    voice_time: int
    aes_key: str
    md5: str


class LinkContent(_Content, frozen=True, kw_only=True, tag="LINK"):
    """A link card."""

    link_title: str
    link_url: str
    link_description: str = ""
    link_image_url: str = ""


class MiniProgramContent(_Content, frozen=True, kw_only=True, tag="MINIPROGRAM"):
    """A mini-program card; the file fields describe its cover."""

    mini_program_username: str
    mini_program_app_id: str
    mini_program_app_name: str
    mini_program_title: str
    mini_program_page_path: str
    file_id: str
    file_size: int
    aes_key: str
    md5: str
    mini_program_app_icon: str = ""


class ContactContent(_Content, frozen=True, kw_only=True, tag="CONTACT"):
    """A person's card."""

    contact_user_id: str


class LocationContent(_Content, frozen=True, kw_only=True, tag="LOCATION"):
    """A place, in degrees."""

    longitude: float
    latitude: float
    location_title: str
    location_address: str = ""
    location_zoom: float = 15.0


class GifContent(_Linked, frozen=True, kw_only=True, tag="GIF"):
    """A moving picture by its URL, or, with all three file fields, in the CDN."""

    gif_url: str
    md5: str
    image_width: int
    image_height: int
    file_id: str = ""
    file_size: int | None = None
    aes_key: str = ""


class MentionContent(_Content, frozen=True, kw_only=True, tag="MENTION"):
    """Text that mentions members of a room; ``"0"`` in `at_list` is everybody, ``{$@}`` in `content` its place."""

    content: str
    at_list: tuple[str, ...]


class QuoteContent(_Linked, frozen=True, kw_only=True, tag="QUOTE"):
    """An answer to a message: to one of ours by `quote_message_id`, or to any by all the other `quote_*` fields.

    Where only the id is given, the application fills the rest from what is stored before it keeps the message.
    """

    content: str
    quote_message_id: str | None = None
    quote_content: str | None = None
    quote_app_info: str | None = None
    quote_content_type: int | None = None
    """The vendor's integer of the quoted message."""
    quote_sender: str | None = None
    quote_sender_name: str | None = None
    quote_message: "QuotedContent | None" = None
    at_list: tuple[str, ...] = ()
    """Mentions; in rooms only."""


class MergedContent(_Content, frozen=True, kw_only=True, tag="MERGED"):
    """A chat record of 1-100 items; records may hold records, `MAX_MERGED_DEPTH` deep."""

    messages: "tuple[MergedItem, ...]"

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first field that breaks its rule."""
        super().__post_init__()
        if self.depth > MAX_MERGED_DEPTH:
            raise InvalidValueError("messages", f"records may be {MAX_MERGED_DEPTH} deep")

    @property
    def depth(self) -> int:
        """1 for a record without records."""
        return 1 + max((item.depth for item in self.messages if isinstance(item, MergedContent)), default=0)


class ChannelFeedContent(_Content, frozen=True, kw_only=True, tag="CHANNEL_FEED"):
    """A Channels (视频号) post, copied from a received card."""

    channel_feed_type: int
    channel_nickname: str
    channel_description: str
    channel_url: str
    channel_cover_url: str
    channel_thumb_url: str = ""
    channel_avatar: str = ""
    channel_extras: str = ""


class ChannelLiveContent(_Content, frozen=True, kw_only=True, tag="CHANNEL_LIVE"):
    """A Channels (视频号) live, copied from a received card."""

    channel_feed_type: int
    channel_nickname: str
    channel_description: str
    channel_url: str
    channel_cover_url: str
    channel_object_id: str
    channel_object_nonce_id: str
    channel_thumb_url: str = ""
    channel_avatar: str = ""
    channel_extras: str = ""


class ShopInfo(_Checked, frozen=True, kw_only=True):
    """The shop of a product."""

    shop_id: str
    url: str
    extra_info: str


class ShopProduct(_Checked, frozen=True, kw_only=True):
    """A WeChat shop (微信小店) product; every key is needed, those without meaning for a product are ``""``."""

    finder_live_id: str
    finder_username: str
    finder_object_id: str
    finder_nonce_id: str
    product_appid: str
    product_page_path: str
    product_id: str
    product_cover_url: str
    product_title: str
    product_desc: str
    product_price: str
    platform_headimg: str
    platform_nickname: str
    shop_info: ShopInfo


class ShopProductContent(_Content, frozen=True, kw_only=True, tag="SHOP_PRODUCT"):
    """A product card."""

    product: ShopProduct


SentAt: TypeAlias = Annotated[datetime, Meta(tz=True)] | None
"""ISO-8601 with zone; None = the time at which the message was accepted."""


# The items of a record are contents that also name their author. `sender_user_id` "" = the sending account.


class MergedText(TextContent, frozen=True, kw_only=True, tag="TEXT"):
    """A text in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


class MergedLocation(LocationContent, frozen=True, kw_only=True, tag="LOCATION"):
    """A place in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


class MergedLink(LinkContent, frozen=True, kw_only=True, tag="LINK"):
    """A link card in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


class MergedImage(ImageContent, frozen=True, kw_only=True, tag="IMAGE"):
    """A picture in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


class MergedVideo(VideoContent, frozen=True, kw_only=True, tag="VIDEO"):
    """A video in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


class MergedFile(FileContent, frozen=True, kw_only=True, tag="FILE"):
    """A file in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


class MergedChannelFeed(ChannelFeedContent, frozen=True, kw_only=True, tag="CHANNEL_FEED"):
    """A Channels post in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


class MergedChannelLive(ChannelLiveContent, frozen=True, kw_only=True, tag="CHANNEL_LIVE"):
    """A Channels live in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


class MergedRecord(MergedContent, frozen=True, kw_only=True, tag="MERGED"):
    """A record in a record."""

    sender_name: str
    sender_user_id: str = ""
    send_time: SentAt = None


MergedItem: TypeAlias = (
    MergedText
    | MergedLocation
    | MergedLink
    | MergedImage
    | MergedVideo
    | MergedFile
    | MergedChannelFeed
    | MergedChannelLive
    | MergedRecord
)

QuotedContent: TypeAlias = (
    TextContent | LocationContent | LinkContent | ImageContent | VideoContent | FileContent | MergedContent
)
"""What a quote can carry (provider contract section 3, msg_type 2, 3, 4, 5, 7, 8, 16)."""

Content: TypeAlias = (
    TextContent
    | ImageContent
    | VideoContent
    | BigVideoContent
    | FileContent
    | VoiceContent
    | LinkContent
    | MiniProgramContent
    | ContactContent
    | LocationContent
    | GifContent
    | MentionContent
    | QuoteContent
    | MergedContent
    | ChannelFeedContent
    | ChannelLiveContent
    | ShopProductContent
)


def _by_type(union: Any) -> Mapping[str, type[Struct]]:
    return MappingProxyType({str(kind.__struct_config__.tag): kind for kind in get_args(union)})


CONTENTS: Final = _by_type(Content)
"""`messageType` and the Struct of a message."""
MERGED_ITEMS: Final = _by_type(MergedItem)
"""`messageType` and the Struct of an item in a record."""
QUOTABLE: Final = _by_type(QuotedContent)
"""`messageType` and the Struct of what a quote carries."""

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Content)


def encode_content(content: Content) -> bytes:
    """The stored form: JSON with every field present, in the order of the Struct."""
    return _encoder.encode(content)


def decode_content(stored: bytes | str) -> Content:
    """Read the stored form; raises `msgspec.ValidationError` or `msgspec.DecodeError` if it is no content."""
    decoded: Content = _decoder.decode(stored)
    return decoded
