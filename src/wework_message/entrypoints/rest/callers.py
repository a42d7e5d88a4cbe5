"""Whence a request came, as its connection and the proxies in between say it."""

from collections.abc import Sequence
from typing import Final

from litestar.types import HTTPScope

from wework_message.domain.callers import caller_address
from wework_message.domain.networks import Address, Network

_FORWARDED: Final = b"x-forwarded-for"


def peer_of(scope: HTTPScope) -> str | None:
    """The address at the other end of the connection; None where nobody knows."""
    client = scope.get("client")
    return client[0] if client else None


def forwarded_of(scope: HTTPScope) -> list[str]:
    """The values of `X-Forwarded-For`, in the order of the request. Anybody may have written them."""
    return [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED]


def address_of(scope: HTTPScope, proxies: Sequence[Network]) -> Address | None:
    """Whence it came: behind `proxies`, which are ours, the address that they name; None where nobody knows."""
    return caller_address(peer_of(scope), forwarded_of(scope), proxies)
