"""Where a request to a URL of a client may go: its host is resolved once, and every address is checked (ADR 55)."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message import __version__
from wework_message.adapters.outbound.resolver import Resolver
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.networks import Address
from wework_message.domain.outbound import AddressPolicy, Target

MAX_ADDRESSES: Final = 3
"""Addresses of one host that are tried, each for its share of the time that is left."""

USER_AGENT: Final = ("user-agent", f"wework-message/{__version__}")


class BlockedError(Exception):
    """The URL, or an address of its host, is not allowed."""


class UnknownHostError(Exception):
    """No address, or no answer in time."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A target, and the checked addresses to which a request may go."""

    target: Target
    addresses: Sequence[Address]

    def tries(self, until: float) -> Iterator[tuple[Address, int, int]]:
        """Each address to try, the time left in ms, and how much of it the connection may take; ends at `until` on the loop's clock."""
        tried = self.addresses[:MAX_ADDRESSES]
        for place, address in enumerate(tried):
            left_ms = int((until - asyncio.get_running_loop().time()) * 1000)
            if left_ms <= 0:
                return
            yield address, left_ms, max(1, left_ms // (len(tried) - place))


class Pinning:
    """Finds the addresses of URLs, and checks them."""

    def __init__(self, policy: AddressPolicy, resolver: Resolver) -> None:
        """Keeps nothing between two calls."""
        self._policy = policy
        self._resolver = resolver

    async def pin(self, url: str, until: float) -> Pinned:
        """One resolution. Raises `BlockedError`, or `UnknownHostError`, at `until` on the loop's clock at the latest."""
        try:
            target = self._policy.target(url)
        except InvalidValueError as error:
            raise BlockedError from error
        try:
            async with asyncio.timeout_at(until):
                addresses = await self._addresses(target)
        except Exception as error:  # no address, no answer in time, or closed: nothing was sent
            raise UnknownHostError from error
        if not addresses:
            raise UnknownHostError
        if not self._policy.allows(target, addresses):
            raise BlockedError
        return Pinned(target, addresses)

    async def _addresses(self, target: Target) -> Sequence[Address]:
        return (target.address,) if target.address is not None else await self._resolver.addresses(target.host)
