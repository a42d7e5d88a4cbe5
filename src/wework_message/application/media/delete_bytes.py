"""Deletes from the store the bytes that no asset has any more."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import HolderToken
from wework_message.domain.ports.media_store import BlobKey, MediaStore
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock

LEASE_MS: Final = 600_000
"""For so long nobody else deletes what was claimed, and nobody puts it anew."""

DELETING_MS: Final = LEASE_MS // 2
"""Within this time of a claim deletions begin: a process that was stopped meanwhile deletes nothing that somebody has put since."""

KEYS_PER_ROUND: Final = 20

IDLE_S: Final = 60.0

PAUSE_S: Final = 0.1
"""Between two rounds."""

_log: Final = logging.getLogger(__name__)


class DeleteBytes:
    """A loop: claims, deletes, and forgets what it has deleted. Any number of processes may do it.

    No transaction is open while the store is asked. A process that dies before it forgets them leaves them to the next one, which
    deletes them again once the lease has ended.
    """

    def __init__(
        self, units: UnitOfWorkFactory, store: MediaStore, new_holder: Callable[[], HolderToken], clock: Clock
    ) -> None:
        """Each claim has a token of `new_holder`."""
        self._units = units
        self._store = store
        self._new_holder = new_holder
        self._clock = clock
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the deletion at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`; the first round is at once."""
        while not self._stopped.is_set():
            more = False
            try:
                more = await self.round()
            except UnavailableError as error:
                _log.info("bytes of media that nobody needs stay for now: %s", error)
            except Exception:  # noqa: BLE001 -- a defect here must not end the loop
                _log.exception("bytes of media that nobody needs could not be deleted")
            await set_within(self._stopped, PAUSE_S if more else IDLE_S)

    async def round(self) -> bool:
        """Delete what is due; whether there may be more. Raises `UnavailableError`: the rest follows once the lease has ended."""
        holder, began = self._new_holder(), self._clock.boot()
        async with self._units() as unit:
            claimed = await unit.media.unowned(KEYS_PER_ROUND, lease_ms=LEASE_MS, holder=holder)
            await unit.commit()
        gone: list[BlobKey] = []
        try:
            for key in claimed:
                if self._stopped.is_set() or self._clock.boot() - began > DELETING_MS:
                    break
                await self._store.delete(key)
                gone.append(key)
        finally:
            if gone:
                await self._forget(gone, holder)
        return len(gone) == KEYS_PER_ROUND

    async def _forget(self, gone: list[BlobKey], holder: HolderToken) -> None:
        async with self._units() as unit:
            await unit.media.deleted(gone, holder=holder)
            await unit.commit()
