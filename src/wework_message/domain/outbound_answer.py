"""How a request to an address of a client ended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class OutboundOutcome(StrEnum):
    """How one outbound request ended."""

    DELIVERED = "DELIVERED"
    """The receiver answered 2xx."""
    REFUSED = "REFUSED"
    """It answered another status that is no redirect."""
    REDIRECT = "REDIRECT"
    """It answered 3xx; a redirect is never followed."""
    BLOCKED = "BLOCKED"
    """The URL, or an address of its host, is not allowed. Nothing was sent, and no connection was opened."""
    DNS = "DNS"
    """The host has no address, or the name server did not answer. Nothing was sent."""
    CONNECT = "CONNECT"
    """No connection. Nothing was sent."""
    TLS = "TLS"
    """The certificate is not valid for the host, or this is no TLS. Nothing was sent."""
    TIMEOUT = "TIMEOUT"
    """The deadline passed before a status came; the receiver may have the request."""
    LOST = "LOST"
    """The connection broke before a status came, or the answer is not HTTP/1.x; the receiver may have the request."""


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """The end of one outbound request."""

    outcome: OutboundOutcome
    status: int | None = None
    """HTTP status, with DELIVERED, REFUSED and REDIRECT only."""
    retry_after_ms: int | None = None
    """How long the receiver wants to be left alone, by its `Retry-After`; None where it did not say."""

    @classmethod
    def of_status(cls, status: int) -> Self:
        """What an answer of this status, 200 to 999, says."""
        match status // 100:
            case 2:
                return cls(OutboundOutcome.DELIVERED, status)
            case 3:
                return cls(OutboundOutcome.REDIRECT, status)
            case _:
                return cls(OutboundOutcome.REFUSED, status)
