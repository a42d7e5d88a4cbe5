"""One full and valid request per message type, MIXED included: every field of the type has a value."""

from typing import Any, Final

GUID: Final = "0f9d2c4e-1111-4222-8333-444455556666"
PERSON: Final = "S:7881301000000001"
ROOM: Final = "R:10600000000001"

_MD5: Final = "25e2b1b5a1f0d0c7a1b2c3d4e5f60718"
_KEY: Final = "7e7c5f1a2b3c4d5e6f708192a3b4c5d6"
_FILE: Final[dict[str, Any]] = {"fileId": "306902010204", "fileSize": 772_458, "aesKey": _KEY, "md5": _MD5}
_FEED: Final[dict[str, Any]] = {
    "channelFeedType": 4,
    "channelNickname": "官方号",
    "channelDescription": "新品发布",
    "channelUrl": "https://channels.example/feed/1",
    "channelCoverUrl": "https://channels.example/cover/1.jpg",
    "channelThumbUrl": "https://channels.example/thumb/1.jpg",
    "channelAvatar": "https://channels.example/avatar/1.jpg",
    "channelExtras": "CAESBHRlc3Q=",
}

CONTENTS: Final[dict[str, dict[str, Any]]] = {
    "TEXT": {"content": "测试消息"},
    "IMAGE": _FILE | {"imageWidth": 600, "imageHeight": 800, "isHd": True},
    "VIDEO": _FILE | {"fileName": "clip.mp4", "videoDuration": 12, "videoWidth": 720, "videoHeight": 1280},
    "BIG_VIDEO": {
        "fileId": "306902010205",
        "fileSize": 52_428_800,
        "fileName": "film.mp4",
        "md5": _MD5,
        "videoDuration": 300,
        "previewImageUrl": "https://files.example/preview.jpg",
        "previewImageWidth": 320,
        "previewImageHeight": 240,
        "previewImageSize": 20_480,
        "previewImageMd5": _MD5,
    },
    "FILE": _FILE | {"fileName": "价目表.pdf"},
    "VOICE": _FILE | {"voiceTime": 7},
    "LINK": {
        "linkTitle": "News",
        "linkUrl": "https://www.example.com/a?b=c#d",
        "linkDescription": "What is new",
        "linkImageUrl": "https://www.example.com/a.png",
    },
    "MINIPROGRAM": _FILE
    | {
        "miniProgramUsername": "gh_0123456789ab@app",
        "miniProgramAppId": "wx0123456789abcdef",
        "miniProgramAppName": "商城",
        "miniProgramAppIcon": "https://www.example.com/icon.png",
        "miniProgramTitle": "今日特价",
        "miniProgramPagePath": "pages/index.html?id=1",
    },
    "CONTACT": {"contactUserId": "7881301000000002"},
    "LOCATION": {
        "longitude": 113.264385,
        "latitude": 23.129112,
        "locationTitle": "广州塔",
        "locationAddress": "海珠区阅江西路222号",
        "locationZoom": 16.5,
    },
    "GIF": _FILE | {"gifUrl": "https://wework.qpic.example/1.gif", "imageWidth": 240, "imageHeight": 240},
    "MENTION": {"content": "{$@} 开会了", "atList": ["0", "7881301000000002"]},
    "QUOTE": {
        "content": "同意",
        "quoteMessageId": "0197c2b2-7c1f-7c3e-9d5a-0123456789ab",
        "quoteContent": "周五聚餐?",
        "quoteAppInfo": "CIDAtMLsMxACGMfV",
        "quoteContentType": 2,
        "quoteSender": "7881301000000002",
        "quoteSenderName": "小王",
        "quoteMessage": {"messageType": "TEXT", "content": "周五聚餐?"},
        "atList": ["7881301000000002"],
    },
    "MERGED": {
        "messages": [
            {
                "messageType": "TEXT",
                "content": "你好",
                "senderName": "小王",
                "senderUserId": "7881301000000002",
                "sendTime": "2025-08-08T10:15:30Z",
            },
            {"messageType": "MERGED", "senderName": "小李", "senderUserId": "7881301000000003", "sendTime": None}
            | {"messages": [_FEED | {"messageType": "CHANNEL_FEED", "senderName": "小赵"}]},
        ]
    },
    "CHANNEL_FEED": _FEED,
    "CHANNEL_LIVE": _FEED | {"channelFeedType": 9, "channelObjectId": "14210", "channelObjectNonceId": "1421_0_2"},
    "SHOP_PRODUCT": {
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
    },
}
"""The fields of each of the 17 types, as they stand beside `messageType`."""

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    name: {"guid": GUID, "conversationId": ROOM if name in {"MENTION", "QUOTE"} else PERSON, "messageType": name} | own
    for name, own in CONTENTS.items()
} | {
    "MIXED": {
        "guid": GUID,
        "conversationId": PERSON,
        "messageType": "MIXED",
        "parts": [{"messageType": "TEXT"} | CONTENTS["TEXT"], {"messageType": "IMAGE"} | CONTENTS["IMAGE"]],
    }
}
"""A full send request per type."""

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "TEXT": ("content",),
    "IMAGE": ("fileId", "fileSize", "aesKey", "md5", "imageWidth", "imageHeight"),
    "VIDEO": ("fileId", "fileSize", "fileName", "aesKey", "md5", "videoDuration", "videoWidth", "videoHeight"),
    "BIG_VIDEO": (
        "fileId", "fileSize", "fileName", "md5", "videoDuration", "previewImageUrl", "previewImageWidth",
        "previewImageHeight", "previewImageSize", "previewImageMd5",
    ),
    "FILE": ("fileId", "fileSize", "fileName", "md5"),
    "VOICE": ("fileId", "fileSize", "voiceTime", "aesKey", "md5"),
    "LINK": ("linkTitle", "linkUrl"),
    "MINIPROGRAM": (
        "miniProgramUsername", "miniProgramAppId", "miniProgramAppName", "miniProgramTitle", "miniProgramPagePath",
        "fileId", "fileSize", "aesKey", "md5",
    ),
    "CONTACT": ("contactUserId",),
    "LOCATION": ("longitude", "latitude", "locationTitle"),
    "GIF": ("gifUrl", "md5", "imageWidth", "imageHeight"),
    "MENTION": ("content", "atList"),
    "QUOTE": ("content",),
    "MERGED": ("messages",),
    "CHANNEL_FEED": ("channelFeedType", "channelNickname", "channelDescription", "channelUrl", "channelCoverUrl"),
    "CHANNEL_LIVE": (
        "channelFeedType", "channelNickname", "channelDescription", "channelUrl", "channelCoverUrl",
        "channelObjectId", "channelObjectNonceId",
    ),
    "SHOP_PRODUCT": ("product",),
    "MIXED": ("parts",),
}  # fmt: skip
"""The fields without which a request of the type is refused, whatever else it says."""
