"""Ids of requests: the client's own, or new ones."""

import os
import re
from collections.abc import Iterable
from typing import Final

_REQUEST_ID: Final = re.compile(rb"[!-~]{1,128}")


def new_request_id() -> str:
    """32 random hexadecimal digits."""
    return os.urandom(16).hex()


def request_id_in(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The client's own id where it is 1-128 printable characters, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode()
    return new_request_id()
