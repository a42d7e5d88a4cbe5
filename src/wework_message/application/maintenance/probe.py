"""Background probes: whether providers answer, and whether suspect instances are online (M-6.5, D-43)."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.application.maintenance.polls import InstancePolls
from wework_message.application.maintenance.traffic import CheckTraffic
from wework_message.application.policy import PROBE_INTERVAL_MS
from wework_message.application.waiting import set_within
from wework_message.domain.account import Binding
from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.system import Clock

MIN_PROBE_INTERVAL_MS: Final = 1_000
"""Requested rounds come no faster than this: a provider in trouble is not probed once per refusal."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProbeProviders:
    """One round of read-only calls; nothing probes on the request path (D-21)."""

    gateways: Mapping[ProviderCode, MessageGateway]
    board: HealthBoard
    clock: Clock
    states: BindingStates
    polls: InstancePolls = field(default_factory=InstancePolls)

    async def __call__(self, *, polling: bool = False) -> None:
        """Probe every provider and every suspect binding, concurrently; `polling`: also some instances that are in use."""
        suspects = self.board.suspects()
        answers = dict[ProviderCode, bool]()
        unsaid = list[tuple[ProviderCode, BindingId]]()
        await asyncio.gather(
            *(_guarded(self._provider(code, gateway, polling, answers)) for code, gateway in self.gateways.items()),
            *(_guarded(self._binding(*suspect, unsaid)) for suspect in suspects),
        )
        for provider_code, binding_id in unsaid:
            if answers.get(provider_code):  # a provider that cannot say how an instance is must not keep it shut
                self.board.reachable(binding_id, self.clock.now())
        await _guarded(self.states.retry())

    async def _provider(
        self, code: ProviderCode, gateway: MessageGateway, polling: bool, answers: dict[ProviderCode, bool]
    ) -> None:
        """A provider answers if it says how one of its instances is; without any it is asked for all of them."""
        polled = self.polls.choose(code, self.board.in_use(code)) if polling else ()
        said = await asyncio.gather(*(self._poll(code, gateway, *instance) for instance in polled))
        answers[code] = any(said) or await gateway.probe()
        self.board.probed(code, answers[code], self.clock.now())

    async def _poll(self, code: ProviderCode, gateway: MessageGateway, binding_id: BindingId, guid: Guid) -> bool:
        """Whether it said how the instance is."""
        state = await gateway.client_state(guid)
        if state is ClientState.UNKNOWN:
            return False
        if self.polls.believes(binding_id, state):
            await self._learn(code, binding_id, guid, state)
        return True

    async def _binding(
        self,
        provider_code: ProviderCode,
        binding_id: BindingId,
        guid: Guid,
        unsaid: list[tuple[ProviderCode, BindingId]],
    ) -> None:
        """Something speaks against it already, so one answer is enough."""
        state = await self.gateways[provider_code].client_state(guid)
        if state is ClientState.UNKNOWN:
            unsaid.append((provider_code, binding_id))
        else:
            await self._learn(provider_code, binding_id, guid, state)

    async def _learn(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid, state: ClientState) -> None:
        """The answer counts in this process at once, and is stored for the others and for the next start.

        An account does not go offline while sends go on through a sibling that was only never asked.
        """
        self.board.binding_state(binding_id, state, self.clock.now())
        if state is ClientState.OFFLINE:
            unasked = await self.states.unasked(binding_id, provider_code, guid)
            await asyncio.gather(*(self._sibling(sibling) for sibling in unasked))
        await self._store(binding_id, state)

    async def _sibling(self, sibling: Binding) -> None:
        gateway = self.gateways.get(sibling.provider_code)
        state = ClientState.UNKNOWN if gateway is None else await gateway.client_state(sibling.guid)
        if state is not ClientState.UNKNOWN:
            self.board.binding_state(sibling.binding_id, state, self.clock.now())
            await self._store(sibling.binding_id, state)

    async def _store(self, binding_id: BindingId, state: ClientState) -> None:
        await self.states.store(binding_id, online=state is ClientState.ONLINE)


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
        check_traffic: CheckTraffic | None = None,
    ) -> None:
        """`interval_ms` between the end of a round and the next; a requested round waits `min_interval_ms` only.

        `lease` where the health board is shared: its holder makes the rounds that were not requested.
        `check_traffic` belongs to these rounds.
        """
        self._probe = probe
        self._lease = lease
        self._check_traffic = check_traffic
        self._interval_s = interval_ms / 1000
        self._min_interval_s = min_interval_ms / 1000
        self._requested = asyncio.Event()
        self._stopped = asyncio.Event()

    def ask_now(self) -> None:
        """Request a round at once: an answer made a binding suspect (D-43)."""
        self._requested.set()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the round at hand."""
        self._stopped.set()
        self._requested.set()

    async def run(self) -> None:
        """The first round is at once."""
        while not self._stopped.is_set():
            requested = self._requested.is_set()
            self._requested.clear()
            await _guarded(self._round(requested=requested))
            if await set_within(self._requested, self._interval_s):
                await set_within(self._stopped, self._min_interval_s)
        if self._lease is not None:
            await self._lease.release()

    async def _round(self, *, requested: bool) -> None:
        if requested:
            await self._probe()
        elif self._lease is None or await self._lease.acquire():
            await self._probe(polling=True)
            if self._check_traffic is not None:
                await self._check_traffic()
