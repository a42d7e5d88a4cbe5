"""Does the stored erasures, in one process of the cluster at a time."""

import asyncio
import logging
from typing import Final

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.waiting import set_within
from wework_message.domain.erasure import Erasure, Part
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import ErasureId
from wework_message.domain.ports.erasures import ErasureReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock

LEASE_NAME: Final = "erasures"

LEASE_MS: Final = 6_000
"""A process that dies is followed by another one after so long. Each step renews it."""

IDLE_S: Final = 1.0
"""How soon a new erasure is seen."""

ROWS_PER_STEP: Final = 200
"""Rows that one transaction looks at."""

MESSAGES_PER_STEP: Final = 20
"""Messages, all of which are erased with what belongs to them: as much work as 200 rows that are looked at."""

PAUSE_S: Final = 0.1
"""Between two steps: what others commit meanwhile does not wait for more than one."""

_log: Final = logging.getLogger(__name__)


class ErasureRunner:
    """A loop: one step of the erasure that is due first, in a transaction with the position that it has reached, and a pause.

    So a process that is killed loses nothing but the step at hand, which did not happen then. Two processes would wait for
    the lock of the erasure, and the second one would go on behind the first.
    """

    def __init__(
        self,
        erasures: ErasureReader,
        units: UnitOfWorkFactory,
        lease: ClusterLease,
        clock: Clock,
        messages: int = MESSAGES_PER_STEP,
    ) -> None:
        """`lease` is that of `LEASE_NAME`."""
        self._erasures = erasures
        self._units = units
        self._lease = lease
        self._clock = clock
        self._messages = messages
        self._held = False
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the step at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`; the first step is at once."""
        while not self._stopped.is_set():
            wait_s = IDLE_S
            try:
                wait_s = await self.round()
            except UnavailableError:
                _log.info("erasures wait for the database")
            except Exception:  # noqa: BLE001 -- a defect only pauses it, such as a row of a later version
                _log.exception("erasures failed")
            await set_within(self._stopped, wait_s)
        if self._held:
            await self._lease.release()

    async def round(self) -> float:
        """One step, where one is due; returns how many seconds to wait for the next round. Raises `UnavailableError`."""
        erasure = await self._erasures.next()
        if erasure is None:
            return IDLE_S
        if (wait_ms := erasure.wait_ms(self._clock.now())) > 0:
            return min(IDLE_S, wait_ms / 1000)
        try:
            done = await self._step(erasure.id)
        except UnavailableError:
            raise
        except Exception:  # noqa: BLE001 -- a defect that one erasure meets must not stop the others
            _log.exception("erasure %s failed", erasure.id)
            await self._put_off(erasure.id)
            return PAUSE_S
        if done is None:
            return IDLE_S
        if done.done:
            _log.info("erasure %s is done: %d rows", done.id, done.erased.total())
        return PAUSE_S

    async def _step(self, erasure_id: ErasureId) -> Erasure | None:
        """The erasure after its next step; None where another process does the erasures, or has done this one."""
        async with self._units() as unit:
            self._held = await self._lease.acquire_in(unit)
            erasure = await unit.erasures.get(erasure_id) if self._held else None
            now = self._clock.now()
            if erasure is None or erasure.done or erasure.wait_ms(now) > 0:
                return None
            limit = self._messages if erasure.part is Part.MESSAGES else ROWS_PER_STEP
            erasure.advance(await unit.erasures.erase(erasure.step(now=now), limit=limit), now=now)
            await unit.erasures.save(erasure)
            await unit.commit()
        return erasure

    async def _put_off(self, erasure_id: ErasureId) -> None:
        async with self._units() as unit:
            erasure = await unit.erasures.get(erasure_id)
            if erasure is not None:
                erasure.put_off(now=self._clock.now())
                await unit.erasures.save(erasure)
                await unit.commit()
