"""Store metrics: numbers from the database, shown by one process of the cluster at a time (R-M2)."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.asset import MediaState
from wework_message.domain.ports.store_metrics import Invariant, MediaWork, StoreMetrics

INTERVAL_S: Final = 15.0
"""How often the cheap metrics are read; about as often as they are scraped."""

ROUNDS_PER_INVARIANT_CHECK: Final = 20
"""Rounds between two checks of the invariants (five minutes), and two counts of assets: a check reads everything that is open."""

LEASE_MS: Final = 40_000
"""Metrics are shown no longer than this after they were read: then another process may show newer ones."""

LEASE_NAME: Final = "census"

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """The metrics of one round."""

    oldest_due_ms: int
    unknown_open: Mapping[ProviderCode, int]
    violations: Mapping[Invariant, int]
    webhook_overdue_ms: int = 0
    media_overdue_ms: int = 0
    media_jobs: Mapping[MediaWork, int] = field(default_factory=dict)
    media_assets: Mapping[MediaState, int] = field(default_factory=dict)
    oldest_open_ms: Mapping[MessageStatus, int] = field(default_factory=dict)
    inbox_lag_ms: int = 0


ShowSnapshot = Callable[[StoreSnapshot | None], None]
"""Shows the newest metrics; None = another process shows them."""


class StoreMetricsReporter:
    """Reads and shows the metrics for as long as this process has the lease."""

    def __init__(self, store_metrics: StoreMetrics, lease: ClusterLease, show: ShowSnapshot) -> None:
        """`show` is called after every round."""
        self._store_metrics = store_metrics
        self._lease = lease
        self._show = show
        self._rounds = 0
        self._violations: Mapping[Invariant, int] = {}
        self._media_assets: Mapping[MediaState, int] = {}
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the round at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`; the first round is at once. At the end another process may take over."""
        while not self._stopped.is_set():
            try:
                await self.round()
            except UnavailableError:
                self._forget()
            except Exception:  # noqa: BLE001 -- metrics are not what the process is for
                _log.exception("numbers of the database could not be taken")
                self._forget()
            await set_within(self._stopped, INTERVAL_S)
        self._forget()
        await self._lease.release()

    async def round(self) -> None:
        """Read and show the metrics if this process has the lease, else show nothing. Raises `UnavailableError`."""
        if not await self._lease.acquire():
            self._forget()
            return
        if self._rounds % ROUNDS_PER_INVARIANT_CHECK == 0:
            self._violations = await self._store_metrics.violations()
            self._media_assets = await self._store_metrics.media_assets()
        self._rounds += 1
        oldest, unknown = await self._store_metrics.oldest_due_ms(), await self._store_metrics.unknown_open()
        overdue = await self._store_metrics.webhook_overdue_ms()
        jobs, late = await self._store_metrics.media_jobs(), await self._store_metrics.media_overdue_ms()
        ages, lag = await self._store_metrics.oldest_open_ms(), await self._store_metrics.inbox_lag_ms()
        self._show(StoreSnapshot(oldest, unknown, self._violations, overdue, late, jobs, self._media_assets, ages, lag))

    def _forget(self) -> None:
        self._rounds = 0
        self._show(None)
