import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.media.signatures import HEAD_BYTES, PICTURES, UNKNOWN, VIDEOS, mime_type_of

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def zip_of(*names: bytes) -> bytes:
    return b"".join(
        b"PK\x03\x04" + bytes(22) + len(name).to_bytes(2, "little") + bytes(2) + name + b"content" for name in names
    )


@pytest.mark.parametrize(
    ("head", "mime_type"),
    [
        (b"", UNKNOWN),
        (b"\0", UNKNOWN),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\x89PNG\n", UNKNOWN),
        (b"GIF87a", "image/gif"),
        (b"GIF89a<script>", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\x10\0\0\0XXXX", UNKNOWN),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "image/bmp"),
        (b"BMW is a car, and this is a text", "text/plain"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\0\0\0\x18ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x18ftypM4A ", "audio/mp4"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypavif", "image/avif"),
        (b"\0\0\0\x18ftyp3gp4", "video/3gpp"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
        (b"\0\0\x10\0moov", "video/quicktime"),
        (b"Are free people free?", "text/plain"),
        (b"#!AMR\n\x3c", "audio/amr"),
        (b"#!AMR-WB\n\x3c", "audio/amr-wb"),
        (b"#!AMR", "text/plain"),
        (b"#!SILK_V3\x05\0", "audio/silk"),
        (b"\x02#!SILK_V3\x05\0", "audio/silk"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\x05\x06" + bytes(18), "application/zip"),
        (zip_of(b"a.txt"), "application/zip"),
        (zip_of(b"[Content_Types].xml", b"word/document.xml"), DOCX),
        (zip_of(b"_rels/.rels", b"xl/workbook.xml"), XLSX),
        (zip_of(b"word/document.xml"), DOCX),
        (zip_of(b"[Content_Types].xml", b"other"), "application/zip"),
        (zip_of(b"a.txt", b"word/document.xml"), "application/zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07\x01\0", "application/vnd.rar"),
        (b"ID3\x04", "audio/mpeg"),
        (b"<!DOCTYPE html><html>", "text/html"),
        (b"<!doctype HTML>", "text/html"),
        (b"<html>", "text/html"),
        (b"<HTML lang='en'>", "text/html"),
        (b"\xef\xbb\xbf \r\n\t<html>", "text/html"),
        (b"<!-- a comment --><html>", "text/html"),
        (b"<!-- a comment that does not end", "text/html"),
        (b"<script>alert(1)</script>", "text/html"),
        (b"<p>Not found</p>", "text/html"),
        (b"<pre>not in the table", "text/plain"),
        (b"<?xml version='1.0'?><html xmlns='x'>", "text/html"),
        (b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC 'x'>", "image/svg+xml"),
        (b"<svg xmlns='x'><script>", "image/svg+xml"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<SVG>", "image/svg+xml"),
        (b"<svg:svg xmlns:svg='x'>", "image/svg+xml"),
        (b"<?xml version='1.0'?><data/>", "application/xml"),
        (b"<svgx>", "text/plain"),
        ("你好".encode(), "text/plain"),
        ("你好".encode("utf-16"), UNKNOWN),
        ("你好".encode("gbk"), UNKNOWN),
        (("好" * HEAD_BYTES).encode()[:HEAD_BYTES], "text/plain"),
        ("好好".encode()[:-1], UNKNOWN),
        (b"\x1b[31mred\x1b[0m", "text/plain"),
        (b"a\0b", UNKNOWN),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bytes_are_what_they_begin_with(head: bytes, mime_type: str) -> None:
    assert mime_type_of(head) == mime_type


@pytest.mark.parametrize("page", [b"<html><body>", b"<script>x</script>", b"<svg onload=x>", b"<!DOCTYPE html>"])
@given(rest=st.binary(max_size=300))
def test_what_begins_as_a_page_is_no_picture_whatever_follows(page: bytes, rest: bytes) -> None:
    for hidden in (rest, b"\xff\xd8\xff" + rest, b"GIF89a" + rest, b"%PDF-" + rest, b"PK\x03\x04" + rest):
        assert mime_type_of(page + hidden) in {"text/html", "image/svg+xml"}


@given(st.binary(max_size=HEAD_BYTES))
def test_every_beginning_has_a_type(head: bytes) -> None:
    mime_type = mime_type_of(head)
    assert mime_type == mime_type.lower()
    assert mime_type.count("/") == 1


def test_a_page_is_nothing_that_a_message_shows() -> None:
    assert not {"image/svg+xml", "text/html", UNKNOWN} & (PICTURES | VIDEOS)
