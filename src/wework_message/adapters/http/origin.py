"""Writes the requests to one server, as HTTP/1.1."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING: Final = frozenset({"connection", "content-length", "expect", "host", "transfer-encoding", "upgrade"})
_PORTS: Final = {"http": 80, "https": 443}
_MAX_HEADS: Final = 256


class Origin:
    """Scheme, host, port and path prefix of a server, from its base URL.

    Raises `ValueError` if the URL is not http(s), or has credentials, a query or a fragment.
    """

    __slots__ = ("_authority", "_heads", "_prefix", "host", "port", "secure")

    def __init__(self, base_url: str) -> None:
        """`base_url` such as ``https://api.example.com/v1``; a trailing slash is ignored."""
        url = urlsplit(base_url)
        if url.scheme not in _PORTS or not url.hostname or not (base_url.isascii() and base_url.isprintable()):
            raise ValueError("a base URL is http:// or https:// with a host, in printable ASCII")
        if "@" in url.netloc or "?" in base_url or "#" in base_url:
            raise ValueError("a base URL has no credentials, query or fragment")
        self.secure = url.scheme == "https"
        self.host = url.hostname
        default = _PORTS[url.scheme]
        self.port = default if url.port is None else url.port
        literal = f"[{self.host}]" if ":" in self.host else self.host
        self._authority = literal if self.port == default else f"{literal}:{self.port}"
        self._prefix = url.path.rstrip("/")
        self._heads: dict[str, str] = {}
        self._head("/")

    def post(self, path: str, body: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
        """A complete POST request. `path` is appended to the prefix, starts with ``/`` and is percent-encoded already.

        Raises `ValueError` for a path, header name or header value that is not one line of printable ASCII, and for the
        headers that frame a message, which this method writes itself.
        """
        head = (self._heads.get(path) or self._head(path)) + _lines(headers)
        return f"{head}content-length: {len(body)}\r\n\r\n".encode("ascii") + body

    def get(self, path: str, headers: Sequence[tuple[str, str]]) -> bytes:
        """A complete GET request, the only one of its connection. Arguments and errors as of `post`."""
        head = f"GET {self._target(path)} HTTP/1.1\r\nhost: {self._authority}\r\n{_lines(headers)}"
        return f"{head}connection: close\r\n\r\n".encode("ascii")

    def _target(self, path: str) -> str:
        target = self._prefix + path
        if (
            not path.startswith("/")
            or not (target.isascii() and target.isprintable())
            or not {" ", "#"}.isdisjoint(target)
        ):
            raise ValueError("a path starts with / and is percent-encoded")
        return target

    def _head(self, path: str) -> str:
        target = self._target(path)
        if len(self._heads) >= _MAX_HEADS:  # there are few paths; paths with ids must not fill the memory
            self._heads.clear()
        head = self._heads[path] = f"POST {target} HTTP/1.1\r\nhost: {self._authority}\r\n"
        return head


def _lines(headers: Sequence[tuple[str, str]]) -> str:
    lines = ""
    for name, value in headers:
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the value of the header {name!r} is not printable ASCII")
        lines += f"{_field_name(name)}: {value}\r\n"
    return lines


@lru_cache(256)
def _field_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("a header name is a token")
    if name.lower() in _FRAMING:
        raise ValueError(f"the header {name!r} is written by the client")
    return name
