"""The loop that activates standbys of accounts which have nothing left to send through (M-5)."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.accounts.activate import ActivateBinding
from wework_message.application.accounts.activation_leases import ActivationLeases
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.dispatch.candidates import Candidates
from wework_message.application.dispatch.stranded import Stranded
from wework_message.application.errors import ApplicationError
from wework_message.application.waiting import set_within
from wework_message.domain.account import Binding, NotActivatableError, SlotOccupiedError
from wework_message.domain.errors import WeworkMessageError
from wework_message.domain.ids import AccountId, TenantId
from wework_message.domain.ports.accounts import AccountReader
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.filters import is_stranded
from wework_message.domain.standby import StandbyEvent, to_activate

LEASE_NAME: Final = "standbys"
LEASE_MS: Final = 120_000
"""Longer than one activation takes, at an instance that answers each question late; it is renewed before each."""

POLL_S: Final = 1.0
"""Between two rounds, at least."""

FIRST_PAUSE_MS: Final = 30_000
MAX_PAUSE_MS: Final = 600_000
"""An account whose standby did not log in is left alone that long, twice as long each time: logins in a row look like an attack."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Failed:
    """An account that could not be rescued."""

    until: float
    """By `Clock.boot`."""
    pause_ms: int


class ActivateStandbys:
    """One process of the cluster at a time logs in; each looks after the accounts that its own claims found."""

    def __init__(
        self,
        stranded: Stranded,
        activate: ActivateBinding,
        leases: ActivationLeases,
        reader: AccountReader,
        candidates: Candidates,
        observer: Observer,
        lease: ClusterLease,
        clock: Clock,
    ) -> None:
        """`candidates` knows how bindings are, `observer` is told what came of it."""
        self._stranded = stranded
        self._activate = activate
        self._leases = leases
        self._reader = reader
        self._candidates = candidates
        self._observer = observer
        self._lease = lease
        self._clock = clock
        self._failed: dict[AccountId, _Failed] = {}
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the account at hand."""
        self._stopped.set()
        self._stranded.noted.set()

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stopped.is_set():
            await self._stranded.noted.wait()
            if not self._stopped.is_set():
                await self.round()
                await set_within(self._stopped, POLL_S)

    async def round(self) -> None:
        """Look after the accounts that were found, if no other process does so now; it never raises."""
        if not await self._lease.acquire():
            return
        try:
            for tenant_id, account_id in self._stranded.take():
                if self._stopped.is_set() or not await self._lease.acquire():
                    return
                await self._guarded(tenant_id, account_id)
        finally:
            await self._lease.release()

    async def _guarded(self, tenant_id: TenantId, account_id: AccountId) -> None:
        try:
            await self._rescue(tenant_id, account_id)
        except WeworkMessageError as error:  # an outage, or another process was faster: its messages name it again
            _log.warning("the standbys of account %s could not be looked at: %s", account_id, error)
        except Exception:  # noqa: BLE001 -- one defect must not end the others
            _log.exception("the standbys of account %s could not be looked at", account_id)

    async def _rescue(self, tenant_id: TenantId, account_id: AccountId) -> None:
        failed = self._failed.get(account_id)
        if failed is not None and self._clock.boot() < failed.until:
            return
        if await self._standbys(tenant_id, account_id) is None:
            self._failed.pop(account_id, None)
            return
        events: list[StandbyEvent] = []
        try:
            async with self._leases.of(account_id) as lease:
                is_helped = await self._helped(lease, tenant_id, account_id, events)
        finally:
            for event in events:  # by now the account is free: whoever hears of it may activate by hand at once
                self._observer.standby(account_id, event)
        if is_helped:
            return
        pause_ms = FIRST_PAUSE_MS if failed is None else min(2 * failed.pause_ms, MAX_PAUSE_MS)
        self._failed[account_id] = _Failed(self._clock.boot() + pause_ms, pause_ms)
        self._observer.standby(account_id, StandbyEvent.NEEDS_PERSON)

    async def _standbys(self, tenant_id: TenantId, account_id: AccountId) -> Sequence[Binding] | None:
        """What may be activated, the best first; None where the account needs no standby."""
        entry = await self._reader.account(tenant_id, account_id)
        if entry is None or not entry[0].enabled:
            return None
        candidates = self._candidates.of_account(entry[1], now=self._clock.now())
        return to_activate(candidates) if is_stranded(candidates) else None

    async def _helped(
        self, lease: ClusterLease, tenant_id: TenantId, account_id: AccountId, events: list[StandbyEvent]
    ) -> bool:
        """Whether the account needs no standby any more; `events` get what came of each."""
        # Whoever had the lease before may have helped the account, by hand or in another process.
        standbys = await self._standbys(tenant_id, account_id)
        for standby in standbys or ():
            events.append(await self._activated(lease, tenant_id, standby))
            if events[-1] is StandbyEvent.ACTIVATED:
                self._failed.pop(account_id, None)
                return True
        return standbys is None or await self._standbys(tenant_id, account_id) is None  # a holder said that it is back

    async def _activated(self, lease: ClusterLease, tenant_id: TenantId, standby: Binding) -> StandbyEvent:
        try:
            await self._activate.under(lease, tenant_id, standby.account_id, standby.binding_id)
        except SlotOccupiedError:
            return StandbyEvent.SLOT_OCCUPIED
        except (NotActivatableError, ApplicationError) as error:
            _log.warning("binding %s could not be activated: %s", standby.binding_id, error)
            return StandbyEvent.NOT_LOGGED_IN
        return StandbyEvent.ACTIVATED
