"""Failed log-ins of an address (ADR 71): who tries many keys is refused before anything is done for it."""

from ipaddress import IPv6Address
from typing import Final

from wework_message.domain.access.rates import RequestRate
from wework_message.domain.networks import Address

MAX_ADDRESSES: Final = 10_000
"""Addresses that are remembered. The one whose failures began longest ago makes room."""

PREFIX_BYTES: Final = 8
"""Of an IPv6 address: whoever has one has its /64."""


def log_in_origin(address: Address) -> str:
    """What counts as one address: one of IPv4, or a /64 of IPv6."""
    return f"{address.packed[:PREFIX_BYTES].hex()}/64" if isinstance(address, IPv6Address) else str(address)


class FailedLogIns:
    """A bucket for each address that failed lately; one that is full again is forgotten."""

    def __init__(self, rate: RequestRate) -> None:
        """`rate` is that of failures of one address."""
        self._rate = rate
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        """The number of addresses that are remembered."""
        return len(self._full_at)

    def wait_ms(self, origin: str, now: float) -> float:
        """How long this address may not try; 0 = it may. Costs a look-up, whatever the address did."""
        full_at = self._full_at.get(origin)
        return 0.0 if full_at is None else self._rate.taken(full_at, now).wait_ms

    def failed(self, origin: str, now: float) -> None:
        """Count a failure."""
        before = self._full_at.pop(origin, now)
        if len(self._full_at) >= MAX_ADDRESSES:
            self._forget(now)
        self._full_at[origin] = self._rate.spent(before, 1, now)

    def _forget(self, now: float) -> None:
        """All that are full again; where none is, the one that failed longest ago."""
        self._full_at = {origin: full_at for origin, full_at in self._full_at.items() if full_at > now}
        if len(self._full_at) >= MAX_ADDRESSES:
            del self._full_at[next(iter(self._full_at))]
