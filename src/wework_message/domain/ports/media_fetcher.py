"""Fetches what clients name by a URL, within the address policy (`domain.outbound.AddressPolicy`)."""

from typing import Protocol

from wework_message.domain.media.fetched import Fetched, FetchOutcome
from wework_message.domain.ports.media_store import StagedFile

__all__ = ["FetchOutcome", "Fetched", "MediaFetcher"]


class MediaFetcher(Protocol):
    """Makes GET requests: the host is resolved once, the connection goes to an address that was checked.

    Proxies, credentials and cookies of the environment are not used; no `Accept-Encoding` but identity is offered, and an
    encoded answer is refused.
    """

    async def fetch(self, url: str, into: StagedFile, *, max_bytes: int, deadline_ms: int) -> Fetched:
        """GET once. Ends within `deadline_ms`, all steps together. What `into` holds is whole only with FETCHED.

        Raises only `UnavailableError` of `into`, and `asyncio.CancelledError`.
        """
        ...
