"""Contents of messages: one frozen Struct per type, and the JSON that REST, storage and queue share.

The JSON is flat and tagged: ``{"messageType": "TEXT", "content": "..."}``. Decoder and Python code get a valid content or
`InvalidValueError`, which names the field in its JSON spelling (inside msgspec: `ValidationError`). Optional texts are
``""`` where absent. Sizes are bytes, dimensions pixels, durations seconds (the vendor's unit).

A type is described once: its name in `MessageType`, and a Struct whose fields carry their rules and that holds an example.
Required fields, schemas, examples in the API document and test data follow from the Struct.
"""

from wework_message.domain.content.base import ContentBase, LinkedContent, rules_of
from wework_message.domain.content.cards import (
    CardContent,
    ChannelFeedContent,
    ChannelLiveContent,
    ContactContent,
    LinkContent,
    LocationContent,
    MiniProgramContent,
    ShopInfo,
    ShopProduct,
    ShopProductContent,
)
from wework_message.domain.content.catalogue import (
    CONTENTS,
    ERASED,
    MERGED_ITEMS,
    OBJECTS,
    QUOTABLE,
    Content,
    decode_content,
    encode_content,
)
from wework_message.domain.content.files import WithFile
from wework_message.domain.content.media import (
    BigVideoContent,
    FileContent,
    GifContent,
    ImageContent,
    MediaContent,
    VideoContent,
    VoiceContent,
)
from wework_message.domain.content.message_type import MessageType
from wework_message.domain.content.records import (
    QUOTED_FIELDS,
    MergedChannelFeed,
    MergedChannelLive,
    MergedContent,
    MergedFile,
    MergedImage,
    MergedItem,
    MergedLink,
    MergedLocation,
    MergedRecord,
    MergedText,
    MergedVideo,
    QuoteContent,
    QuotedContent,
)
from wework_message.domain.content.texts import MentionContent, TextContent

__all__ = [
    "CONTENTS",
    "ERASED",
    "MERGED_ITEMS",
    "OBJECTS",
    "QUOTABLE",
    "QUOTED_FIELDS",
    "BigVideoContent",
    "CardContent",
    "ChannelFeedContent",
    "ChannelLiveContent",
    "ContactContent",
    "Content",
    "ContentBase",
    "FileContent",
    "GifContent",
    "ImageContent",
    "LinkContent",
    "LinkedContent",
    "LocationContent",
    "MediaContent",
    "MentionContent",
    "MergedChannelFeed",
    "MergedChannelLive",
    "MergedContent",
    "MergedFile",
    "MergedImage",
    "MergedItem",
    "MergedLink",
    "MergedLocation",
    "MergedRecord",
    "MergedText",
    "MergedVideo",
    "MessageType",
    "MiniProgramContent",
    "QuoteContent",
    "QuotedContent",
    "ShopInfo",
    "ShopProduct",
    "ShopProductContent",
    "TextContent",
    "VideoContent",
    "VoiceContent",
    "WithFile",
    "decode_content",
    "encode_content",
    "rules_of",
]
