"""Requests of sends: the endpoint and its body (P-3)."""

from dataclasses import dataclass
from typing import Any, Final, assert_never

import msgspec

from wework_message.adapters.guxing.items import merged_items, quoted_item
from wework_message.adapters.guxing.table import CHANNEL_FEED, CHANNEL_LIVE, VendorFields
from wework_message.adapters.guxing.wire import SendText
from wework_message.domain.content import (
    BigVideoContent,
    ChannelFeedContent,
    ChannelLiveContent,
    ContactContent,
    Content,
    FileContent,
    GifContent,
    ImageContent,
    LinkContent,
    LocationContent,
    MentionContent,
    MergedContent,
    MiniProgramContent,
    QuoteContent,
    ShopProductContent,
    TextContent,
    VideoContent,
    VoiceContent,
)
from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import MessageId
from wework_message.domain.media.needs import needs
from wework_message.domain.ports.gateway import Dispatch

EVERYBODY: Final = "0"
"""Our entry of `at_list` for everybody; in a mention the vendor documents the integer 0."""

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """An endpoint whose body is the fields of the content under the vendor's names."""

    path: str
    fields: VendorFields

    def request(self, content: Content) -> tuple[str, dict[str, Any]]:
        return self.path, self.fields.of(content)


_IMAGE: Final = _Endpoint(
    "/msg/send_image", VendorFields("file_id size=file_size image_width image_height aes_key md5 is_hd")
)
VIDEO: Final = _Endpoint(
    "/msg/send_video",
    VendorFields("file_id size=file_size file_name aes_key md5 video_duration video_width video_height"),
)
_BIG_VIDEO: Final = _Endpoint(
    "/msg/send_big_video",
    VendorFields(
        "file_id size=file_size file_name md5 video_duration preview_image_url preview_image_width"
        " preview_image_height preview_image_size preview_image_md5"
    ),
)
FILE: Final = _Endpoint("/msg/send_file", VendorFields("file_id size=file_size file_name aes_key md5"))
_VOICE: Final = _Endpoint("/msg/send_voice", VendorFields("file_id size=file_size voice_time aes_key md5"))
LINK: Final = _Endpoint(
    "/msg/send_link",
    VendorFields("title=link_title description=link_description url=link_url image_url=link_image_url"),
)
MINIPROGRAM: Final = _Endpoint(
    "/msg/send_weapp",
    VendorFields(
        "username=mini_program_username appid=mini_program_app_id appname=mini_program_app_name"
        " appicon=mini_program_app_icon title=mini_program_title page_path=mini_program_page_path"
        " file_id size=file_size aes_key md5"
    ),
)
_CONTACT: Final = _Endpoint("/msg/send_personal_card", VendorFields("user_id=contact_user_id"))
_LOCATION: Final = _Endpoint(
    "/msg/send_location",
    VendorFields("longitude latitude address=location_address title=location_title zoom=location_zoom"),
)
_CHANNEL_FEED: Final = _Endpoint("/msg/send_feed_video", VendorFields(CHANNEL_FEED))
_CHANNEL_LIVE: Final = _Endpoint("/msg/send_feed_live", VendorFields(CHANNEL_LIVE))
_GIF_URL: Final = _Endpoint("/msg/send_gif_url", VendorFields("url=gif_url md5 image_width image_height"))
_GIF_CDN: Final = _Endpoint(
    "/msg/send_gif", VendorFields("file_id size=file_size aes_key md5 url=gif_url image_width image_height")
)


def build_request(dispatch: Dispatch) -> tuple[str, bytes]:
    """Path and body of one send.

    Raises `ValueError` for an incomplete content: a quote without the quoted message, one that names media assets and not their
    handles, or an item of a record that needs the time of acceptance while the message id is no UUIDv7.
    """
    content = dispatch.content
    if isinstance(content, TextContent):  # most messages are texts: one Struct, no dictionaries
        return "/msg/send_text", _encode(SendText(dispatch.guid, dispatch.conversation_id, content.content))
    if needs(content):
        raise ValueError("media assets have no handle yet")
    path, body = _request(content, dispatch.message_id)
    return path, _encode({"guid": dispatch.guid, "conversation_id": dispatch.conversation_id, **body})


def _request(  # noqa: C901, PLR0911, PLR0912 -- one case per type, and mypy reports a missing one
    content: Content, message_id: MessageId
) -> tuple[str, dict[str, Any]]:
    match content:
        case TextContent():
            return "/msg/send_text", {"content": content.content}
        case ImageContent():
            return _IMAGE.request(content)
        case VideoContent():
            return VIDEO.request(content)
        case BigVideoContent():
            return _BIG_VIDEO.request(content)
        case FileContent():
            return FILE.request(content)
        case VoiceContent():
            return _VOICE.request(content)
        case LinkContent():
            return LINK.request(content)
        case MiniProgramContent():
            return MINIPROGRAM.request(content)
        case ContactContent():
            return _CONTACT.request(content)
        case LocationContent():
            return _LOCATION.request(content)
        case GifContent():
            return (_GIF_CDN if content.file_id else _GIF_URL).request(content)
        case MentionContent():
            return "/msg/send_room_at", _mention(content)
        case QuoteContent():
            return "/msg/send_quote_msg", _quote(content, message_id)
        case MergedContent():
            return "/msg/send_forward_msg", {"message_list": merged_items(content, message_id)}
        case ChannelFeedContent():
            return _CHANNEL_FEED.request(content)
        case ChannelLiveContent():
            return _CHANNEL_LIVE.request(content)
        case ShopProductContent():
            return "/msg/send_finder_product", _shop_product(content)
        case MassContent():
            raise ValueError("a mass send is a call for many")
        case _:
            assert_never(content)


def _mention(content: MentionContent) -> dict[str, Any]:
    return {"content": content.content, "at_list": [0 if entry == EVERYBODY else entry for entry in content.at_list]}


def _quote(content: QuoteContent, message_id: MessageId) -> dict[str, Any]:
    if content.quote_message is None:
        raise ValueError("a quote needs the quoted message")
    body: dict[str, Any] = {
        "quote": content.quote_content,
        "content": content.content,
        "appinfo": content.quote_app_info,
        "content_type": content.quote_content_type,
        "sender": content.quote_sender,
        "sender_name": content.quote_sender_name,
    }
    if None in body.values():
        raise ValueError("a quote needs everything about the quoted message")
    body["message"] = quoted_item(content.quote_message, message_id)
    body["at_list"] = list(content.at_list)
    return body


def _shop_product(content: ShopProductContent) -> dict[str, Any]:
    product = msgspec.structs.asdict(content.product)  # its Python names are those of the vendor
    return {"content": {**product, "shop_info": msgspec.structs.asdict(content.product.shop_info)}}
