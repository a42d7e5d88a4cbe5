"""What bytes are by their beginning. Never by a name, never by what a server says.

The tables are short on purpose: what a message type carries, what a browser would run, and what people send most as files.
"""

import re
from typing import Final

UNKNOWN: Final = "application/octet-stream"
HEAD_BYTES: Final = 4 * 1024
"""So many bytes from the beginning decide."""

PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp"})
VIDEOS: Final = frozenset({"video/mp4", "video/quicktime"})
AMR: Final = "audio/amr"
AMR_WB: Final = "audio/amr-wb"
SILK: Final = "audio/silk"

AMR_MAGIC: Final = b"#!AMR\n"
AMR_WB_MAGIC: Final = b"#!AMR-WB\n"
SILK_MAGIC: Final = b"#!SILK_V3"
TENCENT: Final = b"\x02"
"""What WeChat and WeCom write before the SILK magic, and other programs do not."""

_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (AMR_MAGIC, AMR),
    (AMR_WB_MAGIC, AMR_WB),
    (SILK_MAGIC, SILK),
    (TENCENT + SILK_MAGIC, SILK),
    (b"%PDF-", "application/pdf"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"{\\rtf", "application/rtf"),
)

_WITHIN: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
"""Kinds of RIFF."""

_BRANDS: Final = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic-sequence",
    b"mif1": "image/heif",
    b"msf1": "image/heif-sequence",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"crx ": "image/x-canon-cr3",
    **{b"3gp%d" % release: "video/3gpp" for release in range(1, 8)},
}
"""Kinds of files that begin with ``ftyp``; any other is video/mp4."""

_OLD_QUICKTIME: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""Boxes with which a QuickTime file without ``ftyp`` begins."""

_OFFICE: Final = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_LOCAL_FILE: Final = b"PK\x03\x04"
_LOCAL_FILE_HEAD: Final = 30

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_COMMENTS: Final = re.compile(rb"(?:<!--.*?-->|<\?.*?\?>|\s)*", re.DOTALL)
_SVG: Final = re.compile(rb"(?:<!doctype\s+svg\b|<svg[\s>/]|<[a-z0-9]+:svg[\s>/])", re.IGNORECASE)
_HTML: Final = re.compile(
    rb"<!doctype\s+html\b|<!--|<(?:html|head|body|script|iframe|style|title|table|link|meta|base|form|img|div|font|span|br|h1|a|b|p)[\s>/]",
    re.IGNORECASE,
)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def mime_type_of(head: bytes) -> str:
    """The type of a file that begins with `head`, its first `HEAD_BYTES`; `UNKNOWN` where they say nothing.

    What a browser would run as a page is text/html or image/svg+xml, whatever else it may be further on.
    """
    for beginning, mime_type in _BEGINNINGS:
        if head.startswith(beginning):
            return mime_type
    return _kind_of_boxes(head) or _kind_of_zip(head) or _kind_of_text(head)


def _kind_of_boxes(head: bytes) -> str | None:
    """Of formats whose second word says more than the first."""
    if head.startswith(b"RIFF"):
        return _WITHIN.get(head[8:12], UNKNOWN)
    if head.startswith(b"BM"):
        return "image/bmp" if _is_bitmap(head) else None
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return "video/quicktime" if head[4:8] in _OLD_QUICKTIME and not head[0] else None


def _is_bitmap(head: bytes) -> bool:
    """A size of the second header that exists: BM alone also begins texts."""
    return int.from_bytes(head[14:18], "little") in {12, 40, 52, 56, 64, 108, 124}


def _kind_of_zip(head: bytes) -> str | None:
    """By the names of its first files; nothing is unpacked."""
    if not head.startswith(_LOCAL_FILE):
        return None
    size = int.from_bytes(head[26:28], "little")
    name = head[_LOCAL_FILE_HEAD : _LOCAL_FILE_HEAD + size]
    if name in {b"[Content_Types].xml", b"_rels/.rels"} or name.startswith((b"docProps/", *(p for p, _ in _OFFICE))):
        return next((mime_type for prefix, mime_type in _OFFICE if prefix in head), "application/zip")
    return "application/zip"


def _kind_of_text(head: bytes) -> str:
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    rest = text[_comments_end(text) :]
    if _SVG.match(rest):
        return "image/svg+xml"
    if _HTML.match(rest) or _HTML.match(text):
        return "text/html"
    if text.startswith(b"<?xml"):
        return "application/xml"
    return "text/plain" if head and _is_text(head) else UNKNOWN


def _comments_end(text: bytes) -> int:
    comments = _COMMENTS.match(text)
    return comments.end() if comments is not None else 0


def _is_text(head: bytes) -> bool:
    if _CONTROL.search(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == HEAD_BYTES and error.start >= HEAD_BYTES - 3  # the last character is cut
    return True
