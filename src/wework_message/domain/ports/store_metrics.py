"""Metrics of the store for operators; each is an indexed query over open rows, never over history."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

from wework_message.domain.ids import ProviderCode
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.media.asset import MediaState

RECENT_MS: Final = 2 * 3_600_000
"""Invariants of messages at rest are checked for messages that were accepted within this time."""

LEASE_OVERDUE_MS: Final = 300_000
"""A process should have taken a lease that ran out this long ago."""

MAX_COUNTED_VIOLATIONS: Final = 1_000
"""Violations of one kind are counted up to this number."""


OPEN: Final = tuple(status for status in MessageStatus if status not in RESTING)
"""Statuses in which something may still become of a message."""

MAX_COUNTED_MEDIA: Final = 10_000
"""Jobs of media, and assets of a state, are counted up to this number."""


class MediaWork(StrEnum):
    """What jobs of media do; the names are label values."""

    FETCH = "fetch"
    UPLOAD = "upload"


class Invariant(StrEnum):
    """Violations that must never occur (R-I1 to R-I12); the names are label values."""

    STRANDED = "stranded"
    """A message is open, and nothing will handle it (R-I1)."""
    SENDING_WITHOUT_INTENT = "sending_without_intent"
    """A message is SENDING, and has no unsettled attempt (R-I3)."""
    SENT_WITHOUT_PROOF = "sent_without_proof"
    """A recent message is SENT or DELIVERED, and no attempt was accepted or seen (R-I6)."""
    FAILED_UNPROVEN = "failed_unproven"
    """A recent message is FAILED for certain, and an attempt of it may have been executed (R-I7)."""
    LEASE_OVERDUE = "lease_overdue"
    """A call's lease ran out five minutes ago, and no process has taken it."""


class StoreMetrics(Protocol):
    """Queries on what is committed. They raise `UnavailableError`."""

    async def oldest_due_ms(self) -> int:
        """For how long the oldest due row has been waiting to be claimed, by the database's clock; 0 = nothing is due."""
        ...

    async def oldest_open_ms(self) -> Mapping[MessageStatus, int]:
        """How long ago the oldest message of each status of `OPEN` was accepted; 0 = there is none."""
        ...

    async def webhook_overdue_ms(self) -> int:
        """For how long the delivery to an enabled endpoint of a client is due that is due for longest; 0 = none is due."""
        ...

    async def inbox_lag_ms(self) -> int:
        """How long ago the oldest callback arrived that waits to be applied (PENDING); 0 = none does."""
        ...

    async def unknown_open(self) -> Mapping[ProviderCode, int]:
        """Messages that are UNKNOWN now, by the provider of their last attempt."""
        ...

    async def media_jobs(self) -> Mapping[MediaWork, int]:
        """Fetches and uploads that have not ended, `MAX_COUNTED_MEDIA` at most in all."""
        ...

    async def media_overdue_ms(self) -> int:
        """For how long the fetch or upload is due that is due for longest; 0 = none is due."""
        ...

    async def media_assets(self) -> Mapping[MediaState, int]:
        """Assets by state, `MAX_COUNTED_MEDIA` at most of each."""
        ...

    async def violations(self) -> Mapping[Invariant, int]:
        """Every invariant with the number of rows that break it, `MAX_COUNTED_VIOLATIONS` at most."""
        ...
