"""How long stored waits last, whatever happens to the clock that wrote them (ADR 27).

A wait that reaches further into the future than it is long was written by a clock that has been set back since.
"""

from wework_message.domain.ports.system import Clock


def on_boot_clock(at: int, clock: Clock) -> int:
    """The instant `at` (epoch ms) by the boot clock, which is never set back; one in the future is now."""
    return int(clock.boot()) - max(0, clock.now() - at)


def is_running(until: int, *, length_ms: int, now: int) -> bool:
    """Whether a wait of `length_ms` that ends at `until` still runs; instants in epoch ms. One set in the future is over."""
    return now < until <= now + length_ms


def bounded(until: int, *, length_ms: int, now: int) -> int:
    """The end of a wait, no further from now than it is long."""
    return min(until, now + length_ms)
