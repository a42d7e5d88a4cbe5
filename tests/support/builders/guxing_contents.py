"""Contents with unusual values and forms, in addition to the examples of the types: both forms of a GIF and of a file, full records."""

from datetime import UTC, datetime
from typing import Final

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
    MergedChannelFeed,
    MergedChannelLive,
    MergedContent,
    MergedFile,
    MergedImage,
    MergedLink,
    MergedLocation,
    MergedRecord,
    MergedText,
    MergedVideo,
    MiniProgramContent,
    QuoteContent,
    ShopInfo,
    ShopProduct,
    ShopProductContent,
    TextContent,
    VideoContent,
    VoiceContent,
)

_AT: Final = datetime(2025, 1, 20, 11, 33, 48, tzinfo=UTC)

IMAGE: Final = ImageContent(
    file_id="3069-image", file_size=772_458, aes_key="key-i", md5="md5-i", image_width=600, image_height=800, is_hd=True
)
LOCATION: Final = LocationContent(
    longitude=116.39, latitude=39.9, location_title="天安门", location_address="东长安街", location_zoom=15.0
)
LINK: Final = LinkContent(
    link_title="百度一下",
    link_url="https://example.com/",
    link_description="description of the link",
    link_image_url="https://example.com/i.png",
)
RECORD: Final = MergedContent(
    messages=(
        MergedText(content="文本消息", sender_name="甲", sender_user_id="1688850000000001", send_time=_AT),
        MergedLocation(longitude=116.39, latitude=39.9, location_title="天安门", sender_name="乙", location_zoom=14.6),
        MergedLink(
            link_title="t", link_url="https://example.com/", link_description="d", sender_name="乙", send_time=_AT
        ),
        MergedImage(
            file_id="f",
            file_size=1,
            aes_key="k",
            md5="m",
            image_width=2,
            image_height=3,
            sender_name="甲",
            send_time=_AT,
        ),
        MergedVideo(
            file_id="f",
            file_size=1,
            file_name="a.mp4",
            aes_key="k",
            md5="m",
            video_duration=14,
            video_width=800,
            video_height=450,
            sender_name="甲",
            send_time=_AT,
        ),
        MergedFile(file_id="f", file_size=1, file_name="a.pdf", md5="m", aes_key="k", sender_name="甲", send_time=_AT),
        MergedChannelFeed(
            channel_feed_type=4,
            channel_nickname="n",
            channel_description="d",
            channel_url="https://example.com/u",
            channel_cover_url="https://example.com/c",
            sender_name="甲",
            send_time=_AT,
        ),
        MergedChannelLive(
            channel_feed_type=9,
            channel_nickname="n",
            channel_description="d",
            channel_url="https://example.com/u",
            channel_cover_url="https://example.com/c",
            channel_object_id="o",
            channel_object_nonce_id="nonce",
            sender_name="甲",
            send_time=_AT,
        ),
        MergedRecord(
            messages=(MergedText(content="嵌套文本消息", sender_name="丙", send_time=_AT),),
            sender_name="甲",
            send_time=_AT,
        ),
    )
)


def _quote(message: TextContent | LocationContent | LinkContent | ImageContent | MergedContent) -> QuoteContent:
    return QuoteContent(
        content="测试引用消息",
        quote_content="引用消息",
        quote_app_info="CAUQ/uWVwgYY",
        quote_content_type=2,
        quote_sender="7881300000000011",
        quote_sender_name="Hanson",
        quote_message=message,
        at_list=("7881300000000011",),
    )


CONTENTS: Final[dict[str, Content]] = {
    "text": TextContent(content='你好 "quoted" \\ 😀\nline'),
    "image": IMAGE,
    "video": VideoContent(
        file_id="f",
        file_size=10_660_107,
        file_name="a.mp4",
        aes_key="k",
        md5="m",
        video_duration=14,
        video_width=800,
        video_height=450,
    ),
    "big_video": BigVideoContent(
        file_id="f",
        file_size=30_000_000,
        file_name="a.mp4",
        md5="m",
        video_duration=14,
        preview_image_url="https://example.com/p.jpg",
        preview_image_width=800,
        preview_image_height=450,
        preview_image_size=20_000,
        preview_image_md5="pm",
    ),
    "file": FileContent(file_id="f", file_size=20_000_000, file_name="a.pdf", md5="m", aes_key="k"),
    "file_big": FileContent(file_id="big", file_size=20_000_001, file_name="a.zip", md5="m"),
    "voice": VoiceContent(file_id="f", file_size=2_048, voice_time=3, aes_key="k", md5="m"),
    "link": LINK,
    "miniprogram": MiniProgramContent(
        mini_program_username="gh_1@app",
        mini_program_app_id="wx1",
        mini_program_app_name="app",
        mini_program_title="title",
        mini_program_page_path="pages/index.html",
        mini_program_app_icon="https://example.com/icon.png",
        file_id="cover",
        file_size=9_000,
        aes_key="k",
        md5="m",
    ),
    "contact": ContactContent(contact_user_id="7881300000000002"),
    "location": LOCATION,
    "gif": GifContent(
        gif_url="https://example.com/g.gif",
        md5="m",
        image_width=240,
        image_height=241,
        file_id="f",
        file_size=30_000,
        aes_key="k",
    ),
    "gif_url": GifContent(gif_url="https://example.com/g.gif", md5="m", image_width=240, image_height=241),
    "mention": MentionContent(content="{$@} 开会", at_list=("7881300000000002", "0")),
    "quote": _quote(TextContent(content="引用消息")),
    "quote_location": _quote(LOCATION),
    "quote_link": _quote(LINK),
    "quote_image": _quote(IMAGE),
    "quote_record": _quote(RECORD),
    "merged": RECORD,
    "channel_feed": ChannelFeedContent(
        channel_feed_type=4,
        channel_nickname="n",
        channel_description="d",
        channel_url="https://example.com/u",
        channel_cover_url="https://example.com/c",
        channel_thumb_url="https://example.com/t",
        channel_avatar="https://example.com/a",
        channel_extras="e",
    ),
    "channel_live": ChannelLiveContent(
        channel_feed_type=9,
        channel_nickname="n",
        channel_description="d",
        channel_url="https://example.com/u",
        channel_cover_url="https://example.com/c",
        channel_object_id="o",
        channel_object_nonce_id="nonce",
    ),
    "shop_product": ShopProductContent(
        product=ShopProduct(
            finder_live_id="",
            finder_username="v2_finder",
            finder_object_id="fo",
            finder_nonce_id="fn",
            product_appid="wx1",
            product_page_path="pages/p",
            product_id="p1",
            product_cover_url="https://example.com/p.png",
            product_title="title",
            product_desc="desc",
            product_price="1990",
            platform_headimg="https://example.com/h.png",
            platform_nickname="shop",
            shop_info=ShopInfo(shop_id="s1", url="https://example.com/shop", extra_info="x"),
        )
    ),
}
"""By the name of its golden request, `tests/golden/guxing/<name>.json`."""
