"""Hypothesis strategies for valid contents, conversations and drafts of every kind."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from hypothesis import strategies as st
from msgspec import Struct

from wework_message.domain import content as c
from wework_message.domain.content_rules import BIG_FILE_BYTES, MAX_INT32
from wework_message.domain.conversation import Conversation
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.message.draft import Draft, OnUnknown, Pin

S = TypeVar("S", bound=Struct)
Fields = Mapping[str, st.SearchStrategy[Any]]

_MAX_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, epoch ms."""


def texts(*, max_size: int = 60) -> st.SearchStrategy[str]:
    """Texts a person could send: not empty, no NUL, no lone surrogate."""
    return st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=max_size)


def urls() -> st.SearchStrategy[str]:
    """Absolute http and https addresses."""
    return st.from_regex(r"https?://[a-z]{1,12}\.example/[a-zA-Z0-9_.~/?=&%-]{0,40}", fullmatch=True)


def _optional(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.just("") | strategy


_names: Final = texts(max_size=20)
_digits: Final = st.from_regex(r"[0-9]{1,20}", fullmatch=True)
_keys: Final = st.from_regex(r"[0-9a-f]{1,40}", fullmatch=True)
_md5: Final = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
_pixels: Final = st.integers(1, MAX_INT32)
_seconds: Final = st.integers(1, 36_000)
_small: Final = st.integers(1, BIG_FILE_BYTES)
_big: Final = st.integers(BIG_FILE_BYTES + 1, 2**40)
_mentions: Final = st.lists(_digits, min_size=1, max_size=5).map(tuple)
_sent: Final = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis takes naive bounds

_FILE: Final[Fields] = {"file_id": _keys, "file_size": _small, "aes_key": _keys, "md5": _md5}
_TEXT: Final[Fields] = {"content": texts()}
_IMAGE: Final[Fields] = {**_FILE, "image_width": _pixels, "image_height": _pixels, "is_hd": st.booleans()}
_VIDEO: Final[Fields] = {
    **_FILE,
    "file_name": _names,
    "video_duration": _seconds,
    "video_width": _pixels,
    "video_height": _pixels,
}
_LINK: Final[Fields] = {
    "link_title": _names,
    "link_url": urls(),
    "link_description": _optional(_names),
    "link_image_url": _optional(urls()),
}
_LOCATION: Final[Fields] = {
    "longitude": st.floats(-180, 180),
    "latitude": st.floats(-90, 90),
    "location_title": _names,
    "location_address": _optional(_names),
    "location_zoom": st.floats(1, 30),
}
_SMALL_FILE: Final[Fields] = {**_FILE, "file_name": _names}
_BIG_FILE: Final[Fields] = {**_SMALL_FILE, "file_size": _big, "aes_key": st.just("")}
_FEED: Final[Fields] = {
    "channel_feed_type": st.integers(0, 20),
    "channel_nickname": _names,
    "channel_description": _names,
    "channel_url": urls(),
    "channel_cover_url": urls(),
    "channel_thumb_url": _optional(urls()),
    "channel_avatar": _optional(urls()),
    "channel_extras": _optional(_keys),
}
_LIVE: Final[Fields] = {**_FEED, "channel_object_id": _digits, "channel_object_nonce_id": _keys}
_AUTHOR: Final[Fields] = {"sender_name": _names, "sender_user_id": _optional(_digits), "send_time": _sent}


def _build(kind: type[S], *parts: Fields) -> st.SearchStrategy[S]:
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for part in parts:
        fields |= part
    return st.builds(kind, **fields)


def _items() -> st.SearchStrategy[Any]:
    plain = st.one_of(
        _build(c.MergedText, _TEXT, _AUTHOR),
        _build(c.MergedLocation, _LOCATION, _AUTHOR),
        _build(c.MergedLink, _LINK, _AUTHOR),
        _build(c.MergedImage, _IMAGE, _AUTHOR),
        _build(c.MergedVideo, _VIDEO, _AUTHOR),
        _build(c.MergedFile, _SMALL_FILE, _AUTHOR),
        _build(c.MergedChannelFeed, _FEED, _AUTHOR),
        _build(c.MergedChannelLive, _LIVE, _AUTHOR),
    )
    return st.recursive(plain, lambda inner: _build(c.MergedRecord, _record(inner), _AUTHOR), max_leaves=4)


def _record(items: st.SearchStrategy[Any]) -> Fields:
    return {"messages": st.lists(items, min_size=1, max_size=3).map(tuple)}


def _quotes() -> st.SearchStrategy[c.QuoteContent]:
    quotable = st.one_of(
        _build(c.TextContent, _TEXT),
        _build(c.LocationContent, _LOCATION),
        _build(c.LinkContent, _LINK),
        _build(c.ImageContent, _IMAGE),
        _build(c.VideoContent, _VIDEO),
        _build(c.FileContent, _SMALL_FILE),
        _build(c.MergedContent, _record(_items())),
    )
    full: Fields = {
        "quote_content": texts(),
        "quote_app_info": _keys,
        "quote_content_type": st.integers(0, 3000),
        "quote_sender": _digits,
        "quote_sender_name": _names,
        "quote_message": quotable,
    }
    ours: Fields = {"quote_message_id": st.uuids().map(str)}
    rest: Fields = {**_TEXT, "at_list": st.just(()) | _mentions}
    return (
        _build(c.QuoteContent, rest, full)
        | _build(c.QuoteContent, rest, ours)
        | _build(c.QuoteContent, rest, full, ours)
    )


def _products() -> st.SearchStrategy[c.ShopProduct]:
    needed = ("product_appid", "product_page_path", "product_id", "product_title", "product_price")
    maybe = (
        "finder_live_id", "finder_username", "finder_object_id", "finder_nonce_id", "product_desc",
        "platform_headimg", "platform_nickname",
    )  # fmt: skip
    shop: Fields = {"shop_id": _digits, "url": _optional(urls()), "extra_info": _optional(_keys)}
    return _build(
        c.ShopProduct,
        dict.fromkeys(needed, _keys),
        dict.fromkeys(maybe, _optional(_keys)),
        {"product_cover_url": urls(), "shop_info": _build(c.ShopInfo, shop)},
    )


def _by_type() -> dict[c.MessageType, st.SearchStrategy[c.Content]]:
    kind = c.MessageType
    big_video: Fields = {
        "file_id": _keys, "file_size": _big, "file_name": _names, "md5": _md5, "video_duration": _seconds,
        "preview_image_url": urls(), "preview_image_width": _pixels, "preview_image_height": _pixels,
        "preview_image_size": _small, "preview_image_md5": _md5,
    }  # fmt: skip
    program: Fields = {
        "mini_program_username": _keys, "mini_program_app_id": _keys, "mini_program_app_name": _names,
        "mini_program_title": _names, "mini_program_page_path": _keys, "mini_program_app_icon": _optional(urls()),
    }  # fmt: skip
    gif: Fields = {"gif_url": urls(), "md5": _md5, "image_width": _pixels, "image_height": _pixels}
    return {
        kind.TEXT: _build(c.TextContent, _TEXT),
        kind.IMAGE: _build(c.ImageContent, _IMAGE),
        kind.VIDEO: _build(c.VideoContent, _VIDEO),
        kind.BIG_VIDEO: _build(c.BigVideoContent, big_video),
        kind.FILE: _build(c.FileContent, _SMALL_FILE) | _build(c.FileContent, _BIG_FILE),
        kind.VOICE: _build(c.VoiceContent, _FILE, {"voice_time": _seconds}),
        kind.LINK: _build(c.LinkContent, _LINK),
        kind.MINIPROGRAM: _build(c.MiniProgramContent, _FILE, program),
        kind.CONTACT: _build(c.ContactContent, {"contact_user_id": _digits}),
        kind.LOCATION: _build(c.LocationContent, _LOCATION),
        kind.GIF: _build(c.GifContent, gif) | _build(c.GifContent, gif, _FILE),
        kind.MENTION: _build(c.MentionContent, _TEXT, {"at_list": _mentions}),
        kind.QUOTE: _quotes(),
        kind.MERGED: _build(c.MergedContent, _record(_items())),
        kind.CHANNEL_FEED: _build(c.ChannelFeedContent, _FEED),
        kind.CHANNEL_LIVE: _build(c.ChannelLiveContent, _LIVE),
        kind.SHOP_PRODUCT: _build(c.ShopProductContent, {"product": _products()}),
    }


def contents(*types: c.MessageType) -> st.SearchStrategy[c.Content]:
    """Valid contents of `types`, of all 17 where none is named."""
    by_type = _by_type()
    return st.one_of([by_type[kind] for kind in types or by_type])


def conversations(*, rooms: bool | None = None) -> st.SearchStrategy[Conversation]:
    """Conversations: with `rooms` True only rooms, with False none."""
    asids = st.none() | st.from_regex(r"[0-9A-Za-z_-]{1,20}", fullmatch=True)
    room = st.builds(Conversation, st.just(True), _digits)
    person = st.builds(Conversation, st.just(False), _digits, asids)
    if rooms is None:
        return room | person
    return room if rooms else person


@st.composite
def drafts(draw: st.DrawFn, *, now: int = 1_750_000_000_000) -> Draft:
    """Valid drafts that have not expired at `now` (epoch ms UTC)."""
    content = draw(contents())
    needs_room = isinstance(content, c.MentionContent) or (
        isinstance(content, c.QuoteContent) and content.at_list != ()
    )
    by_guid = draw(st.booleans())
    sender = draw(st.from_regex(r"[0-9a-zA-Z-]{1,36}", fullmatch=True))
    scheduled_at = draw(st.none() | st.integers(now - 86_400_000, _MAX_MS - 1))
    earliest = max(now, scheduled_at or 0) + 1
    on_unknown = draw(st.none() | st.sampled_from(OnUnknown))
    return Draft(
        conversation=draw(conversations(rooms=True if needs_room else None)),
        content=content,
        guid=Guid(sender) if by_guid else None,
        account_id=None if by_guid else AccountId(sender),
        client_message_id=draw(st.none() | st.from_regex(r"[ -~]{1,40}", fullmatch=True)),
        priority=draw(st.integers(0, 9)),
        scheduled_at=scheduled_at,
        expires_at=draw(st.none() | st.integers(earliest, _MAX_MS)),
        provider_code=draw(st.none() | st.just(ProviderCode("GUANGZHOU_GUXING"))),
        pin=draw(st.sampled_from(Pin)),
        on_unknown=on_unknown,
        duplicate_safe=on_unknown is OnUnknown.RESEND or draw(st.booleans()),
        extra=draw(st.none() | st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)),
        retry_count=draw(st.none() | st.integers(0, 10)),
    )
