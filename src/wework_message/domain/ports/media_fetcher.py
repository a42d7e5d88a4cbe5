"""Fetches what clients name by a URL, within the address policy (`domain.outbound.AddressPolicy`)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from wework_message.domain.ports.media_store import StagedFile


class FetchOutcome(StrEnum):
    """How a fetch ended."""

    FETCHED = "FETCHED"
    BLOCKED = "BLOCKED"
    """The URL, or an address of its host, is not allowed. Nothing was asked."""
    REDIRECT = "REDIRECT"
    """It answered 3xx, which is never followed."""
    REFUSED = "REFUSED"
    """It answered a status that is final: any but 200, 408, 425, 429 and 5xx."""
    BUSY = "BUSY"
    """It answered 408, 425, 429 or 5xx: worth another try."""
    TOO_LARGE = "TOO_LARGE"
    """It has, or announces, more than the allowed bytes. The rest was not read."""
    FAILED = "FAILED"
    """No address, no connection, no TLS, a broken or slow answer, fewer bytes than announced: worth another try."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The end of one fetch."""

    outcome: FetchOutcome
    status: int | None = None
    """HTTP status, where one came."""
    retry_after_ms: int | None = None
    """By its `Retry-After`; None where it did not say."""


class MediaFetcher(Protocol):
    """Makes GET requests: the host is resolved once, the connection goes to an address that was checked.

    Proxies, credentials and cookies of the environment are not used; no `Accept-Encoding` but identity is offered, and an
    encoded answer is not decoded.
    """

    async def fetch(self, url: str, into: StagedFile, *, max_bytes: int, deadline_ms: int) -> Fetched:
        """GET once. Ends within `deadline_ms`, all steps together. What `into` holds is whole only with FETCHED.

        Raises only `UnavailableError` of `into`, and `asyncio.CancelledError`.
        """
        ...
