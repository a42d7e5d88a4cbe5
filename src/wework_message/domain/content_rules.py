"""What the fields of a message's content may hold: one table by the JSON name, which is unique over all types.

A check answers what is wrong with a value, in words that never contain the value, or None. Types are not checked here:
the decoder does that, and mypy does it for who builds a content in Python.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

Check = Callable[[Any], str | None]

MAX_URL_CHARS: Final = 2_048
MAX_KEY_CHARS: Final = 4_096
"""Longest file id, key, name or title, in characters."""
MAX_OPAQUE_CHARS: Final = 65_536
"""Longest value that is copied from a received message and only passed on, in characters."""
MAX_MERGED_ITEMS: Final = 100
MAX_MERGED_DEPTH: Final = 10
"""Records inside records. Every level costs two levels of JSON depth, of which a request has 32."""
MAX_MENTIONS: Final = 1_000
BIG_FILE_BYTES: Final = 20_000_000
"""Above this a file lives in the big CDN and has no key (provider contract sections 3 and 7)."""
MAX_BYTES: Final = 2**53 - 1
"""Largest size that every JSON reader keeps exact."""
MAX_INT32: Final = 2**31 - 1

EMPTY_TEXT: Final = "must not be empty"

_URL: Final = re.compile(r"https?://[^\s/?#\x00-\x20\x7f][^\s\x00-\x20\x7f]*", re.IGNORECASE)


def _unsendable(value: str) -> str | None:
    if "\0" in value:
        return "must not contain NUL"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "must not contain lone surrogates"
    return None


def text(value: str) -> str | None:
    """Words for people: not empty, no NUL, no lone surrogate. The longest text is a setting, see the wire's limits."""
    return _unsendable(value) if value else EMPTY_TEXT


def _chars(most: int) -> Check:
    def check(value: str) -> str | None:
        if not value:
            return EMPTY_TEXT
        return f"must have at most {most} characters" if len(value) > most else _unsendable(value)

    return check


def _opaque(value: str) -> str | None:
    """Copied from a received message; may be empty there."""
    return _chars(MAX_OPAQUE_CHARS)(value) if value else None


def url(value: str) -> str | None:
    """An absolute http or https address of at most 2,048 characters."""
    if not value:
        return EMPTY_TEXT
    if len(value) > MAX_URL_CHARS:
        return f"must have at most {MAX_URL_CHARS} characters"
    if _URL.fullmatch(value) is None:
        return "must be an absolute http or https URL"
    return _unsendable(value)


def _between(least: float, most: float) -> Check:
    def check(value: float) -> str | None:  # NaN compares false and is refused
        return None if least <= value <= most else f"must be {least} to {most}"

    return check


def _mentions(value: Sequence[str]) -> str | None:
    if not value:
        return EMPTY_TEXT
    if len(value) > MAX_MENTIONS:
        return f"must have at most {MAX_MENTIONS} entries"
    return next((f"entries {problem}" for entry in value if (problem := _user(entry)) is not None), None)


def _items(value: Sequence[object]) -> str | None:
    if not value:
        return EMPTY_TEXT
    return f"must have at most {MAX_MERGED_ITEMS} items" if len(value) > MAX_MERGED_ITEMS else None


_key = _chars(MAX_KEY_CHARS)
_user = _chars(128)
_digest = _chars(64)
_size = _between(1, MAX_BYTES)
_pixels = _between(1, MAX_INT32)
_number = _between(0, MAX_INT32)

FIELD_RULES: Final[Mapping[str, Check]] = {
    "content": text,
    "fileId": _key,
    "fileSize": _size,
    "fileName": _key,
    "aesKey": _key,
    "md5": _digest,
    "imageWidth": _pixels,
    "imageHeight": _pixels,
    "videoDuration": _number,  # seconds; a clip below one second rounds to 0
    "videoWidth": _pixels,
    "videoHeight": _pixels,
    "previewImageUrl": url,
    "previewImageWidth": _pixels,
    "previewImageHeight": _pixels,
    "previewImageSize": _size,
    "previewImageMd5": _digest,
    "voiceTime": _between(1, MAX_INT32),
    "linkTitle": _key,
    "linkUrl": url,
    "linkDescription": _key,
    "linkImageUrl": url,
    "miniProgramUsername": _key,
    "miniProgramAppId": _key,
    "miniProgramAppName": _key,
    "miniProgramAppIcon": url,
    "miniProgramTitle": _key,
    "miniProgramPagePath": _key,
    "contactUserId": _user,
    "longitude": _between(-180, 180),
    "latitude": _between(-90, 90),
    "locationTitle": _key,
    "locationAddress": _key,
    "locationZoom": _between(1, 30),
    "gifUrl": url,
    "atList": _mentions,
    "quoteMessageId": _digest,
    "quoteContent": text,
    "quoteAppInfo": _chars(MAX_OPAQUE_CHARS),
    "quoteContentType": _number,
    "quoteSender": _user,
    "quoteSenderName": _key,
    "messages": _items,
    "senderName": _key,
    "senderUserId": _user,
    "channelFeedType": _number,
    "channelNickname": _key,
    "channelDescription": _key,
    "channelUrl": url,
    "channelCoverUrl": url,
    "channelThumbUrl": url,
    "channelAvatar": url,
    "channelExtras": _opaque,
    "channelObjectId": _key,
    "channelObjectNonceId": _key,
    # SHOP_PRODUCT: the vendor wants every key; what a product need not have may be empty
    "finderLiveId": _opaque,
    "finderUsername": _opaque,
    "finderObjectId": _opaque,
    "finderNonceId": _opaque,
    "productAppid": _key,
    "productPagePath": _key,
    "productId": _key,
    "productCoverUrl": url,
    "productTitle": _key,
    "productDesc": _opaque,
    "productPrice": _key,
    "platformHeadimg": _opaque,
    "platformNickname": _opaque,
    "shopId": _key,
    "url": _opaque,
    "extraInfo": _opaque,
}
"""JSON name of a field and its check; a field that is not here is checked by its type alone."""


def _file_key(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    size = values.get("fileSize")
    if size is None:
        return
    if size > BIG_FILE_BYTES and values.get("aesKey"):
        yield "aesKey", f"must be empty above {BIG_FILE_BYTES} bytes"
    elif size <= BIG_FILE_BYTES and not values.get("aesKey"):
        yield "aesKey", f"is required up to {BIG_FILE_BYTES} bytes"


def _gif_handle(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    handle = ("fileId", "fileSize", "aesKey")
    missing = [name for name in handle if not values.get(name)]
    if len(missing) < len(handle):
        for name in missing:
            yield name, "is required where one of fileId, fileSize and aesKey is given"


QUOTED_FIELDS: Final = (
    "quoteContent", "quoteAppInfo", "quoteContentType", "quoteSender", "quoteSenderName", "quoteMessage",
)  # fmt: skip
"""What a quote must say about the quoted message where it does not name one of ours."""


def _quoted(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("quoteMessageId"):
        return
    missing = [name for name in QUOTED_FIELDS if values.get(name) is None]
    if len(missing) == len(QUOTED_FIELDS):
        yield "quoteMessageId", f"is required, or else all of {', '.join(QUOTED_FIELDS)}"
        return
    for name in missing:
        yield name, "is required where quoteMessageId is not given"


TOGETHER: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]]] = {
    "FILE": _file_key,
    "GIF": _gif_handle,
    "QUOTE": _quoted,
}
"""Checks that need two fields, by `messageType`: JSON name to value in, (JSON name, what is wrong) out."""
