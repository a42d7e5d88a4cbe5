"""Requests of sends: which endpoint, and the body it wants (provider contract section 3)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

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
from wework_message.domain.ports.gateway import Dispatch

EVERYBODY: Final = "0"
"""Our entry of `at_list` for everybody; the vendor documents the integer 0 for it in a mention."""

_encode: Final = msgspec.json.Encoder().encode

_ROUTES: Final[Mapping[type[Any], tuple[str, VendorFields]]] = {
    kind: (path, VendorFields(fields))
    for kind, path, fields in (
        (
            ImageContent,
            "/msg/send_image",
            "file_id size=file_size image_width image_height aes_key md5 is_hd",
        ),
        (
            VideoContent,
            "/msg/send_video",
            "file_id size=file_size file_name aes_key md5 video_duration video_width video_height",
        ),
        (
            BigVideoContent,
            "/msg/send_big_video",
            (
                "file_id size=file_size file_name md5 video_duration preview_image_url preview_image_width"
                " preview_image_height preview_image_size preview_image_md5"
            ),
        ),
        (FileContent, "/msg/send_file", "file_id size=file_size file_name aes_key md5"),
        (VoiceContent, "/msg/send_voice", "file_id size=file_size voice_time aes_key md5"),
        (
            LinkContent,
            "/msg/send_link",
            "title=link_title description=link_description url=link_url image_url=link_image_url",
        ),
        (
            MiniProgramContent,
            "/msg/send_weapp",
            (
                "username=mini_program_username appid=mini_program_app_id appname=mini_program_app_name"
                " appicon=mini_program_app_icon title=mini_program_title page_path=mini_program_page_path"
                " file_id size=file_size aes_key md5"
            ),
        ),
        (ContactContent, "/msg/send_personal_card", "user_id=contact_user_id"),
        (
            LocationContent,
            "/msg/send_location",
            "longitude latitude address=location_address title=location_title zoom=location_zoom",
        ),
        (ChannelFeedContent, "/msg/send_feed_video", CHANNEL_FEED),
        (
            ChannelLiveContent,
            "/msg/send_feed_live",
            CHANNEL_LIVE,
        ),
    )
}
"""Contents whose body is their own fields under the vendor's names."""

_GIF_URL: Final = VendorFields("url=gif_url md5 image_width image_height")
_GIF_CDN: Final = VendorFields("file_id size=file_size aes_key md5 url=gif_url image_width image_height")


def build_request(dispatch: Dispatch) -> tuple[str, bytes]:
    """Path and body of one send.

    Raises `ValueError` for a content that is not whole: a quote that nobody filled, or an item of a record that shall
    bear the time of acceptance while the message id is no UUIDv7, which tells it.
    """
    content = dispatch.content
    if isinstance(content, TextContent):  # most messages are texts: one Struct, no dictionaries
        return "/msg/send_text", _encode(SendText(dispatch.guid, dispatch.conversation_id, content.content))
    if (route := _ROUTES.get(type(content))) is not None:
        path, fields = route
        body = fields.of(content)
    else:
        path, body = _SPECIAL[type(content)](content, dispatch)
    return path, _encode({"guid": dispatch.guid, "conversation_id": dispatch.conversation_id, **body})


def _gif(content: GifContent, _dispatch: Dispatch) -> tuple[str, dict[str, Any]]:
    if content.file_id:
        return "/msg/send_gif", _GIF_CDN.of(content)
    return "/msg/send_gif_url", _GIF_URL.of(content)


def _mention(content: MentionContent, _dispatch: Dispatch) -> tuple[str, dict[str, Any]]:
    at_list = [0 if entry == EVERYBODY else entry for entry in content.at_list]
    return "/msg/send_room_at", {"content": content.content, "at_list": at_list}


def _quote(content: QuoteContent, dispatch: Dispatch) -> tuple[str, dict[str, Any]]:
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
    body["message"] = quoted_item(content.quote_message, dispatch.message_id)
    body["at_list"] = list(content.at_list)
    return "/msg/send_quote_msg", body


def _merged(content: MergedContent, dispatch: Dispatch) -> tuple[str, dict[str, Any]]:
    return "/msg/send_forward_msg", {"message_list": merged_items(content, dispatch.message_id)}


def _shop_product(content: ShopProductContent, _dispatch: Dispatch) -> tuple[str, dict[str, Any]]:
    product = msgspec.structs.asdict(content.product)  # its Python names are the vendor's
    return "/msg/send_finder_product", {
        "content": {**product, "shop_info": msgspec.structs.asdict(content.product.shop_info)}
    }


_SPECIAL: Final[Mapping[type[Content], Callable[[Any, Dispatch], tuple[str, dict[str, Any]]]]] = {
    GifContent: _gif,
    MentionContent: _mention,
    QuoteContent: _quote,
    MergedContent: _merged,
    ShopProductContent: _shop_product,
}
"""Contents whose body, or endpoint, depends on more than one field."""
