import pytest

from wework_message.adapters.http.origin import Origin

URLS = [
    ("http://api.example.com", "api.example.com", 80, False, b"api.example.com", b"/x"),
    ("https://api.example.com/", "api.example.com", 443, True, b"api.example.com", b"/x"),
    ("https://api.example.com:443/v1/", "api.example.com", 443, True, b"api.example.com", b"/v1/x"),
    ("http://127.0.0.1:8080/a/b", "127.0.0.1", 8080, False, b"127.0.0.1:8080", b"/a/b/x"),
    ("http://[::1]:8080", "::1", 8080, False, b"[::1]:8080", b"/x"),
]


@pytest.mark.parametrize(("url", "host", "port", "secure", "authority", "target"), URLS)
def test_a_base_url_gives_address_host_header_and_prefix(
    url: str, host: str, port: int, secure: bool, authority: bytes, target: bytes
) -> None:
    origin = Origin(url)
    assert (origin.host, origin.port, origin.secure) == (host, port, secure)
    request = origin.post("/x", b"", [])
    assert request == b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-length: 0\r\n\r\n" % (target, authority)


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com",
        "ftp://api.example.com",
        "http://",
        "http://user:secret@api.example.com",
        "http://api.example.com/?token=1",
        "http://api.example.com/#top",
        "http://api.example.com/a b",
        "http://api.example.com/\r\nx",
        "http://api.example.com\t",
        "http://例子.example",
        "http://api.example.com:99999",
    ],
)
def test_an_invalid_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        Origin(url)
    assert "secret" not in str(refused.value)


def test_a_request_has_its_line_the_headers_the_length_and_the_body() -> None:
    request = Origin("http://h").post("/p?q=1", b"\x00\xff", [("X-Request-Id", "r-1"), ("content-type", "text/plain")])
    assert request == (
        b"POST /p?q=1 HTTP/1.1\r\nhost: h\r\nX-Request-Id: r-1\r\ncontent-type: text/plain\r\n"
        b"content-length: 2\r\n\r\n\x00\xff"
    )


@pytest.mark.parametrize("path", ["", "x", "/a b", "/a\r\nx: y", "/a\nb", "/消息", "/a#b", "http://other/"])
def test_a_path_that_breaks_the_request_line_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="a path starts with /"):
        Origin("http://h").post(path, b"", [])


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\x00b", "消息"])
def test_a_header_value_that_breaks_its_line_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ValueError, match="'x-token' is not printable ASCII") as refused:
        Origin("http://h").post("/", b"", [("x-token", value)])
    assert value not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "Host", "content-length", "Transfer-Encoding", "expect"])
def test_a_header_name_that_is_invalid_or_frames_the_message_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="header"):
        Origin("http://h").post("/", b"", [(name, "1")])


def test_many_paths_do_not_fill_the_memory() -> None:
    origin = Origin("http://h")
    for number in range(10_000):
        origin.post(f"/{number}", b"", [])
    assert len(origin._heads) <= 256
