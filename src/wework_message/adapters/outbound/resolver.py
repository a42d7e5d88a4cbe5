"""The addresses of names."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, Protocol

from wework_message.adapters.threads import Threads
from wework_message.domain.networks import Address

MAX_LOOKUPS: Final = 32
"""Names that are looked up at once. A name server that hangs holds one of them for each of its names, about 10 s each."""


class Resolver(Protocol):
    """Finds the addresses of a host."""

    async def addresses(self, host: str) -> Sequence[Address]:
        """All of them, in the order in which to try them. Raises `OSError` where there is none, or no answer."""
        ...


class SystemResolver:
    """Asks the system, in threads of its own: names of clients do not delay other lookups of the process."""

    def __init__(self) -> None:
        """Starts no thread yet."""
        self._threads = Threads("resolve", MAX_LOOKUPS)
        self._running: dict[str, asyncio.Future[Sequence[Address]]] = {}

    async def addresses(self, host: str) -> Sequence[Address]:
        """Callers who ask for one name at the same time share a lookup; an answer is not kept."""
        lookup = self._running.get(host)
        if lookup is None:
            lookup = self._running[host] = self._threads.start(_look_up, host)
            lookup.add_done_callback(lambda _: self._running.pop(host, None))
        return await asyncio.shield(lookup)

    def close(self) -> None:
        """End the threads, without waiting for lookups that hang."""
        self._threads.close()


def _look_up(host: str) -> Sequence[Address]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # no name of the DNS
        raise OSError("no such name") from error
    return tuple(dict.fromkeys(ip_address(answer[4][0]) for answer in answers))
