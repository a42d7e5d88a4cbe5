"""Background probes: whether providers answer, and whether suspect instances are online (M-6.5, D-43)."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.maintenance.tasks import ClusterLease
from wework_message.application.policy import PROBE_INTERVAL_MS
from wework_message.application.waiting import set_within
from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.system import Clock

MIN_PROBE_INTERVAL_MS: Final = 1_000
"""Requested rounds come no faster than this: a provider in trouble is not probed once per refusal."""

_log: Final = logging.getLogger(__name__)


class StoreBindingStates:
    """The transaction's part of a probe: whether an instance is online."""

    async def __call__(self, scope: CommitScope, items: Sequence[tuple[BindingId, bool]], /) -> Sequence[None]:
        """`items` are bindings, and whether they are online."""
        for binding_id, online in items:
            await scope.unit.accounts.learn(binding_id, online=online)
        return [None] * len(items)


@dataclass(frozen=True, slots=True)
class ProbeProviders:
    """One round of read-only calls; nothing probes on the request path (D-21)."""

    gateways: Mapping[ProviderCode, MessageGateway]
    board: HealthBoard
    clock: Clock
    commits: Commits
    store: StoreBindingStates = field(default_factory=StoreBindingStates)

    async def __call__(self) -> None:
        """Probe every provider and every suspect binding, concurrently."""
        await asyncio.gather(
            *(_guarded(self._provider(code, gateway)) for code, gateway in self.gateways.items()),
            *(_guarded(self._binding(*suspect)) for suspect in self.board.suspects()),
        )

    async def _provider(self, code: ProviderCode, gateway: MessageGateway) -> None:
        answered = await gateway.probe()
        self.board.probed(code, answered, self.clock.now())

    async def _binding(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """The answer counts in this process at once, and a change is stored for the others and for the next start."""
        state = await self.gateways[provider_code].client_state(guid)
        now = self.clock.now()
        before = self.board.route(provider_code, binding_id, "", now).state
        self.board.binding_state(binding_id, state, now)
        if state is not ClientState.UNKNOWN and state.value != before.value:
            await self.commits.submit(self.store, (binding_id, state is ClientState.ONLINE))


async def _guarded(probe: Awaitable[None]) -> None:
    """A probe that fails is logged, and the others go on."""
    try:
        await probe
    except Exception:  # noqa: BLE001 -- the next round comes soon
        _log.exception("probe failed")


class Prober:
    """Probes until it is stopped."""

    def __init__(
        self,
        probe: ProbeProviders,
        interval_ms: int = PROBE_INTERVAL_MS,
        min_interval_ms: int = MIN_PROBE_INTERVAL_MS,
        *,
        lease: ClusterLease | None = None,
    ) -> None:
        """`interval_ms` between the end of a round and the next; a requested round waits `min_interval_ms` only.

        `lease` where the health board is shared: its holder makes the rounds that were not requested.
        """
        self._probe = probe
        self._lease = lease
        self._interval_s = interval_ms / 1000
        self._min_interval_s = min_interval_ms / 1000
        self._requested = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopping = False

    def ask_now(self) -> None:
        """Request a round at once: an answer made a binding suspect (D-43)."""
        self._requested.set()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the round at hand."""
        self._stopping = True
        self._stopped.set()
        self._requested.set()

    async def run(self) -> None:
        """The first round is at once."""
        while not self._stopping:
            requested = self._requested.is_set()
            self._requested.clear()
            await _guarded(self._round(requested=requested))
            if await set_within(self._requested, self._interval_s):
                await set_within(self._stopped, self._min_interval_s)
        if self._lease is not None:
            await self._lease.release()

    async def _round(self, *, requested: bool) -> None:
        if requested or self._lease is None or await self._lease.acquire():
            await self._probe()
