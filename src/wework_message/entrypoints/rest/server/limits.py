"""What one connection may cost, and how many there may be."""

import ipaddress
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

FEW: Final = 64
"""Connections beyond the limits that are told so at a time; further ones are cut."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of the connections of one listener; the first five are settings (`server.limits`)."""

    head_bytes: int = 16_384
    """Of a request's line and headers."""
    head_s: float = 10
    """To the first byte of a connection, and from the first byte of a request to the end of its head."""
    body_bytes_per_s: int = 1024
    """Slowest body, and slowest reader of an answer, measured over `head_s`."""
    connections: int = 4096
    per_peer: int = 1024
    linger_s: float = 30
    """How long a client may go on sending what was refused: if it were cut off at once, it would not see the answer."""
    linger_idle_s: float = 5
    """The same where nothing comes any more."""
    linger_bytes: int = 67_108_864
    """How much of it is read and dropped."""


class Verdict(Enum):
    """What becomes of a connection that is made."""

    TAKEN = auto()
    REFUSED = auto()
    """There are too many; it is told so."""
    CUT = auto()
    """There are too many that are told so."""


class Peers:
    """The open connections of one listener, by the address at their other end."""

    def __init__(self, limits: ConnectionLimits) -> None:
        """Nothing is open."""
        self._limits = limits
        self._open: Counter[str] = Counter()
        self._total = 0
        self._refused = 0

    def opened(self, peer: str) -> Verdict:
        """Count a connection from `peer`."""
        if self._total < self._limits.connections and self._open[peer] < self._limits.per_peer:
            self._total += 1
            self._open[peer] += 1
            return Verdict.TAKEN
        self._refused += 1
        return Verdict.REFUSED if self._refused <= FEW else Verdict.CUT

    def closed(self, peer: str, verdict: Verdict) -> None:
        """Forget one connection from `peer`, with the verdict that it got."""
        if verdict is not Verdict.TAKEN:
            self._refused -= 1
            return
        self._total -= 1
        self._open[peer] -= 1
        if not self._open[peer]:
            del self._open[peer]


def peer_of(client: tuple[str, int] | None) -> str:
    """What counts as one peer: an IPv4 address, or a /64 of IPv6, which one machine may have as a whole."""
    host = client[0] if client else ""
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host.partition("%")[0])
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else address.packed[:8].hex()
