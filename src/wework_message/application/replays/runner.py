"""Does the stored replays, in one process of the cluster at a time."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.commit.scope import Commits
from wework_message.application.errors import DrainingError
from wework_message.application.replays.steps import PartCounted, PartEnded, PartSelected, ReplaySteps
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId, ReplayId
from wework_message.domain.ports.replays import FailedMessageReader, ReplayReader
from wework_message.domain.ports.system import Clock
from wework_message.domain.replay import START, Replay, ReplayState

LEASE_NAME: Final = "replays"

LEASE_MS: Final = 6_000
"""A process that dies is followed by another one after so long. Two at once would do no harm, see `ReplaySteps`."""

RENEWAL_MS: Final = 2_000
"""How often the lease is renewed."""

IDLE_S: Final = 1.0
"""How soon a new replay is seen, and what became of replayed messages."""

TICK_S: Final = 0.1
"""The pause between two steps of a replay: at the highest rate each step has as many messages as it may have."""

MAX_ACTIVE: Final = 20
"""Replays that are done side by side; the oldest first."""

MAX_SETTLING: Final = 20
"""Finished replays of which it is seen each second what became of their messages, in turn: they hold no others up."""

MAX_LOOKED_AT: Final = 500
"""Replayed messages that are looked at in one round."""

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Looking:
    """Where a replay goes on to see what became of its messages. Losing it costs a look."""

    after: MessageId = START
    next_at: float = 0.0
    """By the boot clock."""


class ReplayRunner:
    """A loop: it looks for replays, and does their steps as the rate of each allows."""

    def __init__(
        self,
        replays: ReplayReader,
        failed: FailedMessageReader,
        commits: Commits,
        steps: ReplaySteps,
        lease: ClusterLease,
        clock: Clock,
    ) -> None:
        """`lease` is that of `LEASE_NAME`."""
        self._replays = replays
        self._failed = failed
        self._commits = commits
        self._steps = steps
        self._lease = lease
        self._clock = clock
        self._held_until = 0.0
        self._looking: dict[ReplayId, _Looking] = {}
        self._settled_to = ReplayId("")
        self._settles_at = 0.0
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the step at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`; the first round is at once."""
        while not self._stopped.is_set():
            wait_s = IDLE_S
            try:
                wait_s = await self.round()
            except UnavailableError:
                _log.info("replays wait for the database")
            except DrainingError:
                break
            await set_within(self._stopped, wait_s)
        if self._held_until:
            await self._lease.release()

    async def round(self) -> float:
        """One step of each active replay; returns how many seconds to wait for the next round. Raises `UnavailableError`."""
        active = [*await self._replays.active(limit=MAX_ACTIVE), *await self._settling()]
        if not active or not await self._is_held():
            return IDLE_S
        return min([await self._guarded(replay) for replay in active])

    async def _settling(self) -> Sequence[Replay]:
        """The next finished replays that have open messages, once a second."""
        if (now := self._clock.boot()) < self._settles_at:
            return ()
        self._settles_at = now + IDLE_S * 1000
        settling = await self._replays.settling(after=self._settled_to, limit=MAX_SETTLING)
        self._settled_to = settling[-1].id if len(settling) == MAX_SETTLING else ReplayId("")
        return settling

    async def _is_held(self) -> bool:
        """Whether this process does the replays."""
        now = self._clock.boot()
        if now >= self._held_until:
            held = await self._lease.acquire()
            self._held_until = now + RENEWAL_MS if held else 0.0
        return self._held_until > 0

    async def _guarded(self, replay: Replay) -> float:
        """A defect that one replay meets must not stop the others."""
        try:
            return await self._advance(replay)
        except (UnavailableError, DrainingError):
            raise
        except Exception:  # noqa: BLE001 -- see above
            _log.exception("replay %s failed", replay.id)
            return IDLE_S

    async def _advance(self, replay: Replay) -> float:
        await self._look_at_outcomes(replay)
        if replay.state is ReplayState.COUNTING:
            counted = await self._failed.count(
                replay.tenant_id, replay.selection, after=replay.position, until=replay.id
            )
            await self._commits.submit(self._steps, PartCounted(replay.id, replay.position, counted))
            return 0.0
        if replay.state is not ReplayState.RUNNING:
            return IDLE_S
        now = self._clock.now()
        if (allowed := replay.allowed(now)) > 0:
            replay = await self._commits.submit(self._steps, await self._next_part(replay, allowed))
        if replay.done:
            _log.info("replay %s: %d replayed, %d skipped", replay.id, replay.replayed, replay.skipped)
            return IDLE_S
        return max(TICK_S, min(IDLE_S, replay.wait_ms(now) / 1000))

    async def _next_part(self, replay: Replay, limit: int) -> PartSelected:
        if replay.selection.message_ids:
            message_ids, reached = replay.named(limit)
            return PartSelected(replay.id, replay.position, message_ids, reached)
        selected = await self._failed.select(
            replay.tenant_id, replay.selection, after=replay.position, until=replay.id, limit=limit
        )
        return PartSelected(replay.id, replay.position, selected.message_ids, selected.reached)

    async def _look_at_outcomes(self, replay: Replay) -> None:
        """See what became of some of its messages, once a second."""
        if len(self._looking) > MAX_LOOKED_AT:
            self._looking.clear()
        looking, now = self._looking.setdefault(replay.id, _Looking()), self._clock.boot()
        if now < looking.next_at or (replay.open == 0 and not replay.done):
            return
        looking.next_at = now + IDLE_S * 1000
        ended, reached = await self._replays.ended(replay.id, after=looking.after, limit=MAX_LOOKED_AT)
        looking.after = reached or START
        if ended or not replay.is_active(self._clock.now()):
            await self._commits.submit(self._steps, PartEnded(replay.id, ended))
