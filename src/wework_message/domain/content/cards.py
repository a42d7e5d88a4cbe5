"""Contents that the client shows as a card."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from msgspec import UNSET, UnsetType

from wework_message.domain.content.base import Checked, ContentBase
from wework_message.domain.content.files import WithFile
from wework_message.domain.content.media import FILE_EXAMPLE, FILE_HANDLE
from wework_message.domain.content.rules import (
    Between,
    Digest,
    Key,
    Latitude,
    Longitude,
    MaybeReceived,
    Number,
    Size,
    Url,
    UserId,
)


class LinkContent(ContentBase, frozen=True, kw_only=True, tag="LINK"):
    """A link card."""

    link_title: Key
    link_url: Url
    link_description: Key = ""
    link_image_url: Url = ""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "linkTitle": "News",
        "linkUrl": "https://www.example.com/a?b=c#d",
        "linkDescription": "What is new",
        "linkImageUrl": "https://www.example.com/a.png",
    }


class MiniProgramContent(WithFile, frozen=True, kw_only=True, tag="MINIPROGRAM"):
    """A mini-program card; the file fields describe its cover."""

    mini_program_username: Key
    mini_program_app_id: Key
    mini_program_app_name: Key
    mini_program_title: Key
    mini_program_page_path: Key
    file_id: Key | UnsetType = UNSET
    file_size: Size | UnsetType = UNSET
    aes_key: Key | UnsetType = UNSET
    md5: Digest | UnsetType = UNSET
    mini_program_app_icon: Url = ""

    HANDLE: ClassVar = FILE_HANDLE

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        **FILE_EXAMPLE,
        "miniProgramUsername": "gh_0123456789ab@app",
        "miniProgramAppId": "wx0123456789abcdef",
        "miniProgramAppName": "商城",
        "miniProgramAppIcon": "https://www.example.com/icon.png",
        "miniProgramTitle": "今日特价",
        "miniProgramPagePath": "pages/index.html?id=1",
    }


class ContactContent(ContentBase, frozen=True, kw_only=True, tag="CONTACT"):
    """A person's card."""

    contact_user_id: UserId

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"contactUserId": "7881301000000002"}


class LocationContent(ContentBase, frozen=True, kw_only=True, tag="LOCATION"):
    """A place, in degrees."""

    longitude: Longitude
    latitude: Latitude
    location_title: Key
    location_address: Key = ""
    location_zoom: Annotated[float, Between(1, 30)] = 15.0

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "longitude": 113.264385,
        "latitude": 23.129112,
        "locationTitle": "广州塔",
        "locationAddress": "海珠区阅江西路222号",
        "locationZoom": 16.5,
    }


_FEED_EXAMPLE: Final[Mapping[str, Any]] = {
    "channelFeedType": 4,
    "channelNickname": "官方号",
    "channelDescription": "新品发布",
    "channelUrl": "https://channels.example/feed/1",
    "channelCoverUrl": "https://channels.example/cover/1.jpg",
    "channelThumbUrl": "https://channels.example/thumb/1.jpg",
    "channelAvatar": "https://channels.example/avatar/1.jpg",
    "channelExtras": "CAESBHRlc3Q=",
}


class ChannelFeedContent(ContentBase, frozen=True, kw_only=True, tag="CHANNEL_FEED"):
    """A Channels (视频号) post, copied from a received card."""

    channel_feed_type: Number
    channel_nickname: Key
    channel_description: Key
    channel_url: Url
    channel_cover_url: Url
    channel_thumb_url: Url = ""
    channel_avatar: Url = ""
    channel_extras: MaybeReceived = ""

    EXAMPLE: ClassVar[Mapping[str, Any]] = _FEED_EXAMPLE


class ChannelLiveContent(ContentBase, frozen=True, kw_only=True, tag="CHANNEL_LIVE"):
    """A Channels (视频号) live, copied from a received card."""

    channel_feed_type: Number
    channel_nickname: Key
    channel_description: Key
    channel_url: Url
    channel_cover_url: Url
    channel_object_id: Key
    channel_object_nonce_id: Key
    channel_thumb_url: Url = ""
    channel_avatar: Url = ""
    channel_extras: MaybeReceived = ""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        **_FEED_EXAMPLE,
        "channelFeedType": 9,
        "channelObjectId": "14210",
        "channelObjectNonceId": "1421_0_2",
    }


class ShopInfo(Checked, frozen=True, kw_only=True):
    """The shop of a product."""

    shop_id: Key
    url: MaybeReceived
    extra_info: MaybeReceived


class ShopProduct(Checked, frozen=True, kw_only=True):
    """A WeChat shop (微信小店) product; every key is required; keys without meaning for a product are ``""``."""

    finder_live_id: MaybeReceived
    finder_username: MaybeReceived
    finder_object_id: MaybeReceived
    finder_nonce_id: MaybeReceived
    product_appid: Key
    product_page_path: Key
    product_id: Key
    product_cover_url: Url
    product_title: Key
    product_desc: MaybeReceived
    product_price: Key
    platform_headimg: MaybeReceived
    platform_nickname: MaybeReceived
    shop_info: ShopInfo


class ShopProductContent(ContentBase, frozen=True, kw_only=True, tag="SHOP_PRODUCT"):
    """A product card."""

    product: ShopProduct

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "product": {
            "finderLiveId": "2060",
            "finderUsername": "v2_060000@finder",
            "finderObjectId": "14211",
            "finderNonceId": "1421_0_3",
            "productAppid": "wx0123456789abcdef",
            "productPagePath": "pages/product.html?id=7",
            "productId": "7",
            "productCoverUrl": "https://shop.example/7.jpg",
            "productTitle": "茶杯",
            "productDesc": "白瓷",
            "productPrice": "29.90",
            "platformHeadimg": "https://shop.example/head.png",
            "platformNickname": "微信小店",
            "shopInfo": {"shopId": "42", "url": "https://shop.example/42", "extraInfo": "e30="},
        }
    }


CardContent: TypeAlias = (
    LinkContent
    | MiniProgramContent
    | ContactContent
    | LocationContent
    | ChannelFeedContent
    | ChannelLiveContent
    | ShopProductContent
)
