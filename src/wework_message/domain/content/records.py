"""Contents that hold other contents: records of a chat, and quotes.

Items of a record are contents that also name their author. `sender_user_id` "" = the sending account.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from msgspec import Meta

from wework_message.domain.content.base import ContentBase, LinkedContent
from wework_message.domain.content.cards import (
    ChannelFeedContent,
    ChannelLiveContent,
    LinkContent,
    LocationContent,
)
from wework_message.domain.content.media import FileContent, ImageContent, VideoContent
from wework_message.domain.content.rules import (
    MAX_MERGED_DEPTH,
    MAX_MERGED_ITEMS,
    Digest,
    Items,
    Key,
    Mentions,
    Number,
    Received,
    Text,
    UserId,
)
from wework_message.domain.content.texts import TextContent
from wework_message.domain.errors import InvalidValueError

SentAt: TypeAlias = Annotated[datetime, Meta(tz=True)] | None
"""ISO-8601 with zone; None = the time at which the message was accepted."""


class MergedContent(ContentBase, frozen=True, kw_only=True, tag="MERGED"):
    """A chat record of 1-100 items; records may hold records, `MAX_MERGED_DEPTH` deep."""

    messages: "Annotated[tuple[MergedItem, ...], Items(MAX_MERGED_ITEMS)]"

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "messages": [
            {
                "messageType": "TEXT",
                "content": "你好",
                "senderName": "小王",
                "senderUserId": "7881301000000002",
                "sendTime": "2025-08-08T10:15:30Z",
            },
            {
                "messageType": "MERGED",
                "senderName": "小李",
                "senderUserId": "7881301000000003",
                "sendTime": None,
                "messages": [
                    {**ChannelFeedContent.EXAMPLE, "messageType": "CHANNEL_FEED", "senderName": "小赵"},
                ],
            },
        ]
    }

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first field that breaks its rule."""
        super().__post_init__()
        if self.depth > MAX_MERGED_DEPTH:
            raise InvalidValueError("messages", f"records may be {MAX_MERGED_DEPTH} deep")

    @property
    def depth(self) -> int:
        """1 for a record without records."""
        return 1 + max((item.depth for item in self.messages if isinstance(item, MergedContent)), default=0)


class MergedText(TextContent, frozen=True, kw_only=True, tag="TEXT"):
    """A text in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
    send_time: SentAt = None


class MergedLocation(LocationContent, frozen=True, kw_only=True, tag="LOCATION"):
    """A place in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
    send_time: SentAt = None


class MergedLink(LinkContent, frozen=True, kw_only=True, tag="LINK"):
    """A link card in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
    send_time: SentAt = None


class MergedImage(ImageContent, frozen=True, kw_only=True, tag="IMAGE"):
    """A picture in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
    send_time: SentAt = None


class MergedVideo(VideoContent, frozen=True, kw_only=True, tag="VIDEO"):
    """A video in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
    send_time: SentAt = None


class MergedFile(FileContent, frozen=True, kw_only=True, tag="FILE"):
    """A file in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
    send_time: SentAt = None


class MergedChannelFeed(ChannelFeedContent, frozen=True, kw_only=True, tag="CHANNEL_FEED"):
    """A Channels post in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
    send_time: SentAt = None


class MergedChannelLive(ChannelLiveContent, frozen=True, kw_only=True, tag="CHANNEL_LIVE"):
    """A Channels live in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
    send_time: SentAt = None


class MergedRecord(MergedContent, frozen=True, kw_only=True, tag="MERGED"):
    """A record in a record."""

    sender_name: Key
    sender_user_id: UserId = ""
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
"""What a quote can carry (the vendor's msg_type 2, 3, 4, 5, 7, 8, 16)."""

QUOTED_FIELDS: Final = (
    "quoteContent", "quoteAppInfo", "quoteContentType", "quoteSender", "quoteSenderName", "quoteMessage",
)  # fmt: skip
"""Fields that a quote needs where it does not name one of our messages."""


class QuoteContent(LinkedContent, frozen=True, kw_only=True, tag="QUOTE"):
    """An answer to a message: to one of ours by `quote_message_id`, or to any by all the other `quote_*` fields.

    Where only the id is given, the application fills the other fields from the stored original before it stores the message.
    """

    content: Text
    quote_message_id: Digest | None = None
    quote_content: Text | None = None
    quote_app_info: Received | None = None
    quote_content_type: Number | None = None
    """The vendor's integer of the quoted message."""
    quote_sender: UserId | None = None
    quote_sender_name: Key | None = None
    quote_message: QuotedContent | None = None
    at_list: Mentions = ()
    """Mentions; in rooms only."""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "content": "同意",
        "quoteMessageId": "0197c2b2-7c1f-7c3e-9d5a-0123456789ab",
        "quoteContent": "周五聚餐?",
        "quoteAppInfo": "CIDAtMLsMxACGMfV",
        "quoteContentType": 2,
        "quoteSender": "7881301000000002",
        "quoteSenderName": "小王",
        "quoteMessage": {"messageType": "TEXT", "content": "周五聚餐?"},
        "atList": ["7881301000000002"],
    }

    @classmethod
    def linked_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        if values.get("quoteMessageId"):
            return
        missing = [name for name in QUOTED_FIELDS if values.get(name) is None]
        if len(missing) == len(QUOTED_FIELDS):
            yield "quoteMessageId", f"is required, or else all of {', '.join(QUOTED_FIELDS)}"
            return
        for name in missing:
            yield name, "is required where quoteMessageId is not given"
