"""Clock, ids and random source that a test controls."""

import itertools
from typing import Final

from wework_message.domain.ids import (
    AccountId,
    AuditId,
    BatchId,
    ErasureId,
    EventId,
    MediaId,
    MessageId,
    PlacementId,
    ReplayId,
    WebhookId,
)
from wework_message.domain.ports.system import Clock, IdGenerator, RandomSource

EPOCH_MS: Final = 1_750_000_000_000
"""The start of a `SettableClock`: June 2025."""


class SettableClock:
    """Moves only when a test moves it."""

    def __init__(self, now: int = EPOCH_MS, boot: float = 1_000_000.0) -> None:
        """`now` in epoch ms, `boot` in ms since boot."""
        self._now = now
        self._boot = boot

    def now(self) -> int:
        return self._now

    def boot(self) -> float:
        return self._boot

    def advance(self, ms: int) -> None:
        """Let `ms` pass on both clocks."""
        self._now += ms
        self._boot += ms

    def jump(self, ms: int) -> None:
        """Set the wall clock forward, or back where `ms` is negative; the boot clock goes on as before."""
        self._now += ms


class CountingIds:
    """UUIDv7 shapes that count up, so that a test can write them down."""

    def __init__(self) -> None:
        """Starts at 1."""
        self._serial = itertools.count(1)

    def message_id(self) -> MessageId:
        return MessageId(self._next())

    def batch_id(self) -> BatchId:
        return BatchId(self._next())

    def account_id(self) -> AccountId:
        return AccountId(self._next())

    def replay_id(self) -> ReplayId:
        return ReplayId(self._next())

    def erasure_id(self) -> ErasureId:
        return ErasureId(self._next())

    def placement_id(self) -> PlacementId:
        return PlacementId(self._next())

    def webhook_id(self) -> WebhookId:
        return WebhookId(self._next())

    def event_id(self) -> EventId:
        return EventId(self._next())

    def media_id(self) -> MediaId:
        return MediaId(self._next())

    def audit_id(self) -> AuditId:
        return AuditId(self._next())

    def _next(self) -> str:
        return f"00000000-0000-7000-8000-{next(self._serial):012x}"


class FixedRandom:
    """Always returns the same number."""

    def __init__(self, value: float = 0.5) -> None:
        """`value` in [0, 1)."""
        self.value = value

    def fraction(self) -> float:
        return self.value


def _conforms(
    clock: SettableClock, ids: CountingIds, random_source: FixedRandom
) -> tuple[Clock, IdGenerator, RandomSource]:
    return clock, ids, random_source
