"""Failed log-ins of an address (ADR 71): who tries many keys is refused before anything is done for it."""

from collections import OrderedDict
from typing import Final

from wework_message.domain.access.rates import RequestRate

MAX_ADDRESSES: Final = 10_000
"""Addresses that are remembered. The one that failed longest ago makes room."""

FORGOTTEN: Final = 2
"""So many are forgotten with a failure, at most: a flood from new addresses must not cost a look at all of them each time."""


class FailedLogIns:
    """A bucket for each address that failed lately. Those that are full again are forgotten with later failures."""

    def __init__(self, rate: RequestRate) -> None:
        """`rate` is that of failures of one address."""
        self._rate = rate
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """The one that failed longest ago first; a plain dict looks for its first entry among all that were removed."""

    def __len__(self) -> int:
        """The number of addresses that are remembered."""
        return len(self._full_at)

    def wait_ms(self, origin: str, now: float) -> float:
        """How long this address may not try; 0 = it may. Costs a look-up, whatever the address did."""
        full_at = self._full_at.get(origin)
        return 0.0 if full_at is None else self._rate.taken(full_at, now).wait_ms

    def failed(self, origin: str, now: float) -> None:
        """Count a failure."""
        full_at = self._full_at
        before = full_at.pop(origin, now)
        for _ in range(FORGOTTEN):
            if full_at and (len(full_at) >= MAX_ADDRESSES or next(iter(full_at.values())) <= now):
                full_at.popitem(last=False)
        full_at[origin] = self._rate.spent(before, 1, now)
