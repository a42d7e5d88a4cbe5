"""Hosts of clients whose files take long: each has one slot, so that the files of others need not wait for theirs."""

from collections import Counter
from typing import Final

from wework_message.domain.media.fetched import MIN_WAIT_MS
from wework_message.domain.ports.system import Clock

MAX_WAIT_MS: Final = 120_000
"""When a fetch is looked at again, however many come before it: the host may be quick by then."""

MAX_HOSTS: Final = 1_000
"""So many are known; the one that became slow first is forgotten."""


class SlowHosts:
    """Of one process. A host is slow from a fetch that took long until one that did not, however they end."""

    def __init__(self, clock: Clock, *, slow_ms: int) -> None:
        """A fetch that takes so long is slow."""
        self._clock = clock
        self._slow_ms = slow_ms
        self._running: Counter[str] = Counter()
        self._slow: dict[str, float] = {}
        """How long the last fetch took."""
        self._free_at: dict[str, float] = {}
        """When those that were put off are through, by `Clock.boot`."""

    def __len__(self) -> int:
        """How many are slow."""
        return len(self._slow)

    def begin(self, host: str) -> int:
        """0: a fetch begins, and `end` says when it is over. Else when to come back, in ms: each has a turn of its own."""
        took_ms = self._slow.get(host)
        if took_ms is None or not self._running[host]:
            self._running[host] += 1
            return 0
        now = self._clock.boot()
        turn = max(self._free_at.get(host, now), now) + took_ms
        self._free_at[host] = min(turn, now + MAX_WAIT_MS)
        return max(int(self._free_at[host] - now), MIN_WAIT_MS)

    def end(self, host: str, took_ms: float) -> None:
        """A fetch took so long."""
        self._running[host] -= 1
        if not self._running[host]:
            del self._running[host]
        self._free_at.pop(host, None)
        self._slow.pop(host, None)
        if took_ms < self._slow_ms:
            return
        self._slow[host] = took_ms
        while len(self._slow) > MAX_HOSTS:
            del self._slow[next(iter(self._slow))]
