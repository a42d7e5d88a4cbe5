"""When refusals are answered (ADR 71).

To refuse costs a third of what it costs to accept, so who repeats at once what was refused could take all of the processor with it.
A few refusals are answered at once. Of more the answers come at a steady rate: a connection that waits for its refusal sends nothing else.
"""

import math
from typing import Final

from wework_message.domain.access.rates import RequestRate

PACE: Final = RequestRate(250, 100)
"""Refusals of one process."""

TOGETHER_MS: Final = 50.0
"""Those that wait are answered together, so many ms apart: a process that wakes up for each of them has more to do."""

MAX_WAIT_MS: Final = 1_000.0
"""No refusal waits for longer: it is what `Retry-After` says of an overload."""


class RefusalPace:
    """Of one process."""

    def __init__(self) -> None:
        """None was refused yet."""
        self._full_at = 0.0

    def wait_ms(self, now: float) -> float:
        """How long the refusal that is made now waits; `now` in ms of the clock that all calls use."""
        latest = now + MAX_WAIT_MS + PACE.burst * PACE.token_ms
        self._full_at = min(latest, PACE.charged(self._full_at, 1, now))
        wait_ms = self._full_at - now - PACE.burst * PACE.token_ms
        return math.ceil((now + wait_ms) / TOGETHER_MS) * TOGETHER_MS - now if wait_ms > 0 else 0.0
