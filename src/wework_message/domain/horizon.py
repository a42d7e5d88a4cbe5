"""The times that keep a message from being sent twice, and the checks that they fit together (D-39, R-T1).

All in ms. Each rule compares two of them; a service whose settings break one must not start.
"""

from typing import Final

from wework_message.domain.errors import InvalidValueError

WRITE_WITHIN_MS: Final = 2_000
"""W: the first byte leaves within this of the intent, or the call is not made."""

LEASE_MARGIN_MS: Final = 10_000
"""How much longer than its call a lease lasts: time to record the answer."""

SYNC_INTERVALS: Final = 3
"""An absence counts only after this many pulls of the account's stream."""


def lease_ms(deadline_ms: int) -> int:
    """How long a claimed row stays leased: W + the call's total deadline + 10 s (D-39)."""
    return WRITE_WITHIN_MS + deadline_ms + LEASE_MARGIN_MS


def horizon_ms(configured_ms: int, sync_interval_ms: int | None = None) -> int:
    """H: how late an echo may come; at least three sync intervals where sync is used (D-39)."""
    return configured_ms if sync_interval_ms is None else max(configured_ms, SYNC_INTERVALS * sync_interval_ms)


def lane_block_ms(horizon: int) -> int:
    """2H: an UNKNOWN blocks its lane no longer than this (D-17)."""
    return 2 * horizon


def check_timing(
    *,
    deadline_ms: int,
    horizon: int,
    expire_after_ms: int,
    sync_interval_ms: int | None = None,
    lease: int | None = None,
) -> None:
    """Assert at start that one provider's times fit together; raises `InvalidValueError` naming the setting.

    `deadline_ms` is its `timeout-ms`, `horizon` H, `expire_after_ms` the life of a message that names no `expiresAt`,
    `lease` the lease in use (default: `lease_ms`).
    """
    if horizon < deadline_ms:
        raise InvalidValueError("unknown.horizon-seconds", "must be at least the provider's timeout-ms")
    if sync_interval_ms is not None and horizon < SYNC_INTERVALS * sync_interval_ms:
        raise InvalidValueError("unknown.horizon-seconds", f"must be at least {SYNC_INTERVALS} sync intervals")
    if lease is not None and lease < lease_ms(deadline_ms):
        raise InvalidValueError("timeout-ms", "a lease must outlive its call")
    if expire_after_ms <= lease_ms(deadline_ms):
        raise InvalidValueError("timeout-ms", "a message must live longer than one call")
